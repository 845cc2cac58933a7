"""What every picture of a generator carries: generator, seeds and labels, so that it can be made again."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from throng.errors import ThrongError
from throng.files import write_bytes, write_text
from throng.gan.files import StoredGenerator
from throng.gan.requests import Request

CHUNK = "throng"
Record = dict[str, Any]


def record_of(tool: str, stored: StoredGenerator, **said: Any) -> Record:
    """Return what is written with an output of ``throng gan <tool>``: its generator and terms, and ``said``."""
    recipe = stored.recipe
    kept = ("gan", "run", "kimg", "config_hash", "licence", "redistributable")
    return {
        "tool": f"throng gan {tool}",
        "generator": stored.digest,
        **{key: recipe[key] for key in kept if key in recipe},
        **said,
    }


def spelled(requests: Sequence[Request]) -> list[Record]:
    """Return requested labels as JSON values."""
    return [{"kind": one.kind, "label": list(one.values), "name": one.name} for one in requests]


def png(image: np.ndarray, record: Mapping[str, Any]) -> bytes:
    """Return an (H, W, 3) uint8 RGB image as PNG with the record as JSON in the text chunk ``throng``."""
    info = PngInfo()
    info.add_text(CHUNK, json.dumps(record, sort_keys=True))
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def write_png(path: Path, image: np.ndarray, record: Mapping[str, Any]) -> None:
    """Write a PNG with its record, atomically; raises ThrongError when the path is none of a .png."""
    if path.suffix.lower() != ".png":
        raise ThrongError(f"{path}: a picture is written as .png; name such a file")
    write_bytes(path, png(image, record))


def read_record(path: Path) -> Record:
    """Return the record of a PNG; raises ThrongError when it carries none."""
    with Image.open(path) as image:
        text = getattr(image, "text", {}).get(CHUNK)
    if text is None:
        raise ThrongError(f"{path}: carries no record of throng")
    return json.loads(text)


def write_beside(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record as JSON beside a file or folder that cannot carry it: ``film.mp4`` has ``film.mp4.json``."""
    write_text(path.with_name(f"{path.name}.json"), json.dumps(record, indent=1, sort_keys=True) + "\n")
