"""FIR filtering, up-sampling and down-sampling of images, differentiable twice (Karras et al. 2020, StyleGAN2, App. B).

A filter runs along rows and columns as a product with a banded matrix: sizes here are some hundred pixels at most,
and there a matrix product is faster than a depthwise convolution, and its second derivative is again a product.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional

from throng.errors import ThrongError

Padding = tuple[int, int, int, int]


def filter2d(images: torch.Tensor, taps: torch.Tensor, padding: Padding = (0, 0, 0, 0)) -> torch.Tensor:
    """Return images (B, C, H, W) filtered by ``taps`` (T,) along both axes, of their size when ``padding`` is zero.

    ``padding`` = (left, right, top, bottom) adds zeros or, where negative, crops. Raises ThrongError for other shapes.
    """
    before, after = len(taps) // 2, (len(taps) - 1) // 2
    return resample(images, taps, padding=_wider(padding, before, after))


def upsample2d(
    images: torch.Tensor, taps: torch.Tensor, factor: int = 2, padding: Padding = (0, 0, 0, 0)
) -> torch.Tensor:
    """Return images (B, C, factor H, factor W): zeros inserted, then filtered by ``taps`` (T,) with gain factor².

    Pixels stay where they are in the picture; ``padding`` is in pixels of the result. As ``filter2d`` otherwise.
    """
    before, after = (len(taps) + factor - 1) // 2, (len(taps) - factor) // 2
    return resample(images, taps, up=factor, padding=_wider(padding, before, after), gain=factor**2)


def downsample2d(
    images: torch.Tensor, taps: torch.Tensor, factor: int = 2, padding: Padding = (0, 0, 0, 0)
) -> torch.Tensor:
    """Return images (B, C, H / factor, W / factor): filtered by ``taps`` (T,), then every factor-th pixel kept.

    Pixels stay where they are in the picture; ``padding`` is in pixels of ``images``. As ``filter2d`` otherwise.
    """
    before, after = (len(taps) - factor + 1) // 2, (len(taps) - factor) // 2
    return resample(images, taps, down=factor, padding=_wider(padding, before, after))


def resample(
    images: torch.Tensor,
    taps: torch.Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = (0, 0, 0, 0),
    gain: float = 1.0,
) -> torch.Tensor:
    """Return images (B, C, H', W'): up - 1 zeros after each pixel, padded, convolved by ``taps`` (T,), decimated.

    ``padding`` = (left, right, top, bottom) in up-sampled pixels, H' = ceil((up H + top + bottom - T + 1) / down);
    ``gain`` multiplies the result. Not differentiable in ``taps``. Raises ThrongError for taps that are not (T,), or
    when nothing is left of the image.
    """
    if taps.ndim != 1:
        raise ThrongError(f"taps must be one row (T,) for both axes, not of shape {tuple(taps.shape)}")
    left, right, top, bottom = padding
    taps = taps.to(images) * gain**0.5
    across = band(taps, images.shape[-1], up, down, (left, right))
    along = band(taps, images.shape[-2], up, down, (top, bottom))
    return along @ (images @ across.T)


def band(taps: torch.Tensor, length: int, up: int, down: int, padding: tuple[int, int]) -> torch.Tensor:
    """Return the matrix (length', length) by which ``resample`` acts on a row of ``length``, on the taps' device."""
    # A zero behind the taps answers for all that lies outside them.
    return functional.pad(taps, (0, 1))[_tap_of(len(taps), length, up, down, padding, taps.device)]


@lru_cache(maxsize=512)
def _tap_of(taps: int, length: int, up: int, down: int, padding: tuple[int, int], device: torch.device) -> torch.Tensor:
    left = length * up + sum(padding) - taps + 1
    if left < 1:
        raise ThrongError(
            f"{length} pixels up-sampled by {up} and padded by {padding[0]} and {padding[1]} are fewer than the "
            f"filter's {taps} taps: nothing is left"
        )
    # Row o of the full convolution's Toeplitz matrix reads tap o down + T - 1 - before - i up of pixel i.
    tap = torch.arange(0, left, down)[:, None] + taps - 1 - padding[0] - torch.arange(length)[None, :] * up
    return torch.where((tap >= 0) & (tap < taps), tap, taps).to(device)


def _wider(padding: Padding, before: int, after: int) -> Padding:
    left, right, top, bottom = padding
    return left + before, right + after, top + before, bottom + after
