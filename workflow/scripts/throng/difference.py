"""Why two artefacts differ: configuration keys, code, parents, rows."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from throng.manifest import read_footer
from throng.tables import (
    calibrated_counts,
    density_labels,
    detections,
    images,
    predictions,
    prompts,
    ranked_pairs,
    removals,
    synthetic,
    synthetic_counts,
)

ABSENT = "(absent)"
SHOWN_ROWS = 5
TABLES = (
    calibrated_counts,
    density_labels,
    detections,
    images,
    predictions,
    prompts,
    ranked_pairs,
    removals,
    synthetic,
    synthetic_counts,
)
KEYS = {module.TABLE.name: module.TABLE.key for module in TABLES}


@dataclasses.dataclass(frozen=True)
class Difference:
    """One reason why two tables differ: where, and the two values."""

    where: str
    before: str
    after: str


def diff_tables(before: Path, after: Path) -> list[Difference]:
    """Compare two tables' provenance and rows; empty when they are equal. Raises ThrongError for other files."""
    a, b = read_footer(before), read_footer(after)
    found = [Difference(where, str(x), str(y)) for where, x, y in _leaves(a, b, "")]
    if a["schema"] == b["schema"]:
        found += _rows(before, after, KEYS[a["schema"]])
    return found


def _leaves(a: Any, b: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _leaves(a.get(key, ABSENT), b.get(key, ABSENT), f"{where}.{key}" if where else key)
    elif a != b:
        yield where, a, b


def _rows(before: Path, after: Path, key: tuple[str, ...]) -> list[Difference]:
    first, second = _by_key(before, key), _by_key(after, key)
    found: list[Difference] = []
    if len(first) != len(second):
        found.append(Difference("rows", str(len(first)), str(len(second))))
    changed = 0
    for row in sorted({*first, *second}):
        reasons = list(_leaves(first.get(row, ABSENT), second.get(row, ABSENT), f"row {'/'.join(row)}"))
        changed += bool(reasons)
        if changed <= SHOWN_ROWS:
            found += [Difference(where, _short(x), _short(y)) for where, x, y in reasons]
    if changed:
        found.append(Difference("rows changed, added or gone", "0", str(changed)))
    return found


def _by_key(path: Path, key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Any]]:
    records = pq.read_table(path).to_pylist()
    return {tuple(str(record[name]) for name in key): record for record in records}


def _short(value: Any) -> str:
    text = "(row)" if isinstance(value, Mapping) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
