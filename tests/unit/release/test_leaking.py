from pathlib import Path
from typing import Any

import pytest

from throng.errors import ThrongError
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.release.leaking import leaking
from throng.tables.near_duplicates import TABLE, NearDuplicateRow


def leak_row(**said: Any) -> NearDuplicateRow:
    """A training photograph that is a copy of a test photograph."""
    values: dict[str, Any] = {
        "table": "images",
        "id": "a",
        "source": "web",
        "path": "a.jpg",
        "split": "train",
        "scene": "s",
        "other_table": "images",
        "other_id": "b",
        "other_source": "exam",
        "other_path": "b.jpg",
        "other_split": "test",
        "other_scene": "t",
        "identical": False,
        "mirrored": False,
        "bits": 2,
        "similarity": None,
        "agreement": 0.99,
        "overlap": 1.0,
        "verdict": "leak",
    }
    return NearDuplicateRow(**values | said)


def written(folder: Path, *rows: NearDuplicateRow) -> Path:
    path = folder / "near_duplicates.parquet"
    write_table(path, TABLE, rows, Provenance("audit_leakage", {}, "code", 0))
    return path


def test_what_leaks_is_left_out_and_what_is_only_alike_stays(tmp_path: Path):
    rows = [
        leak_row(),
        leak_row(other_id="c", other_path="c.jpg", other_table="test_set", identical=True, bits=0),
        leak_row(id="z", path="z.jpg", verdict="alike", agreement=0.3),
    ]
    assert leaking(written(tmp_path, *rows)) == {"a": "near copy of a held-out image: c.jpg of exam (test)"}


def test_nothing_found_leaves_nothing_out_even_when_refused(tmp_path: Path):
    assert leaking(written(tmp_path), "refuse") == {}


def test_a_leak_is_refused_by_name(tmp_path: Path):
    with pytest.raises(ThrongError, match=r"1 images leak; image a is a near copy of a held-out image: b\.jpg of exam"):
        leaking(written(tmp_path, leak_row()), "refuse")
