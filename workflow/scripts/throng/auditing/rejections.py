"""What the remover itself gave up on: by reason, backend, recipe and crowd density."""

from collections.abc import Callable, Sequence
from typing import Any

from throng.auditing.shares import bin_name, bin_order
from throng.manifest import OK, tally
from throng.tables.removals import RemovalRow

Record = dict[str, Any]


def figures(rows: Sequence[RemovalRow], bins: Sequence[int]) -> Record:
    """Return counts of table removals: kept and rejected by reason, retries, and what the post-edit check saw."""
    retried = [row for row in rows if row.attempts > 1]
    return {
        "edits": len(rows),
        "outcomes": tally(rows),
        "by_backend": _by(rows, lambda row: row.backend),
        "by_recipe": _by(rows, lambda row: row.recipe),
        "by_density": _by(rows, lambda row: bin_name(row.detected_count, bins)),
        "retried": {"number": len(retried), "kept": sum(row.status == OK for row in retried)},
        "check": _check([row for row in rows if row.residual is not None]),
    }


def _by(rows: Sequence[RemovalRow], group: Callable[[RemovalRow], str]) -> list[Record]:
    groups: dict[str, list[RemovalRow]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    return [
        {
            "group": name,
            "edits": len(groups[name]),
            "kept": sum(row.status == OK for row in groups[name]),
            "outcomes": tally(groups[name]),
        }
        for name in sorted(groups, key=bin_order)
    ]


def _check(rows: Sequence[RemovalRow]) -> Record:
    kept = [row for row in rows if row.status == OK]
    return {
        "checked": len(rows),
        "kept": len(kept),
        "removed": sum(row.removed_count or 0 for row in kept),
        "kept_with_residual": sum(bool(row.residual) for row in kept),
        "residual": sum(row.residual or 0 for row in kept),
        "hallucinated": sum(row.hallucinated or 0 for row in kept),
        "lost": sum(row.lost or 0 for row in kept),
    }
