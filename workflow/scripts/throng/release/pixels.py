"""The bytes of every released image: checked against the hash that its table promised, then finished."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from throng.errors import ThrongError
from throng.files import write_bytes
from throng.images import ImageStore
from throng.provenance import digest
from throng.release.products import Picture

# pictures that are kept, as the pairs of one photograph share them
KEPT = 16


class Finisher(Protocol):
    """What happens to an image before it leaves: metadata out, marks in, faces blurred."""

    def finish(self, data: bytes, picture: Picture) -> bytes:
        """Return the file as it is released, the same for the same file."""
        ...

    def card(self) -> Mapping[str, Any]:
        """Return what the card says of it."""
        ...


class File(NamedTuple):
    """A file as it is released: its bytes, their hex sha256, and its name, by content, so that no two share one."""

    data: bytes
    sha256: str
    name: str


class Pixels:
    """Reads pictures from where the workflow keeps them and finishes them; the last few stay in memory."""

    def __init__(self, store: ImageStore, finisher: Finisher, scratch: Path | None = None) -> None:
        """``scratch`` holds blurred pictures, which are encoded anew, for when they are asked for again."""
        self._store, self._finisher, self._scratch = store, finisher, scratch
        self._kept: OrderedDict[Picture, File] = OrderedDict()

    @property
    def finishing(self) -> Mapping[str, Any]:
        """What the finisher says of itself."""
        return self._finisher.card()

    def file(self, picture: Picture) -> File:
        """Return a picture's file as it is released; raises ThrongError when its source is not what its table says."""
        if picture in self._kept:
            self._kept.move_to_end(picture)
            return self._kept[picture]
        data = self._store.read_bytes(picture.source, picture.path)
        found = hashlib.sha256(data).hexdigest()
        if found != picture.sha256:
            raise ThrongError(
                f"{picture.path} of source {picture.source!r} has sha256 {found[:16]}..., its table says "
                f"{picture.sha256[:16]}...; the file changed after it was read: restore it or rerun its stage"
            )
        finished = self._finished(data, picture)
        sha256 = found if finished is data else hashlib.sha256(finished).hexdigest()
        file = File(finished, sha256, f"{sha256[:16]}.{picture.extension}")
        self._kept[picture] = file
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return file

    def _finished(self, data: bytes, picture: Picture) -> bytes:
        if self._scratch is None or not picture.areas:
            return self._finisher.finish(data, picture)
        name = digest(repr(picture))
        kept = self._scratch / name[:2] / name
        if not kept.exists():
            write_bytes(kept, self._finisher.finish(data, picture))
        return kept.read_bytes()

    def read(self, picture: Picture) -> bytes:
        """Return the bytes of a picture's file as it is released."""
        return self.file(picture).data

    def sha256(self, picture: Picture) -> str:
        """Return the hex sha256 of a picture's file as it is released."""
        return self.file(picture).sha256
