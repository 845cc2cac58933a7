"""A release published to an object store through fsspec: contents first, and what makes a release of them last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from throng.errors import ThrongError
from throng.publishing.parcel import Entry, Parcel, Plan
from throng.release.index import INDEX

READ_BYTES = 32 * 2**20


class StoreTarget:
    """A place in a store by its URL, such as ``s3://bucket/folder``.

    An object of a store appears whole, but many do not appear at once. So a release goes to a place that holds no
    other, its contents before its card, index and checksums, without which no reader takes it for a release.
    """

    def __init__(self, url: str, jobs: int = 4, **options: Any) -> None:
        """Connect; raises ThrongError when the URL's protocol needs a library that is not installed."""
        import fsspec

        self.url, self._jobs = url.rstrip("/"), jobs
        try:
            self._fs, self._root = fsspec.core.url_to_fs(self.url, **options)
        except (ImportError, ValueError) as error:
            raise ThrongError(f"{url}: {error} (for s3:// pip install 'throng[s3]')") from error

    def survey(self, parcel: Parcel) -> Plan:
        """List the place; raises ThrongError when it holds another release, or files of something else."""
        sizes = self._listed()
        if INDEX in sizes:
            self._check_same(parcel)
        if strange := sorted(set(sizes) - set(parcel.files)):
            raise ThrongError(
                f"{self.url}: holds {strange[0]}, which is not of {parcel.name} {parcel.version}; publish to an empty "
                f"place, such as {self.url}/{parcel.version}"
            )
        there = [entry for entry in parcel.files.values() if sizes.get(entry.path) == entry.bytes]
        notes = ["this release is there already"] if len(there) == len(parcel.files) else []
        return Plan([entry for entry in parcel.files.values() if entry not in there], there, [], notes)

    def publish(self, parcel: Parcel, done: Callable[[Entry], None]) -> str:
        """Send what is not there with equal content, read everything back, and write index and checksums last."""
        there = {entry.path for entry in self.survey(parcel).there}

        def settle(entry: Entry) -> None:
            if entry.path not in there or self._sha256(entry) != entry.sha256:
                self._call(f"send {entry.path}", self._fs.put_file, str(parcel.local(entry)), self._at(entry))
                if self._sha256(entry) != entry.sha256:
                    raise parcel.differs(entry, f"{self.url}/{entry.path}")
            done(entry)

        with ThreadPoolExecutor(self._jobs) as pool:
            waiting = [pool.submit(settle, entry) for entry in parcel.contents]
            try:
                for future in waiting:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        for entry in parcel.seals:
            settle(entry)
        found = self._listed()
        if found != {entry.path: entry.bytes for entry in parcel.files.values()}:
            raise ThrongError(f"{self.url}: another writer changed it meanwhile; publish again, to a place of its own")
        return self.url

    def _check_same(self, parcel: Parcel) -> None:
        entry = parcel.files[INDEX]
        data: bytes = self._call(f"read {INDEX}", self._fs.cat_file, self._at(entry))
        if hashlib.sha256(data).hexdigest() == entry.sha256:
            return
        try:
            other = json.loads(data)
            held = f"{other['name']} {other['version']}"
        except (ValueError, KeyError, TypeError):
            held = "another release"
        raise ThrongError(
            f"{self.url}: holds {held}, and a store cannot replace a release at once, so that its readers would see "
            f"half of one; publish {parcel.name} {parcel.version} to a place of its own, such as "
            f"{self.url}/{parcel.version}"
        )

    def _listed(self) -> dict[str, int]:
        """Return the sizes of all files below the place by relative path."""
        self._fs.invalidate_cache()
        try:
            found: Mapping[str, Any] = self._call("list it", self._fs.find, self._root, detail=True)
        except FileNotFoundError:
            return {}
        start = len(self._root.rstrip("/")) + 1
        return {path[start:]: int(info["size"]) for path, info in found.items()}

    def _sha256(self, entry: Entry) -> str:
        """Return the sha256 of what the store gives back."""
        digest = hashlib.sha256()
        for start in range(0, entry.bytes, READ_BYTES):
            end = min(start + READ_BYTES, entry.bytes)
            digest.update(self._call(f"read {entry.path}", self._fs.cat_file, self._at(entry), start=start, end=end))
        return digest.hexdigest()

    def _at(self, entry: Entry) -> str:
        return f"{self._root.rstrip('/')}/{entry.path}"

    def _call(self, what: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except FileNotFoundError:
            if what == "list it":
                raise
            raise ThrongError(f"{self.url}: cannot {what}: there is no such place; make the bucket first") from None
        except Exception as error:  # every store has errors of its own, and many are no OSError
            raise ThrongError(
                f"{self.url}: cannot {what} ({type(error).__name__}: {error}); set the store's address and keys in the "
                f"environment as its client wants them, and publish again: what has arrived is kept"
            ) from error
