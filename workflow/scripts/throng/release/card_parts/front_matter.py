"""The YAML on top of a card: what lets ``datasets`` load a release in one line, and a hub show and filter it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from throng.release.facts import Facts
from throng.release.products import PRODUCTS
from throng.release.records import FIELDS
from throng.release.shards import Written

# The hub's spelling of licences it knows; any other is "other" with a name.
HUB_LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
SPELLED = {pa.float32(): "float32", pa.float64(): "float64"}
Files = Mapping[str, Mapping[str, Sequence[Written]]]


def front_matter(facts: Facts) -> str:
    """Return the front matter, its dashes included."""
    return f"---\n{yaml.safe_dump(_metadata(facts), sort_keys=False, allow_unicode=True, width=1000)}---"


def _metadata(facts: Facts) -> dict[str, Any]:
    samples = sum(total.samples for total in facts.totals)
    files = parquet_files(facts.files)
    return {
        "pretty_name": facts.config.name,
        "version": facts.version,
        **_licence(facts.config.licence, facts.config.card.url),
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "size_categories": [next((name for limit, name in SIZES if samples < limit), "n>1M")],
        "source_datasets": ["extended" if facts.config.card.origins else "original"],
        "task_categories": ["other"],
        "tags": ["crowd-counting", "density-estimation", "ranked-pairs", "synthetic", "image", "croissant"],
        "configs": _configs(files),
        "dataset_info": _dataset_info(files, schemas(facts)),
    }


def _licence(licence: str, url: str) -> dict[str, str]:
    spelled = licence.lower()
    if spelled in HUB_LICENCES:
        return {"license": spelled}
    return {"license": "other", "license_name": licence, "license_link": url}


def parquet_files(files: Sequence[Written]) -> Files:
    """Return the Parquet files by configuration and split, in the order in which they were written."""
    found: dict[str, dict[str, list[Written]]] = {}
    for file in files:
        if file.format == "parquet":
            found.setdefault(file.config, {}).setdefault(file.split, []).append(file)
    return found


def schemas(facts: Facts) -> dict[str, tuple[tuple[str, ...], pa.Schema]]:
    """Return image columns and all other columns of every configuration."""
    found: dict[str, tuple[tuple[str, ...], pa.Schema]] = {}
    for total in facts.totals:
        product = PRODUCTS[total.product]
        found[product.name] = (tuple(product.images), product.fields)
        found[product.recipes] = ((), product.fields)
    return found | {table.name: ((), table.fields) for table in facts.tables} | {"records": ((), FIELDS)}


def _configs(files: Files) -> list[dict[str, Any]]:
    """List every configuration with its files by split, the first one the default."""
    configs: list[dict[str, Any]] = []
    for config, splits in files.items():
        data = [{"split": split, "path": pattern([file.path for file in found])} for split, found in splits.items()]
        default = {} if configs else {"default": True}
        configs.append({"config_name": config, **default, "data_files": data})
    return configs


def pattern(paths: Sequence[str]) -> str:
    """Return one pattern for the shards of a split: ``.../train-00000-of-00002.parquet`` becomes ``.../train-*``."""
    return paths[0] if len(paths) == 1 else f"{paths[0].rpartition('-00000-of-')[0]}-*.parquet"


def _dataset_info(files: Files, columns: Mapping[str, tuple[tuple[str, ...], pa.Schema]]) -> list[dict[str, Any]]:
    """Return columns and sizes of every configuration, as ``datasets`` checks them."""
    infos: list[dict[str, Any]] = []
    for config, splits in files.items():
        images, schema = columns[config]
        features = [{"name": name, "dtype": "image"} for name in images]
        features += [_feature(field.name, field.type) for field in schema]
        sizes = {
            split: (sum(file.bytes for file in found), sum(file.rows for file in found))
            for split, found in splits.items()
        }
        size = sum(number for number, _ in sizes.values())
        infos.append(
            {
                "config_name": config,
                "features": features,
                "splits": [
                    {"name": split, "num_bytes": number, "num_examples": rows}
                    for split, (number, rows) in sizes.items()
                ],
                "download_size": size,
                "dataset_size": size,
            }
        )
    return infos


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    return {"name": name} | _type(kind)


def _type(kind: pa.DataType) -> dict[str, Any]:
    """Return a column's type as ``datasets`` spells it in a card."""
    if pa.types.is_struct(kind):
        return {"struct": [_feature(field.name, field.type) for field in kind]}
    if not pa.types.is_list(kind):
        return {"dtype": SPELLED.get(kind, str(kind))}
    if pa.types.is_struct(kind.value_type):
        return {"list": [_feature(field.name, field.type) for field in kind.value_type]}
    inner = _type(kind.value_type)
    return {"list": inner.get("dtype", inner)}
