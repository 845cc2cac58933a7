"""Parquet as the Hugging Face viewer and ``datasets`` like it: images typed, small row groups, page index."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from throng.provenance import FOOTER_KEY, canonical_json

GROUP_ROWS = 100
IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])


class ParquetWriter:
    """Writes row groups of about 100 rows.

    Image bytes are dictionary-encoded over a whole row group, so an image that several pairs of one chain share is
    stored once; they are not compressed again.
    """

    def __init__(self, path: Path, fields: pa.Schema, images: tuple[str, ...], footer: Mapping[str, Any]) -> None:
        columns = [pa.field(name, IMAGE) for name in images]
        schema = pa.schema([*columns, *fields])
        self._schema = schema.with_metadata(
            {
                b"huggingface": canonical_json({"info": {"features": features(schema, images)}}).encode(),
                FOOTER_KEY: canonical_json(footer).encode(),
            }
        )
        self.path = path
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression={leaf: "none" if leaf.endswith(".bytes") else "zstd" for leaf in _leaves(schema)},  # pyright: ignore[reportArgumentType]
            dictionary_pagesize_limit=2**30,
            write_page_index=True,
            use_content_defined_chunking=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def write_group(self, rows: list[dict[str, Any]]) -> None:
        """Write rows as one row group."""
        self.write_table(pa.Table.from_pylist(rows, schema=self._schema))

    def write_table(self, table: pa.Table) -> None:
        """Write a table of the same columns as one row group, or nothing where it has no rows."""
        if table.num_rows:
            named = table.replace_schema_metadata(self._schema.metadata)
            self._writer.write_table(named, row_group_size=table.num_rows)


def features(schema: pa.Schema, images: tuple[str, ...]) -> dict[str, Any]:
    """Return the ``datasets`` features of a schema, the columns named in ``images`` being images."""
    return {field.name: {"_type": "Image"} if field.name in images else _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    spelled = {pa.float32(): "float32", pa.float64(): "float64"}
    return {"_type": "Value", "dtype": spelled.get(kind, str(kind))}


def _leaves(schema: pa.Schema) -> list[str]:
    """Return the paths of a schema's leaf columns as Parquet spells them."""

    def below(path: str, kind: pa.DataType) -> list[str]:
        if pa.types.is_list(kind):
            return below(f"{path}.list.element", kind.value_type)
        if pa.types.is_struct(kind):
            return [leaf for field in kind for leaf in below(f"{path}.{field.name}", field.type)]
        return [path]

    return [leaf for field in schema for leaf in below(field.name, field.type)]
