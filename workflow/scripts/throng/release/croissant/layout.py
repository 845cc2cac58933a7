"""A release's files as Croissant resources, and its configurations as record sets."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from throng.release.card_parts.front_matter import parquet_files, schemas
from throng.release.card_parts.structure import MEANING
from throng.release.corpus import TABLES
from throng.release.croissant.fields import Node, column_field, image_field, split_field
from throng.release.croissant.provenance import generated_by, stage_of
from throng.release.facts import Facts
from throng.release.products import PRODUCTS
from throng.release.shards import Written

ENCODINGS = {"parquet": "application/x-parquet", "webdataset": "application/x-tar"}
SPLIT_URLS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
TABLE_ROWS = "rows of table {name}, rejected ones included; without pixels"


def distribution(facts: Facts) -> list[Node]:
    """Return every data file with its sha256, and a file set for each configuration that comes in splits."""
    files = [_file(file) for file in facts.files if file.format in ENCODINGS]
    return [*files, *(_file_set(config, found) for config, found in _in_splits(facts))]


def _file(file: Written) -> Node:
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "description": f"{file.rows} rows of {file.config}, split {file.split}",
        "contentUrl": file.path,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": ENCODINGS[file.format],
        "sha256": file.sha256,
        "prov:wasGeneratedBy": generated_by("release"),
    }


def _file_set(config: str, files: Sequence[Written]) -> Node:
    """Return the Parquet files of a configuration: no container, so they are read from beside this document."""
    folder = files[0].path.rpartition("/")[0]
    return {
        "@type": "cr:FileSet",
        "@id": _set_id(config),
        "name": _set_id(config),
        "description": f"Parquet files of {config}",
        "encodingFormat": ENCODINGS["parquet"],
        "includes": f"{folder}/*.parquet",
    }


def _set_id(config: str) -> str:
    return f"{config}-parquet"


def _in_splits(facts: Facts) -> Iterator[tuple[str, list[Written]]]:
    for config, splits in parquet_files(facts.files).items():
        if set(splits) <= set(SPLIT_URLS):
            yield config, [file for found in splits.values() for file in found]


def record_sets(facts: Facts) -> list[Node]:
    """Return what splits there are, and a record set for every configuration."""
    columns = schemas(facts)
    in_splits = {config for config, _ in _in_splits(facts)}
    found = [_splits()]
    for config, splits in parquet_files(facts.files).items():
        images, schema = columns[config]
        if config in in_splits:
            files = {"fileSet": {"@id": _set_id(config)}}
            found.append(_samples(config, files, images, schema))
        else:
            (file,) = (file for files in splits.values() for file in files)
            found.append(_rows(config, {"fileObject": {"@id": file.path}}, schema))
    return found


def _samples(config: str, files: Node, images: Sequence[str], schema: pa.Schema) -> Node:
    """Return the record set of a product, or of its recipes; every field says which stage decided it."""
    product = next(product for product in PRODUCTS.values() if config in (product.name, product.recipes))
    fields = [image_field(config, files, name) for name in images]
    for field in schema:
        fields.append(split_field(config, files) if field.name == "split" else column_field(config, files, field))
    for field in fields:
        field["prov:wasGeneratedBy"] = generated_by(stage_of(product.name, field["name"]))
    recipes = "" if config == product.name else "; without pixels, to be made again from the sources' own copies"
    return _record_set(config, MEANING[product.name].replace("`", "") + recipes, fields)


def _rows(config: str, files: Node, schema: pa.Schema) -> Node:
    fields = [column_field(config, files, field) for field in schema]
    stage = TABLES[config][0].stage if config in TABLES else "release"
    rows = _record_set(config, TABLE_ROWS.format(name=config), fields, key=False)
    return rows | {"prov:wasGeneratedBy": generated_by(stage)}


def _record_set(config: str, description: str, fields: list[Node], *, key: bool = True) -> Node:
    unique = {"key": {"@id": f"{config}/id"}} if key else {}
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": description,
        **unique,
        "field": fields,
    }


def _splits() -> Node:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "what the splits are for",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [{"splits/name": name, "splits/url": url} for name, url in SPLIT_URLS.items()],
    }
