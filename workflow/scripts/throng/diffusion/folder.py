"""A diffusers pipeline's folder: what it says it is, and the hash of every file that decides what it draws."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file

INDEX, CONFIG = "model_index.json", "config.json"
WEIGHTS = (".json", ".safetensors", ".bin")


def opened(model: Path | None, name: str, section: str) -> Path:
    """Return a pipeline's folder, given as itself or by its index; raises ThrongError when it is none.

    ``name`` is what the user wrote, under key ``model`` of ``section``.
    """
    if model is None or not model.exists():
        raise ThrongError(
            f"{section}.model: {model or name} not found; name the folder of a diffusers pipeline ({INDEX})"
        )
    folder = model.parent if model.name == INDEX else model
    if folder.is_file():
        raise ThrongError(
            f"{section}.model: {folder} is one file, a diffusers pipeline is a folder with {INDEX}; "
            f"convert it with from_single_file(...).save_pretrained(folder) of the pipeline's class"
        )
    if not (folder / INDEX).is_file():
        raise ThrongError(f"{section}.model: {folder} has no {INDEX}; name the folder of a diffusers pipeline")
    return folder


def index(folder: Path) -> Mapping[str, Any]:
    """Return the content of model_index.json; raises ThrongError when it names no pipeline class."""
    try:
        content = json.loads((folder / INDEX).read_text())
        if isinstance(content["_class_name"], str):
            return content
    except (ValueError, TypeError, KeyError):
        pass
    raise ThrongError(f"{folder / INDEX} names no pipeline class; restore it from where the model is from")


def identity(folder: Path) -> Mapping[str, str]:
    """Return the folder's name and one sha256 over the names and hashes of its components' files, sorted."""
    components = [name for name, value in index(folder).items() if isinstance(value, list) and value[0]]
    files = [path for name in components for path in (folder / name).rglob("*") if path.is_file()]
    return _identity(folder, [folder / INDEX, *files])


def opened_component(path: Path | None, name: str, section: str) -> Path:
    """Return the folder of a single network, given as itself or by a file in it; raises ThrongError when it is none."""
    folder = path.parent if path is not None and path.is_file() else path
    if folder is None or not (folder / CONFIG).is_file():
        raise ThrongError(f"{section}.model: {folder or name} has no {CONFIG}; name the folder of a ControlNet")
    return folder


def component_class(folder: Path, section: str) -> str:
    """Return the class that a network's config.json names; raises ThrongError when it names none."""
    try:
        return str(json.loads((folder / CONFIG).read_text())["_class_name"])
    except (ValueError, TypeError, KeyError) as error:
        raise ThrongError(f"{section}.model: {folder / CONFIG} names no class; restore it") from error


def component_identity(folder: Path) -> Mapping[str, str]:
    """Return a network's folder's name and one sha256 over the names and hashes of its settings and weights, sorted."""
    return _identity(folder, [path for path in folder.iterdir() if path.suffix in WEIGHTS])


def _identity(folder: Path, files: Iterable[Path]) -> Mapping[str, str]:
    lines = [f"{path.relative_to(folder).as_posix()} {sha256_file(path)}\n" for path in sorted(files)]
    return {"file": folder.name, "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}
