"""How much was looked at, what was found, and what could not be looked at."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from throng.likeness.subjects import Subject
from throng.tables.near_duplicates import LEAK, TEST_SET, NearDuplicateRow

Record = dict[str, Any]


def figures(
    subjects: Sequence[Subject], unread: Sequence[tuple[Subject, str]], rows: Sequence[NearDuplicateRow], said: Record
) -> Record:
    """Return all figures as plain JSON values; ``said`` are the settings that decide them."""
    leaks = [row for row in rows if row.verdict == LEAK]
    return {
        "settings": said,
        "looked_at": _numbers(subjects),
        "test_sets": dict(sorted(Counter(one.source for one in subjects if one.table == TEST_SET).items())),
        "not_looked_at": [
            {"table": one.table, "source": one.source, "path": one.path, "id": one.id, "reason": reason}
            for one, reason in sorted(unread, key=lambda pair: pair[0].key)
        ],
        "pairs_compared": len(rows),
        "pairs_alike": len(rows) - len(leaks),
        "leaks": {
            "pairs": len(leaks),
            "images": len({(row.table, row.id) for row in leaks}),
            "identical": sum(row.identical for row in leaks),
            "mirrored": sum(row.mirrored for row in leaks),
            "by": _by(leaks),
        },
    }


def _numbers(subjects: Sequence[Subject]) -> Record:
    """Return the number of images of every table and split."""
    numbers: dict[str, Counter[str]] = defaultdict(Counter)
    for one in subjects:
        numbers[one.table][one.split] += 1
    return {table: dict(sorted(splits.items())) for table, splits in sorted(numbers.items())}


def _by(leaks: Sequence[NearDuplicateRow]) -> list[Record]:
    """Return how many images of each table and split were found again, and where."""
    found: dict[tuple[str, str, str, str], list[NearDuplicateRow]] = defaultdict(list)
    for row in leaks:
        found[row.table, row.split, row.other_source, row.other_split].append(row)
    return [
        {
            "table": table,
            "split": split,
            "found_in": source,
            "found_split": other,
            "images": len({row.id for row in rows}),
            "pairs": len(rows),
        }
        for (table, split, source, other), rows in sorted(found.items())
    ]
