"""A diffusers pipeline's folder: what it says it is, and the hash of every file that decides what it draws."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file

INDEX = "model_index.json"


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


def has(folder: Path, component: str) -> bool:
    """Whether the pipeline comes with a component, as ``safety_checker``."""
    return bool((index(folder).get(component) or [None])[0])


def identity(folder: Path) -> Mapping[str, str]:
    """Return the folder's name and one sha256 over the names and hashes of its components' files, sorted."""
    components = [name for name, value in index(folder).items() if isinstance(value, list) and value[0]]
    files = [path for name in components for path in (folder / name).rglob("*") if path.is_file()]
    lines = [
        f"{path.relative_to(folder).as_posix()} {sha256_file(path)}\n" for path in sorted([folder / INDEX, *files])
    ]
    return {"file": folder.name, "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}
