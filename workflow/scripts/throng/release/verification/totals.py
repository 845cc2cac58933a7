"""The totals of the index must be those of its files, and every kept row must be released or left out for a reason."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.release.index import INDEX
from throng.release.products import PRODUCTS
from throng.release.shards import Written

# the stage whose kept rows a product is made of
STAGES = {
    "ranked_pairs": "rank_pairs",
    "fixed_count": "calibrate_counts",
    "density_labelled": "label_density",
    "requested_density": "sample_gan",
}


def check_totals(folder: Path, index: Mapping[str, Any], files: Sequence[Written]) -> list[str]:
    """Return one sentence per product that accounts for all its rows; raises ThrongError when sums do not agree."""
    path = folder / INDEX
    try:
        _check_files(path, index, files)
        lines = {line["stage"]: line for line in index["conservation"]}
        for line in lines.values():
            if line["units_in"] != line["units_out"]:
                raise ThrongError(
                    f"{path}: stage {line['stage']} lost rows: {line['units_in']} in, {line['units_out']}"
                )
        return [_account(path, product, index, lines) for product in sorted(index["products"])]
    except (KeyError, TypeError, AttributeError) as error:
        raise ThrongError(f"{path}: lacks a total, or one is no number ({error})") from error


def _check_files(path: Path, index: Mapping[str, Any], files: Sequence[Written]) -> None:
    rows: Counter[tuple[str, str, str]] = Counter()
    for file in files:
        rows[file.config, file.split, file.format] += file.rows
    promised: Counter[tuple[str, str, str]] = Counter()
    for config, split, number, formats in _promised(index):
        for kind in formats:
            promised[config, split, kind] += number
    for key in sorted({*promised, *(key for key in rows if _is_product(key[0]))}):
        if promised[key] != rows[key]:
            raise ThrongError(f"{path}: its files have {rows[key]} rows of {'/'.join(key)}, its totals {promised[key]}")
    products = list(index["products"].values())
    totals = {
        "files": len(files),
        "bytes": sum(file.bytes for file in files),
        "samples_with_pixels": sum(sum(counts["pixels"].values()) for counts in products),
        "samples_as_recipes": sum(sum(counts["recipes"].values()) for counts in products),
    }
    for name, number in totals.items():
        if index["totals"][name] != number:
            raise ThrongError(f"{path}: totals say {index['totals'][name]} {name}, its files and products {number}")


def _promised(index: Mapping[str, Any]) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    for product, counts in index["products"].items():
        for split, number in counts["pixels"].items():
            yield product, split, number, ("parquet", "webdataset")
        for split, number in counts["recipes"].items():
            yield f"{product}_recipes", split, number, ("parquet",)


def _is_product(config: str) -> bool:
    return config.removesuffix("_recipes") in PRODUCTS


def _account(path: Path, product: str, index: Mapping[str, Any], lines: Mapping[str, Mapping[str, Any]]) -> str:
    stage = STAGES[product]
    kept = lines[stage]["kept"] if stage in lines else 0
    counts = index["products"][product]
    pixels, recipes = sum(counts["pixels"].values()), sum(counts["recipes"].values())
    reasons = index["left_out"].get(product, {})
    said = ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "none"
    account = (
        f"{product}: {kept} kept by {stage} = {pixels} with pixels + {recipes} as recipes + "
        f"{sum(reasons.values())} left out ({said})"
    )
    if kept != pixels + recipes + sum(reasons.values()):
        raise ThrongError(f"{path}: rows do not add up: {account}")
    return account
