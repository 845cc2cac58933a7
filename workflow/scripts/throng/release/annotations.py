"""The tables without pixels, less what belongs to sources whose terms forbid passing their data on."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa

from throng.release.arrow import among, ascending, equal, mask, optional
from throng.release.corpus import TABLES, Corpus
from throng.release.exclusions import Exclusions
from throng.release.gather import gather
from throng.release.shards import Packer, Written
from throng.release.synthetics import Synthetics

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
# what a closed source's authors say of their images
BLANKED = ("count", "points", "people")


@dataclasses.dataclass(frozen=True)
class PlainTable:
    """A released table: its columns, its number of rows, and how many rows lost something or were left out."""

    name: str
    fields: pa.Schema
    rows: int
    withheld: int


def write_plain_tables(
    corpus: Corpus, synthetics: Synthetics, exclusions: Exclusions, packer: Packer, scratch: Path
) -> tuple[list[PlainTable], list[Written]]:
    """Write the tables without pixels, less the rows of images that were withdrawn and of what was made of them.

    The annotations of a source that forbids redistribution are its authors' work as much as the pixels: they are
    blanked in table images, and rows that merely repeat them are left out of detections and density_labels.
    """
    images = corpus.columns("images", ["id", "redistributable"])
    closed = images["id"].filter(pa.array(~mask(images["redistributable"]) & ~equal(images["id"], "")))
    tables, files = [], []
    for name in RELEASED:
        if not corpus.footers[name]:
            continue
        stay = _stay(corpus, name, closed.combine_chunks(), synthetics, exclusions)
        rows = _in_order(corpus, name, stay)
        schema = TABLES[name][0].schema
        batches = gather(corpus.batches(name, schema.names), schema, rows, scratch / name)
        if name == "images":
            batches = map(_blanked, batches)
        fields = nullable(schema)
        path = f"tables/{name}.parquet"
        filled = (batch.cast(fields) for batch in batches)
        files.append(packer.write_tables(path, config=name, split="rows", fields=fields, tables=filled))
        withheld = int((~stay).sum())
        if name == "images":
            withheld += int((stay & ~mask(images["redistributable"])).sum())
        tables.append(PlainTable(name, fields, len(rows), withheld))
    return tables, files


def _stay(corpus: Corpus, name: str, closed: pa.Array, synthetics: Synthetics, exclusions: Exclusions) -> np.ndarray:
    """Tell of each row of a table whether it may be released."""
    schema = TABLES[name][0].schema
    keys = [key for key in ("id", "parent_id", "table", "backend") if key in schema.names]
    table = corpus.columns(name, keys)
    gone = np.zeros(len(table), bool)
    if exclusions.withdrawn:
        remade = synthetics.ids.filter(pa.array(synthetics.withdrawn)).combine_chunks()
        for key in ("id", "parent_id"):
            if key in keys:
                gone |= exclusions.is_withdrawn(table[key]) | among(table[key], remade)
    if name == "detections":
        gone |= equal(table["backend"], ANNOTATIONS) & among(table["id"], closed)
    if name == "density_labels":
        gone |= equal(table["table"], "images") & among(table["id"], closed)
    return ~gone


def _in_order(corpus: Corpus, name: str, stay: np.ndarray) -> np.ndarray:
    """Return the rows that stay, sorted by the table's key over all its parts."""
    keys = corpus.columns(name, list(TABLES[name][0].key))
    order = ascending(keys, keys.column_names)
    return order[stay[order]]


def _blanked(images: pa.Table) -> pa.Table:
    closed = ~mask(images["redistributable"])
    at = optional(np.where(closed, -1, np.arange(len(images))))
    for name in BLANKED:
        place = images.column_names.index(name)
        images = images.set_column(place, images.schema.field(name), images[name].take(at))
    return images


def nullable(schema: pa.Schema) -> pa.Schema:
    """Return the schema with nothing marked non-null, the only kind that ``datasets`` knows."""
    return pa.schema([pa.field(field.name, _open(field.type), metadata=field.metadata) for field in schema])


def _open(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.list_(_open(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _open(field.type)) for field in kind])
    return kind
