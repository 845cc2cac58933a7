"""Which images were found again in a split that is held out more, or in a known test set."""

from pathlib import Path
from typing import Literal

import pyarrow.compute as pc

from throng.errors import ThrongError
from throng.manifest import read_table
from throng.tables.near_duplicates import LEAK, TABLE

COLUMNS = ["id", "split", "other_id", "other_source", "other_path", "other_split", "identical", "verdict"]


def leaking(near_duplicates: Path, policy: Literal["leave_out", "refuse"] = "leave_out") -> dict[str, str]:
    """Return why each image that leaks must be left out, by its id, from a table ``near_duplicates``.

    The reason is "near copy of a held-out image: which". Where an image leaks more than once, its copy of equal bytes
    is named first, then the first by source and path. Raises ThrongError when ``policy`` is refuse and one leaks.
    """
    table = read_table(near_duplicates, TABLE, COLUMNS)
    order = [
        ("id", "ascending"),
        ("identical", "descending"),
        ("other_source", "ascending"),
        ("other_path", "ascending"),
    ]
    rows = table.filter(pc.field("verdict") == LEAK).sort_by(order).to_pylist()
    reasons: dict[str, str] = {}
    for row in rows:
        where = f"{row['other_path']} of {row['other_source']} ({row['other_split']})"
        reasons.setdefault(row["id"], f"near copy of a held-out image: {where}")
    if reasons and policy == "refuse":
        first, why = next(iter(reasons.items()))
        raise ThrongError(
            f"release.near_duplicates is refuse, and {len(reasons)} images leak; image {first} is a {why}; take them "
            f"out of the sources, or set release.near_duplicates to leave_out; all are in {near_duplicates}"
        )
    return reasons
