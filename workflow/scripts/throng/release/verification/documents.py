"""The card and the Croissant file must speak of this release: its version, its files, their sha256."""

import fnmatch
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError, first_line
from throng.release.index import CARD
from throng.release.shards import Written
from throng.release.verification.schemas import RECORD_CONFIG

CROISSANT = "croissant.json"


def check_documents(folder: Path, index: Mapping[str, Any], files: Sequence[Written]) -> None:
    """Raise ThrongError unless card and Croissant name this version, and exactly the data files that are here."""
    _check_card(folder / CARD, index, files)
    if any(file.path == CROISSANT for file in files):
        _check_croissant(folder / CROISSANT, index, files)


def _check_card(path: Path, index: Mapping[str, Any], files: Sequence[Written]) -> None:
    import yaml

    try:
        front = yaml.load(path.read_text().split("---\n")[1], Loader=yaml.CSafeLoader)
        configs = {config["config_name"]: config["data_files"] for config in front["configs"]}
        version = front["version"]
        patterns = {
            name: {entry["split"]: _globs(entry["path"]) for entry in entries} for name, entries in configs.items()
        }
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ThrongError(f"{path}: no front matter with version and configs ({first_line(error)})") from error
    if str(version) != index["version"]:
        raise ThrongError(f"{path}: is the card of version {version}, the index says {index['version']}")
    held: dict[tuple[str, str], set[str]] = {}
    for file in files:
        if file.format == "parquet":
            held.setdefault((file.config, file.split), set()).add(file.path)
    for config, split in sorted(held):
        if split not in patterns.get(config, {}) and config != RECORD_CONFIG:
            raise ThrongError(f"{path}: its configs lack {config}, split {split}")
    for config, splits in patterns.items():
        for split, wanted in splits.items():
            named = {file.path for file in files for glob in wanted if fnmatch.fnmatchcase(file.path, glob)}
            if named != held.get((config, split)):
                raise ThrongError(f"{path}: {', '.join(wanted)} are not the files of {config}, split {split}")


def _globs(patterns: Any) -> list[str]:
    listed: list[Any] = patterns if isinstance(patterns, list) else [patterns]
    if not all(isinstance(pattern, str) for pattern in listed):
        raise TypeError(f"path {str(patterns)[:80]!r} is neither a pattern nor a list of patterns")
    return listed


def _check_croissant(path: Path, index: Mapping[str, Any], files: Sequence[Written]) -> None:
    try:
        document = json.loads(path.read_bytes())
        version = document["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ThrongError(f"{path}: not readable as JSON with a version ({first_line(error)})") from error
    if version != index["version"]:
        raise ThrongError(f"{path}: describes version {version}, the index says {index['version']}")
    sums = {file.path: file.sha256 for file in files}
    named = dict(_hashes(document))
    for name, sha256 in sorted(named.items()):
        if sums.get(name) != sha256:
            raise ThrongError(f"{path}: says sha256 {sha256[:16]}... of {name}, the index says {sums.get(name)}")
    for file in files:
        if file.format == "parquet" and file.path not in named:
            raise ThrongError(f"{path}: does not name {file.path}")


def _hashes(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if "sha256" in node and "contentUrl" in node:
            yield str(node["contentUrl"]), str(node["sha256"])
        for value in node.values():
            yield from _hashes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _hashes(value)
