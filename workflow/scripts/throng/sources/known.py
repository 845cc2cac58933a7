"""What is known of published photographs beyond their own files: errata.csv and scenes.csv beside this module.

A digest of both stands here, because the code of a stage is what its rerun is decided by: whoever edits a table
updates it, and a test says so.
"""

import csv
import functools
import hashlib
from collections import defaultdict
from pathlib import Path

from throng.provenance import digest

TABLES_DIGEST = "0472c1f8e139e266"
_HERE = Path(__file__).parent
ERRATA, SCENES = _HERE / "errata.csv", _HERE / "scenes.csv"


def tables_digest() -> str:
    """Return the digest of both tables that TABLES_DIGEST must equal."""
    return digest(*(hashlib.sha256(path.read_bytes()).hexdigest() for path in (ERRATA, SCENES)))[:16]


@functools.cache
def errata() -> dict[str, tuple[str, ...]]:
    """Return the notes on each image by its id: what is wrong with it and what was done."""
    notes: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for row in _rows(ERRATA):
        notes[row["id"]] += (f"{row['problem']}: {row['action']}",)
    return dict(notes)


@functools.cache
def scenes(dataset: str, part: str) -> dict[tuple[str, int], str]:
    """Return the scene of photographs that show one place within minutes, by (image name, file size in bytes).

    The size stands for the content, so that another collection's image of the same name is left alone.
    """
    mine = (row for row in _rows(SCENES) if (row["dataset"], row["part"]) == (dataset, part))
    return {(row["image"], int(row["bytes"])): row["scene"] for row in mine}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
