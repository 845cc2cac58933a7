"""What is known of published photographs beyond their own files: errata.csv and scenes.csv beside this module."""

import csv
import functools
from collections import defaultdict
from pathlib import Path

_HERE = Path(__file__).parent
ERRATA, SCENES = _HERE / "errata.csv", _HERE / "scenes.csv"


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
