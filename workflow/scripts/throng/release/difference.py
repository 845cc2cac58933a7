"""What became of the records of a release in the next one, and how much of a version that costs."""

import dataclasses
import enum
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.release.index import read_index
from throng.release.records import RECORDS

COLUMNS = ["product", "split", "id", "digest"]
EXAMPLES = 5


class Step(enum.IntEnum):
    """How far a version must move: the Croissant 1.1 rule, section "Dataset versioning"."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


@dataclasses.dataclass(frozen=True)
class Changes:
    """What became of one product's records: how many of each fate, and the first ids of each but the same."""

    product: str
    same: int
    added: int
    removed: int
    changed: int
    moved: int
    examples: Mapping[str, Sequence[str]]

    @property
    def step(self) -> Step:
        """How far these changes alone move a version."""
        if self.removed or self.changed or self.moved:
            return Step.MAJOR
        return Step.MINOR if self.added else Step.NONE


@dataclasses.dataclass(frozen=True)
class Difference:
    """Everything in which two releases differ: records by product, files, and what the index says of their making."""

    versions: tuple[str, str]
    records: Sequence[Changes]
    files: Mapping[str, Sequence[str]]
    settings: Sequence[tuple[str, str, str]]

    @property
    def step(self) -> Step:
        """How far the version must move from the old release to the new one."""
        records = max((changes.step for changes in self.records), default=Step.NONE)
        packaging = Step.PATCH if any(self.files.values()) or self.settings else Step.NONE
        return max(records, packaging)


def read_records(path: Path) -> pa.Table:
    """Return columns product, split, id and digest of a release's records; raises ThrongError for any other file."""
    try:
        table = pq.read_table(path, columns=COLUMNS)
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: not readable as the records of a release ({error}); take the file of a whole release"
        ) from error
    if table.schema.types != [pa.string()] * len(COLUMNS) or table.schema.names != COLUMNS:
        raise ThrongError(f"{path}: expected the text columns {', '.join(COLUMNS)}, found {table.schema.names}")
    if any(column.null_count for column in table.columns):
        raise ThrongError(f"{path}: a record lacks its {' or '.join(COLUMNS)}")
    twice = table.group_by(["product", "id"]).aggregate([([], "count_all")]).filter(pc.field("count_all") > 1)
    if twice.num_rows:
        first = twice.slice(0, 1).to_pylist()[0]
        raise ThrongError(f"{path}: record {first['id']!r} of {first['product']} occurs {first['count_all']} times")
    return table.replace_schema_metadata(None)


def compare_records(before: pa.Table, after: pa.Table) -> list[Changes]:
    """Return what became of every product's records, by product.

    A record is the same when split and digest are; moved when its split differs, whatever else does; changed when its
    digest alone does. Tables as :func:`read_records` gives them.
    """
    both = before.join(
        after, ["product", "id"], join_type="full outer", left_suffix="_before", right_suffix="_after"
    ).sort_by([("product", "ascending"), ("id", "ascending")])
    products = sorted(both["product"].unique().to_pylist())
    return [_of_product(both.filter(pc.field("product") == product), product) for product in products]


def _of_product(both: pa.Table, product: str) -> Changes:
    split_before, split_after = pc.field("split_before"), pc.field("split_after")
    fates = {
        "added": split_before.is_null(),
        "removed": split_after.is_null(),
        "moved": split_before != split_after,
        "changed": (split_before == split_after) & (pc.field("digest_before") != pc.field("digest_after")),
    }
    ids = {fate: both.filter(condition)["id"] for fate, condition in fates.items()}
    counts = {fate: len(found) for fate, found in ids.items()}
    examples = {fate: found.slice(0, EXAMPLES).to_pylist() for fate, found in ids.items() if len(found)}
    return Changes(product=product, same=both.num_rows - sum(counts.values()), examples=examples, **counts)


def compare_files(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the paths that were added, removed and changed, given each release's sha256 by path."""
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(path for path in before.keys() & after.keys() if before[path] != after[path]),
    }


def compare_releases(old: Path, new: Path) -> Difference:
    """Compare two release folders; raises ThrongError where one is no release with records."""
    first, second = read_index(old), read_index(new)
    if first["name"] != second["name"]:
        raise ThrongError(
            f"{old} is release {first['name']!r} and {new} is {second['name']!r}; name two releases of one dataset"
        )
    records = compare_records(read_records(old / RECORDS), read_records(new / RECORDS))
    files = compare_files(*({file["path"]: file["sha256"] for file in index["files"]} for index in (first, second)))
    settings = compare_settings(first, second)
    return Difference((first["version"], second["version"]), records, files, settings)


def compare_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (where, before, after) of what the two indexes say differently of how the releases were made."""
    return [
        (where, str(a), str(b))
        for key in ("licence", "shared_scenes", "provenance", "made_by")
        for where, a, b in leaves(before.get(key), after.get(key), key)
    ]


def leaves(a: Any, b: Any, where: str) -> list[tuple[str, Any, Any]]:
    """Return (where, a's, b's) of every leaf in which two JSON values differ; an absent one is None."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = sorted({*a, *b})
        return list(itertools.chain(*(leaves(a.get(key), b.get(key), f"{where}.{key}") for key in keys)))
    if isinstance(a, list) and isinstance(b, list):
        pairs = enumerate(itertools.zip_longest(a, b))
        return list(itertools.chain(*(leaves(x, y, f"{where}[{k}]") for k, (x, y) in pairs)))
    return [(where, a, b)] if a != b else []
