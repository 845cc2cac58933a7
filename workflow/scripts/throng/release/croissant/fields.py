"""Columns of Parquet files as Croissant fields."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

Node = dict[str, Any]

IMAGE = "sc:ImageObject"
TYPES = {
    pa.string(): "sc:Text",
    pa.bool_(): "sc:Boolean",
    pa.int32(): "cr:Int32",
    pa.int64(): "cr:Int64",
    pa.uint64(): "cr:UInt64",
    pa.float32(): "cr:Float32",
    pa.float64(): "cr:Float64",
}


def image_field(record_set: str, files: Node, name: str) -> Node:
    """Return the field of an image column, whose files are read from the struct's ``bytes``."""
    node = _node(record_set, name, "the image: file bytes and file name")
    return node | {"dataType": IMAGE, "source": _source(files, name, "bytes")}


def column_field(record_set: str, files: Node, field: pa.Field) -> Node:
    """Return the field of any other column; of a struct, or of a list of them, every leaf is a sub-field.

    ``files`` refers to the file object or file set. Croissant knows one level of sub-fields: what is nested deeper is
    named by its path, as in ``people/head.x``, which is its JSONPath in the column's value as well.
    """
    node = _node(record_set, field.name, _description(field))
    kind = field.type
    if pa.types.is_list(kind):
        node |= {"isArray": True, "arrayShape": "-1"}
        kind = kind.value_type
    if pa.types.is_struct(kind):
        leaves = [_leaf(node["@id"], files, field.name, path, leaf) for path, leaf in _leaves(kind)]
        return node | {"subField": leaves}
    return node | {"dataType": TYPES[kind], "source": _source(files, field.name)}


def split_field(record_set: str, files: Node) -> Node:
    """Return the field of a product's split, read from its files' names so that one split can be asked for alone."""
    node = _node(record_set, "split", "train, val or test; a scene is in one split only")
    source = files | {"extract": {"fileProperty": "filename"}, "transform": {"regex": "^(train|val|test)-.*$"}}
    return node | {"dataType": ["sc:Text", "cr:Split"], "source": source}


def _leaf(parent: str, files: Node, column: str, path: str, kind: pa.DataType) -> Node:
    node: Node = {"@type": "cr:Field", "@id": f"{parent}/{path}", "name": path}
    if pa.types.is_list(kind):
        node |= {"isArray": True, "arrayShape": "-1"}
        kind = kind.value_type
    return node | {"dataType": TYPES[kind], "source": _source(files, column, path)}


def _leaves(kind: pa.DataType, above: str = "") -> Iterator[tuple[str, pa.DataType]]:
    for field in kind:
        path = f"{above}{field.name}"
        if pa.types.is_struct(field.type):
            yield from _leaves(field.type, f"{path}.")
        else:
            yield path, field.type


def _node(record_set: str, name: str, description: str) -> Node:
    return {"@type": "cr:Field", "@id": f"{record_set}/{name}", "name": name, "description": description}


def _source(files: Node, column: str, path: str = "") -> Node:
    source = files | {"extract": {"column": column}}
    return source | {"transform": {"jsonPath": path}} if path else source


def _description(field: pa.Field) -> str:
    metadata: Mapping[bytes, bytes] = field.metadata or {}
    return metadata.get(b"description", b"").decode()
