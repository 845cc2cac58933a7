"""The configuration that a plan follows, read as Snakemake reads it, and the overlay that a plan recommends."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from throng.errors import ThrongError, first_line
from throng.operations.planned import Stage


def merged(paths: Sequence[Path]) -> dict[str, Any]:
    """Return YAML files laid over one another: dictionaries are merged, anything else, lists too, is replaced."""
    config: dict[str, Any] = {}
    for path in paths:
        _lay_over(config, read_yaml(path))
    return config


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file's dictionary; raises ThrongError for another file."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ThrongError(f"{path}: not a readable YAML file ({first_line(error)})") from error
    if content is not None and not isinstance(content, dict):
        raise ThrongError(f"{path}: expected keys with values, as in config.yaml, got {type(content).__name__}")
    return cast("dict[str, Any]", content or {})


def _lay_over(config: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        mine = config.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            _lay_over(cast("dict[str, Any]", mine), cast("dict[str, Any]", value))
        else:
            config[key] = copy.deepcopy(value)


def threads_of(profile: Path) -> dict[str, int]:
    """Return the threads that a profile gives to rules, none where there is no such file."""
    return dict(read_yaml(profile).get("set-threads", {})) if profile.is_file() else {}


def overlay(raw: Mapping[str, Any], stages: Sequence[Stage], chunks: Mapping[str, int]) -> str:
    """Return YAML for ``--configfile`` that sets the chunks of stages; a list of makers is repeated whole."""
    told: dict[str, Any] = {}
    for stage in stages:
        if stage.path is None or stage.name not in chunks:
            continue
        section, *inside = stage.path
        if not inside:
            told[section] = {"chunks": chunks[stage.name]}
            continue
        field, name = inside
        many = told.setdefault(section, {field: copy.deepcopy(raw[section][field])})[field]
        next(one for one in many if one["name"] == name)["chunks"] = chunks[stage.name]
    return yaml.safe_dump(told, sort_keys=False, width=110)
