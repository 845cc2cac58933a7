"""Every Parquet file must have exactly the columns, types, rows and maker that its configuration promises."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.provenance import FOOTER_KEY
from throng.release.annotations import nullable
from throng.release.corpus import TABLES
from throng.release.parquet import IMAGE, features
from throng.release.products import PRODUCTS
from throng.release.records import FIELDS, RECORDS
from throng.release.shards import Written

RECIPES = {product.recipes: product for product in PRODUCTS.values()}
RECORD_CONFIG = RECORDS.removesuffix(".parquet")


def schema_of(config: str) -> tuple[pa.Schema, tuple[str, ...]] | None:
    """Return a configuration's columns and which of them are images, or None when nobody knows it."""
    if config in PRODUCTS:
        product = PRODUCTS[config]
        columns = [pa.field(name, IMAGE) for name in product.images]
        return pa.schema([*columns, *product.fields]), tuple(product.images)
    if config in RECIPES:
        return RECIPES[config].fields, ()
    if config in TABLES:
        return nullable(TABLES[config][0].schema), ()
    return (FIELDS, ()) if config == RECORD_CONFIG else None


def groups_of(folder: Path, file: Written) -> list[tuple[int, int]]:
    """Return rows and stored bytes of each row group of a Parquet file, its schema, rows and footer checked.

    Raises ThrongError unless columns and types are what its configuration says, the ``huggingface`` features name the
    same, rows are as many as the index says, and the footer says which release stage and configuration made it.
    """
    path = folder / file.path
    expected = schema_of(file.config)
    if expected is None:
        raise ThrongError(f"{path}: configuration {file.config!r} is none that this version of throng releases")
    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: not readable as Parquet ({first_line(error)}); download or make the release again"
        ) from error
    wanted, images = expected
    _check_columns(path, schema, wanted)
    _check_metadata(path, file.config, schema.metadata or {}, features(wanted, images))
    if metadata.num_rows != file.rows:
        raise ThrongError(f"{path}: {metadata.num_rows} rows, index.json says {file.rows}")
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    sizes = [sum(group.column(k).total_compressed_size for k in range(group.num_columns)) for group in groups]
    return [(group.num_rows, size) for group, size in zip(groups, sizes, strict=True)]


def _check_columns(path: Path, schema: pa.Schema, wanted: pa.Schema) -> None:
    if schema.names != wanted.names:
        strange = sorted({*schema.names} ^ {*wanted.names})
        said = f"columns {strange} are missing or too many" if strange else "its columns are in another order"
        raise ThrongError(f"{path}: {said}")
    for field, expected in zip(schema, wanted, strict=True):
        if field.type != expected.type:
            raise ThrongError(f"{path}: column {field.name!r} is {field.type}, expected {expected.type}")


def _check_metadata(path: Path, config: str, metadata: Mapping[bytes, bytes], wanted: Mapping[str, Any]) -> None:
    try:
        said = json.loads(metadata[b"huggingface"])["info"]["features"]
        footer = json.loads(metadata[FOOTER_KEY])
        schema, stage, code = footer["schema"], footer["stage"], footer["code"]
    except (KeyError, TypeError, ValueError) as error:
        raise ThrongError(f"{path}: its footer does not say what made it, or its features ({error})") from error
    if said != wanted:
        raise ThrongError(f"{path}: the features in its footer are not those of its columns")
    base = config.removesuffix("_recipes")
    if schema not in (f"release/{config}", f"release/{base}") or not stage or not code:
        raise ThrongError(f"{path}: its footer is of {schema!r}, expected 'release/{config}'")
