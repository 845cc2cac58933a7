"""Which images are looked at: all that a release may show, and the user's copies of known test sets."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.manifest import OK, Table, read_table
from throng.provenance import canonical_json
from throng.roots import RESULTS
from throng.sources.listing import list_files
from throng.tables import gan_samples, images, synthetic
from throng.tables.near_duplicates import TEST_SET

RANKS = {"train": 0, "val": 1, "test": 2}
BATCH = 128
MAX_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """One image: its row and where its pixels are; id and ``sha256`` are empty until a test set's file is read.

    ``problem`` says why a file cannot be read; ``size`` is a test set's file's, bytes.
    """

    table: str
    id: str
    source: str
    path: str
    split: str
    scene: str
    sha256: str
    redistributable: bool
    size: int = 0
    problem: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Source and path for an ImageStore that knows the roots of :func:`roots`."""
        return (test_root(self.source) if self.table == TEST_SET else self.source), self.path

    @property
    def rank(self) -> int:
        """How far it is held out: train 0, val 1, test and known test sets 2."""
        return RANKS[self.split]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from any other."""
        return self.table, self.source, self.path, self.id


def gather(
    image_file: Path, synthetic_files: Sequence[Path], drawn_files: Sequence[Path], test_sets: Mapping[str, Path]
) -> list[Subject]:
    """Return every usable image of the tables and every image file of the test sets, by table, source and path.

    Raises ThrongError when a table cannot be read, or a test set's folder is missing or holds no image.
    """
    found = _rows(image_file, images.TABLE, photographs=True)
    for table, files in ((synthetic.TABLE, synthetic_files), (gan_samples.TABLE, drawn_files)):
        if files:
            found += _rows(files, table, photographs=False)
    for name, folder in test_sets.items():
        found += _known(name, folder)
    return sorted(found, key=lambda subject: subject.key)


def roots(known: Mapping[str, Path], test_sets: Mapping[str, Path]) -> dict[str, Path]:
    """Return the roots of sources, results and test sets together, for an ImageStore."""
    return dict(known) | {test_root(name): folder for name, folder in test_sets.items()}


def test_root(name: str) -> str:
    """Return what a test set is called among the roots, as no source can be."""
    return f"test set {name}"


def batches(subjects: Sequence[Subject], said: str) -> dict[str, list[Subject]]:
    """Return the images in batches by a key that changes with their files and with ``said``, what is made of them."""
    cut = [list(subjects[start : start + BATCH]) for start in range(0, len(subjects), BATCH)]
    return {_key(batch, said): batch for batch in cut}


def _key(batch: Sequence[Subject], said: str) -> str:
    listed = canonical_json([said, [[*subject.key, subject.sha256, subject.size] for subject in batch]])
    return hashlib.sha256(listed.encode()).hexdigest()[:24]


def _rows(files: Path | Sequence[Path], table: Table, *, photographs: bool) -> list[Subject]:
    names = ["id", "path", "split", "scene", "sha256", "redistributable", "status", *(["source"] * photographs)]
    records: list[dict[str, Any]] = read_table(files, table, names).to_pylist()
    return [
        Subject(
            table.name, row["id"], row.get("source", RESULTS), row["path"], row["split"], row["scene"], row["sha256"],
            row["redistributable"],
        )
        for row in records
        if row["status"] == OK
    ]  # fmt: skip


def _known(name: str, folder: Path) -> list[Subject]:
    files = [file for file in list_files(folder, MAX_BYTES) if file.is_image]
    if not files:
        raise ThrongError(
            f"audit_leakage.test_sets: {name} has no image in {folder}; name the folder or .zip with its test images"
        )
    return [Subject(TEST_SET, "", name, file.path, "test", "", "", False, file.size, file.problem) for file in files]
