"""Filters along rows and columns of images that are mirrored at their edges, each a product with one small matrix.

The wavelets are Daubechies' (1992, "Ten Lectures on Wavelets", section 8.1.1); what is done with them: Karras et al.
(2020, ADA), appendix B. The matrices are kept, so they must not be tensors of an inference mode that is on when they
are first asked for.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from throng.gan.resample import band

# the least asymmetric orthonormal low-pass with 6 vanishing moments
SYM6 = (
    0.01540410932704476,
    0.0034907120842220833,
    -0.11799011114851964,
    -0.048311742585697266,
    0.49105594192797364,
    0.78764114102865,
    0.33792942172816554,
    -0.07263752278637614,
    -0.021060292512370675,
    0.04472490177078127,
    0.0017677118642539704,
    -0.00780070832503237,
)
# pixels of the doubled row by which it delays what changes slowly
DELAY = sum(place * tap for place, tap in enumerate(SYM6)) / sum(SYM6)
# the orthonormal low-pass with 2 vanishing moments
SYM2 = (0.48296291314453414, 0.83651630373780794, 0.22414386804201339, -0.12940952255126037)


def apply_matrices(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return rows @ image @ columns^T for each channel of images (B, C, H, W).

    ``rows`` is (H', H) or (B, 1, H', H), ``columns`` (W', W) or (B, 1, W', W).
    """
    return rows @ (images @ columns.mT)


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def extension(length: int, margin: int) -> Tensor:
    """Return the (length + 2 margin, length) matrix that mirrors a row at its ends, repeatedly where it is short."""
    place = torch.arange(-margin, length + margin) % (2 * length)
    return torch.eye(length, dtype=torch.float64)[torch.minimum(place, 2 * length - 1 - place)]


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def upsampling(length: int) -> Tensor:
    """Return the (2 length, length) matrix that doubles a mirrored row by SYM6."""
    taps = torch.tensor(SYM6, dtype=torch.float64) * 2**0.5
    margin = len(SYM6) // 2
    extended = extension(length, margin)
    # the first pixel of the row itself starts at 2 margin, and the middle of its taps lies 5 later
    crop = 2 * margin + 5
    return (band(taps, length + 2 * margin, 2, 1, (11, 11)) @ extended)[crop : crop + 2 * length]


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def downsampling(length: int) -> Tensor:
    """Return the (length, 2 length + 10) matrix that halves a row by SYM6: 5 places before the row's first, 5 after."""
    taps = torch.tensor(SYM6, dtype=torch.float64).flip(0) / 2**0.5
    return band(taps, 2 * length + 10, 1, 2, (0, 0))


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def filtering(taps: tuple[float, ...], length: int) -> Tensor:
    """Return the (length, length) matrix that filters a mirrored row by an odd number of symmetric ``taps``."""
    margin = len(taps) // 2
    extended = extension(length, margin)
    return band(torch.tensor(taps, dtype=torch.float64), length + 2 * margin, 1, 1, (0, 0)) @ extended
