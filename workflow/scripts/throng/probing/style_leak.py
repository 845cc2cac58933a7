"""How well a counting network tells downsampling filters apart, on photographs cropped as it learnt from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.learning_to_count.leak import filter_errors, leak_ratio
from throng.counting.learning_to_count.operators import PAPER_FILTERS
from throng.encoders.pictures import Pictures, Place, place_on
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK, read_table
from throng.probing.layers import pixel_batch
from throng.probing.subjects import Subject
from throng.tables.images import TABLE as IMAGES


def leak_pictures(table: Path, store: ImageStore, size: tuple[int, int], number: int) -> list[np.ndarray]:
    """Return up to ``number`` photographs (h, w, 3) uint8, of val first, then of train, by id; test stays out.

    Raises ThrongError when there is none.
    """
    rows = read_table(table, IMAGES, ["id", "source", "path", "split", "status"]).to_pylist()
    usable = [row for row in rows if row["status"] == OK and row["split"] in ("val", "train")]
    if not usable:
        raise ThrongError(f"{table}: no photograph of train or val to look for a leak of filters in; ingest some")
    chosen = sorted(usable, key=lambda row: (row["split"] != "val", row["id"]))[:number]
    return list(Pictures([Place(row["source"], row["path"]) for row in chosen], store, size, 0.0))


def style_leak(
    subject: Subject, pictures: Sequence[np.ndarray], device: str, filters: Sequence[str] = PAPER_FILTERS
) -> dict[str, Any]:
    """Return the counts' relative errors by filter and the largest over their mean, None where nothing is counted.

    ``pictures`` are (H, W, 3) uint8; their centres are cut to the crop that the network's recipe names.
    """
    network = subject.counting
    assert network is not None
    options = subject.recipe["options"]
    crop, grid = (options["crop"][0], options["crop"][1]), (options["grid"][0], options["grid"][1])
    pixels: torch.Tensor = pixel_batch([_centre(picture, crop) for picture in pictures], device)
    errors = filter_errors(network, pixels, filters, grid=grid)
    values = list(errors.values())
    counts = all(map(math.isfinite, values)) and sum(values) > 0
    return {
        "errors": dict(errors) if counts else dict.fromkeys(errors),
        "ratio": leak_ratio(np.array(values)) if counts else None,
    }


def _centre(picture: np.ndarray, crop: tuple[int, int]) -> np.ndarray:
    height, width = picture.shape[:2]
    if height < crop[0] or width < crop[1]:
        return place_on(picture, crop)
    top, left = (height - crop[0]) // 2, (width - crop[1]) // 2
    return picture[top : top + crop[0], left : left + crop[1]]
