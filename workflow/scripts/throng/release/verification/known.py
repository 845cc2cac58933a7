"""No image to learn from may be a near copy of an image of a known test set, of which the user has a copy."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.likeness.comparing import Comparer
from throng.likeness.hashes import Window, hashes_of, windows_of
from throng.likeness.looking import Looks
from throng.likeness.search import HeldOut
from throng.likeness.subjects import MAX_BYTES, Subject, roots
from throng.release.index import read_index
from throng.release.products import PRODUCTS
from throng.release.verification.images import sha256_of
from throng.release.verification.pool import in_order
from throng.sections.audit_leakage import AuditLeakage
from throng.sources.listing import list_files
from throng.tables.near_duplicates import LEAK, TEST_SET

KNOWN = "known"
RELEASED = "release"
LEARNT_FROM = ("train", "val")
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Seen:
    """One distinct image of a release: where it is, its sha256 and its hashes, None where it is even."""

    file: str
    group: int
    column: str
    row: str
    split: str
    sha256: str
    hashes: np.ndarray | None


def check_known(folder: Path, test_set: Path, pool: Executor) -> dict[str, int]:
    """Compare every image for training or validation with every image in ``test_set``, a folder or .zip.

    By perceptual hash, crops and mirror images included, then laid one over the other, at the defaults of
    ``audit_leakage``. Returns how many images were compared; raises ThrongError naming the first row that shows an
    image of the test set again, and for a test set that has none or one that cannot be read.
    """
    section = AuditLeakage()
    windows = windows_of(section.crops)
    held = _held(test_set, windows, pool)
    seen = _seen(folder, windows, pool)
    found = HeldOut(held, section.distance).candidates(_looks(seen.values(), windows), section.neighbours)
    store = _Pictures(folder, seen, test_set)
    comparer = Comparer(store, windows, section.agreement)
    for subject, candidates in found:
        for row in comparer.rows(subject, candidates):
            if row.verdict == LEAK:
                at = seen[subject.path]
                raise ThrongError(
                    f"{folder / at.file}, row {at.row}, {at.column}: shows image {row.other_path} of {test_set} "
                    f"{'in the same bytes' if row.identical else 'again'}, which is for testing; take it out"
                )
    return {"compared": len(seen), "with": len(held.subjects)}


def _seen(folder: Path, windows: Sequence[Window], pool: Executor) -> dict[str, Seen]:
    calls = [
        (folder, file["path"], group, tuple(PRODUCTS[file["config"]].images), file["split"], windows)
        for file in read_index(folder)["files"]
        if file["config"] in PRODUCTS and file["format"] == "parquet" and file["split"] in LEARNT_FROM
        for group in range(pq.read_metadata(folder / file["path"]).num_row_groups)
    ]
    found: dict[str, Seen] = {}
    for _, some in in_order(pool, see, calls, calls):
        for one in some:
            found.setdefault(one.sha256, one)
    return found


def see(
    folder: Path, file: str, group: int, columns: Sequence[str], split: str, windows: Sequence[Window]
) -> list[Seen]:
    """Return every distinct image of one row group."""
    encoded = [f"{column}.bytes" for column in columns]
    with pq.ParquetFile(folder / file, read_dictionary=encoded) as shard:
        data = shard.read_row_group(group, columns=[*columns, "id"], use_threads=False)
    found: dict[str, Seen] = {}
    for batch in data.to_batches():
        names = batch.column("id").to_pylist()
        for column in columns:
            images: Any = batch.column(column)
            values = images.field("bytes")
            for index, name in dict(zip(values.indices.to_pylist(), names, strict=True)).items():
                content = values.dictionary[index].as_py()
                sha256 = sha256_of(content)
                if sha256 not in found:
                    hashes = hashes_of(decode(content), windows)
                    found[sha256] = Seen(file, group, column, name, split, sha256, hashes)
    return list(found.values())


def _held(test_set: Path, windows: Sequence[Window], pool: Executor) -> Looks:
    files = [file for file in list_files(test_set, MAX_BYTES) if file.is_image]
    if not files:
        raise ThrongError(f"--against {test_set}: has no image; name the folder or .zip with the test images")
    for file in files:
        if file.problem:
            raise ThrongError(f"--against {test_set}: {file.path} cannot be read ({file.problem})")
    paths = [file.path for file in files]
    calls = [(test_set, paths[k : k + BATCH], windows) for k in range(0, len(paths), BATCH)]
    found = [one for _, some in in_order(pool, look, calls, calls) for one in some]
    subjects = [
        Subject(TEST_SET, sha256[:16], KNOWN, path, "test", "", sha256, False)
        for path, (sha256, _) in zip(paths, found, strict=True)
    ]
    return _of(subjects, [hashes for _, hashes in found], windows)


def look(test_set: Path, paths: Sequence[str], windows: Sequence[Window]) -> list[tuple[str, np.ndarray | None]]:
    """Return sha256 and hashes of some images of a test set."""
    store = ImageStore({KNOWN: test_set})
    found = []
    for path in paths:
        data = store.read_bytes(KNOWN, path)
        try:
            found.append((sha256_of(data), hashes_of(decode(data), windows)))
        except ThrongError as error:
            raise ThrongError(f"--against {test_set}: {path} cannot be read ({error})") from error
    return found


def _looks(seen: Iterable[Seen], windows: Sequence[Window]) -> Looks:
    listed = sorted(seen, key=lambda one: (one.file, one.group, one.row, one.sha256))
    subjects = [Subject("synthetic", one.row, RELEASED, one.sha256, one.split, "", one.sha256, True) for one in listed]
    return _of(subjects, [one.hashes for one in listed], windows)


def _of(subjects: Sequence[Subject], hashes: Sequence[np.ndarray | None], windows: Sequence[Window]) -> Looks:
    even = np.zeros(1 + len(windows), np.uint64)
    stacked = np.stack([even if one is None else one for one in hashes]) if hashes else np.zeros((0, len(even)), "u8")
    telling = np.array([one is not None for one in hashes], bool)
    return Looks(subjects, stacked, telling, np.zeros((len(subjects), 0), np.float32))


class _Pictures(ImageStore):
    """The images of a release, by sha256, and those of a test set."""

    def __init__(self, folder: Path, seen: Mapping[str, Seen], test_set: Path) -> None:
        super().__init__(roots({}, {KNOWN: test_set}))
        self._folder, self._shown = folder, seen

    def read_bytes(self, source: str, path: str) -> bytes:
        """Return the bytes of an image."""
        if source != RELEASED:
            return super().read_bytes(source, path)
        at = self._shown[path]
        with pq.ParquetFile(self._folder / at.file) as shard:
            data = shard.read_row_group(at.group, columns=[at.column, "id"], use_threads=False)
        rows = data.to_pylist()
        return next(row[at.column]["bytes"] for row in rows if sha256_of(row[at.column]["bytes"]) == at.sha256)
