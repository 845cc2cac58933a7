"""The index of a release (every file with its hash, size and rows) and the checksums of everything, index included."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.release.annotations import PlainTable
from throng.release.ledger import Line
from throng.release.shards import Written

INDEX = "index.json"
CARD = "README.md"
SUMS = "SHA256SUMS"
# key of the index of a release that its user rebuilt from recipes, and that may not be passed on
REBUILT = "rebuilt"
FORMAT_VERSION = 5


@dataclasses.dataclass(frozen=True)
class Totals:
    """Samples of one product by split: released with pixels, and as recipes."""

    product: str
    pixels: Mapping[str, int]
    recipes: Mapping[str, int]

    @property
    def samples(self) -> int:
        """All samples of the product."""
        return sum(self.pixels.values()) + sum(self.recipes.values())


def index_of(
    *,
    name: str,
    version: str,
    licence: str,
    files: Sequence[Written],
    totals: Sequence[Totals],
    ledger: Sequence[Line],
    tables: Sequence[PlainTable],
    shared_scenes: Sequence[str],
    left_out: Mapping[str, Mapping[str, int]],
    provenance: Mapping[str, Any],
    footers: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``index.json``."""
    return {
        "format": "throng-release",
        "format_version": FORMAT_VERSION,
        "name": name,
        "version": version,
        "licence": licence,
        "files": [dataclasses.asdict(file) for file in sorted(files, key=lambda file: file.path)],
        "products": {total.product: {"pixels": dict(total.pixels), "recipes": dict(total.recipes)} for total in totals},
        "totals": {
            "files": len(files),
            "bytes": sum(file.bytes for file in files),
            "samples_with_pixels": sum(sum(total.pixels.values()) for total in totals),
            "samples_as_recipes": sum(sum(total.recipes.values()) for total in totals),
        },
        "conservation": [dataclasses.asdict(line) for line in ledger],
        "withheld": {table.name: table.withheld for table in tables},
        "shared_scenes": list(shared_scenes),
        "left_out": {product: dict(reasons) for product, reasons in left_out.items()},
        "provenance": dict(provenance),
        "made_by": dict(footers),
    }


def write_index(folder: Path, index: Mapping[str, Any]) -> None:
    """Write ``index.json``."""
    text = json.dumps(index, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False)
    (folder / INDEX).write_text(text + "\n")


def read_index(folder: Path) -> dict[str, Any]:
    """Return a release's index; raises ThrongError when there is none that this version reads."""
    path = folder / INDEX
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ThrongError(f"{folder}: no {INDEX}, so it is no release; name the folder that holds one") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ThrongError(f"{path}: not readable as JSON ({error}); download or make the release again") from error
    if not isinstance(index, dict) or index.get("format") != "throng-release":
        raise ThrongError(f"{path}: not the index of a throng release")
    if index.get("format_version") != FORMAT_VERSION:
        raise ThrongError(
            f"{path}: format version {index.get('format_version')}, expected {FORMAT_VERSION}; "
            f"use the throng version that made it"
        )
    if not _well_shaped(index):
        raise ThrongError(
            f"{path}: lacks name, version, products or files, or names a file outside its folder; download or make the "
            f"release again"
        )
    return index


def _well_shaped(index: Mapping[str, Any]) -> bool:
    kinds = {"name": str, "version": str, "products": dict, "files": list}
    if not all(isinstance(index.get(name), kind) for name, kind in kinds.items()):
        return False
    for counts in index["products"].values():
        if not isinstance(counts, dict) or not all(
            isinstance(counts.get(name), dict) for name in ("pixels", "recipes")
        ):
            return False
    return all(isinstance(entry, dict) and _is_listed(entry) for entry in index["files"])


def _is_listed(entry: Mapping[str, Any]) -> bool:
    if not all(isinstance(entry.get(name), str) for name in ("path", "config", "split", "format")):
        return False
    path = PurePosixPath(entry["path"])
    return entry["path"].isprintable() and not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def files_below(folder: Path) -> list[str]:
    """Return the paths of all files of a release, checksums excepted, sorted; links count as files."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found if path != folder / SUMS)


def write_sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over every other file, as ``sha256sum -c`` reads it."""
    lines = [f"{sha256_file(folder / path)}  {path}\n" for path in files_below(folder)]
    (folder / SUMS).write_text("".join(lines))


def read_sums(folder: Path) -> dict[str, str]:
    """Return sha256 by path from ``SHA256SUMS``; raises ThrongError when it is missing or malformed."""
    path = folder / SUMS
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ThrongError(f"{path}: not readable ({error}); download or make the release again") from error
    sums = {}
    for number, line in enumerate(lines, 1):
        sha256, separator, name = line.partition("  ")
        if len(sha256) != 64 or not separator or not name or name in sums:
            raise ThrongError(f"{path}, line {number}: expected a sha256, two spaces and a file's path, once each")
        sums[name] = sha256
    return sums
