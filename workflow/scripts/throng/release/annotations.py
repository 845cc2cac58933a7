"""The tables without pixels, less what belongs to sources whose terms forbid passing their data on."""

import dataclasses
from typing import Any

import pyarrow as pa

from throng.release.corpus import TABLES, Corpus
from throng.release.exclusions import Exclusions

ANNOTATIONS = "annotations"
RELEASED = (
    "images",
    "detections",
    "removals",
    "prompts",
    "synthetic",
    "calibrated_counts",
    "density_labels",
    "gan_samples",
)


@dataclasses.dataclass(frozen=True)
class PlainTable:
    """A table to release: its columns, its rows, and how many rows lost something or were left out."""

    name: str
    fields: pa.Schema
    rows: list[dict[str, Any]]
    withheld: int


def plain_tables(corpus: Corpus, exclusions: Exclusions) -> list[PlainTable]:
    """Return the tables without pixels, less the rows of images that were withdrawn and of what was made of them.

    The annotations of a source that forbids redistribution are its authors' work as much as the pixels: they are
    blanked in table images, and rows that merely repeat them are left out of detections and density_labels.
    """
    closed = {row.id for row in corpus.images if not row.redistributable and row.id}
    gone = exclusions.withdrawn
    if gone:
        gone |= {row.id for row in corpus.synthetic if gone & set(_shown(row))}
    tables = []
    for name in RELEASED:
        if not corpus.footers[name]:
            continue
        table, _ = TABLES[name]
        found: list[Any] = getattr(corpus, name)
        if name == "images":
            withheld = sum(not row.redistributable for row in found)
            rows = [row if row.redistributable else _blank(row) for row in found]
        elif name == "detections":
            rows = [row for row in found if not (row.backend == ANNOTATIONS and row.id in closed)]
            withheld = len(found) - len(rows)
        elif name == "density_labels":
            rows = [row for row in found if not (row.table == "images" and row.id in closed)]
            withheld = len(found) - len(rows)
        else:
            rows, withheld = found, 0
        stay = [row for row in rows if not (gone & set(_shown(row)))]
        withheld += len(rows) - len(stay)
        records = [{column: getattr(row, column) for column in table.schema.names} for row in stay]
        tables.append(PlainTable(name, nullable(table.schema), records, withheld))
    return tables


def _shown(row: Any) -> list[str]:
    """Return the ids of the images that a row is about."""
    found = [getattr(row, name) for name in ("id", "parent_id", "background_id") if hasattr(row, name)]
    return [*found, *getattr(row, "parents", ())]


def _blank(row: Any) -> Any:
    return dataclasses.replace(row, count=None, points=None, people=None)


def nullable(schema: pa.Schema) -> pa.Schema:
    """Return the schema with nothing marked non-null, the only kind that ``datasets`` knows."""
    return pa.schema([pa.field(field.name, _open(field.type), metadata=field.metadata) for field in schema])


def _open(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_open(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _open(field.type)) for field in kind])
    return kind
