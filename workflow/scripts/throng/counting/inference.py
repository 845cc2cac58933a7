"""Counting a photograph: whole, by the nearest-centre patches of SANet's test protocol, or by blended windows.

A network of convolutions alone sees the same everywhere but near the borders that a scheme adds, so its counts hardly
differ by scheme. Instance norm and everything else that averages over its input (SANet, GauNet's SANet) sees another
average in every patch or window: such a counter counts best by the scheme it was validated with.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from throng.counting.network import Counter
from throng.counting.windows import Windows, windowed_map
from throng.errors import ThrongError

Scheme = Literal["whole", "patches", "windows"]
SCHEMES: tuple[Scheme, ...] = ("whole", "patches", "windows")


def predict_count(
    model: Counter, image: np.ndarray, *, scheme: Scheme = "whole", windows: Windows | None = None
) -> tuple[float, np.ndarray]:
    """Return the count of an (H, W, 3) uint8 RGB image and its density map at the model's resolution and stride.

    A grey counter also takes (H, W) grey pixels.

    The map is (ceil(h / stride), ceil(w / stride)) float32 in people per cell, where (h, w) is the size after
    the model's ``image_scale``; the count is its sum. "patches" runs :func:`stitched_map`, "windows"
    :func:`throng.counting.windows.windowed_map` with ``windows`` (default: 768 pixels, overlapping by a quarter), whose
    memory does not grow with the image. Raises ThrongError for another shape or type, and where the map is not finite.
    """
    pixels = model.input_spec.scaled(_checked(image, model.input_spec.channels))
    density = predict_map(model, pixels, scheme=scheme, windows=windows)
    if not torch.isfinite(density).all():
        name = model.architecture.get("name", "the counter")
        raise ThrongError(f"{name} makes a density map that is not finite: its weights are damaged; train it again")
    return float(density.sum(dtype=torch.float64)), density[0, 0].cpu().numpy()


def _checked(image: np.ndarray, channels: int) -> np.ndarray:
    """Return an image as (H, W, 3 or 1) uint8, or say what is wrong with it."""
    if image.ndim == 2 and channels == 1:
        image = image[..., None]
    elif image.ndim != 3 or image.shape[2] != 3:
        raise ThrongError(f"an image to count must be (H, W, 3) RGB, not of shape {image.shape}")
    if image.size == 0:
        raise ThrongError(f"an image to count must have pixels; its shape is {image.shape}")
    if image.dtype != np.uint8:
        wrong = 0
        if np.issubdtype(image.dtype, np.inexact):
            wrong = int((~np.isfinite(image)).sum())
        broken = f", {wrong} of them NaN or infinite" if wrong else ""
        raise ThrongError(f"an image to count must have uint8 pixels 0..255, not {image.dtype}{broken}")
    return image


def decode_for(model: Counter, data: bytes) -> np.ndarray:
    """Decode image bytes as ``model`` counts them: (H, W, 3) uint8 RGB, or (H, W) stored luma for a grey counter.

    Published grey counters were fitted to luma; grey from decoded RGB moves the RMSE on part B by half a percent.
    """
    from throng.images import decode, decode_grey

    return decode_grey(data) if model.input_spec.channels == 1 else decode(data)


@torch.no_grad()
def predict_map(
    model: Counter, pixels: np.ndarray, *, scheme: Scheme = "whole", windows: Windows | None = None
) -> torch.Tensor:
    """Return the map (1, 1, h', w') float32 of (h, w, 3 or 1) uint8 pixels at the model's resolution.

    It is on the model's device, and on the CPU by "windows".
    """
    if scheme not in SCHEMES:
        raise ThrongError(f"scheme must be {', '.join(SCHEMES)}, not {scheme!r}")
    if windows is not None and scheme != "windows":
        raise ThrongError(f"windows are laid out by scheme 'windows' alone, not {scheme!r}")
    device = device_of(model)
    was_training = model.training
    model.eval()
    try:
        if scheme == "windows":
            return windowed_map(
                lambda images: model(model.input_spec.normalise(images.to(device))),
                pixels,
                windows or Windows(),
                stride=model.stride,
                multiple=model.multiple,
            )
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None]
        images = model.input_spec.normalise(images)
        return model(images) if scheme == "whole" else stitched_map(model, images)
    finally:
        model.train(was_training)


def device_of(model: Counter) -> torch.device:
    """Return where a counter takes its images: its parameters' device, the CPU for one that another runtime runs."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def stitched_map(model: Counter, images: torch.Tensor) -> torch.Tensor:
    """Return the map of (1, C, H, W) pixels from 3x3 patches of half its size, each cell from the nearest centre.

    The patches overlap by half, so ownership changes at 3/8 and 5/8 of each axis: a hard partition, no
    blending. It is what a network with instance norm trained on quarter-size crops expects (SANet, ECCV 2018,
    section 4.1).
    """
    height, width = images.shape[-2:]
    stride = model.stride
    rows, columns = -(-height // stride), -(-width // stride)
    padded = functional.pad(images, (0, columns * stride - width, 0, rows * stride - height), mode="replicate")
    tops, patch_rows, row_owner = patch_layout(rows)
    lefts, patch_columns, column_owner = patch_layout(columns)
    patches = torch.cat(
        [
            padded[
                ...,
                top * stride : (top + patch_rows) * stride,
                left * stride : (left + patch_columns) * stride,
            ]
            for top in tops
            for left in lefts
        ]
    )
    maps = model(patches)
    density = maps.new_zeros(1, 1, rows, columns)
    for r, top in enumerate(tops):
        for c, left in enumerate(lefts):
            own_rows, own_columns = np.flatnonzero(row_owner == r), np.flatnonzero(column_owner == c)
            inside = np.ix_(own_rows - top, own_columns - left)
            density[0, 0][np.ix_(own_rows, own_columns)] = maps[r * 3 + c, 0][inside]
    return density


def patch_layout(cells: int) -> tuple[list[int], int, np.ndarray]:
    """Return one axis' patch starts, the patch length, and for each cell the patch whose centre is nearest.

    A patch is half the axis (rounded up), the starts are 0, the middle and the end; a cell halfway between
    two centres belongs to the earlier one.
    """
    length = -(-cells // 2)
    starts = [0, (cells - length) // 2, cells - length]
    centres = np.array(starts) + (length - 1) / 2
    owner = np.abs(np.arange(cells)[:, None] - centres[None, :]).argmin(1)
    return starts, length, owner
