"""Four bands of frequency, each made stronger or weaker.

Karras et al. (2020, ADA), appendix B, "image-space filtering". The bands are those of an undecimated bank built of
sym2's half-band filter E(z) = H(z) H(1/z) / 2: low-passes E(z), E(z) E(z^2), E(z) E(z^2) E(z^4) and their differences,
which sum to the identity.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from throng.gan.augmentation.dice import chosen, log2_normal
from throng.gan.augmentation.options import Options
from throng.gan.mirror import SYM2, apply_matrices, filtering

BANDS = 4
# expected power of a photograph in each band, from low to high: spectra fall off as 1 / f
_POWER = torch.tensor([10, 1, 1, 1], dtype=torch.float64) / 13


def refilter(images: Tensor, p: float, options: Options) -> Tensor:
    """Weigh the bands of images (B, C, R, R), mirrored beyond their edges."""
    gains = draw_gains(len(images), p, options)
    if (gains == 1).all():
        return images
    matrices = (gains @ band_matrices(images.shape[-1]).flatten(1)).view(-1, 1, *images.shape[-2:]).to(images)
    return apply_matrices(images, matrices, matrices)


def draw_gains(count: int, p: float, options: Options) -> Tensor:
    """Draw (count, 4) factors of the bands, low to high, float64 on the CPU; each change keeps the expected power."""
    gains = torch.ones(count, BANDS, dtype=torch.float64)
    for band in range(BANDS):
        taken = chosen(count, options.probability("image_filter", p))
        change = torch.ones_like(gains)
        change[:, band] = torch.where(taken, log2_normal(count, options.strength("image_filter")), 1.0)
        gains *= torch.where(taken[:, None], change / (change.square() @ _POWER).sqrt()[:, None], 1.0)
    return gains


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def band_matrices(size: int) -> Tensor:
    """Return the (4, size, size) matrices that pass one band of a row, low to high, and sum to the identity."""
    half_band = np.convolve(SYM2, SYM2[::-1]) / 2
    low_pass, low_passes = np.ones(1), [torch.eye(size, dtype=torch.float64)]
    for level in range(BANDS - 1):
        spread = np.zeros((len(half_band) - 1) * 2**level + 1)
        spread[:: 2**level] = half_band
        low_pass = np.convolve(low_pass, spread)
        low_passes.append(filtering(tuple(low_pass.tolist()), size))
    high_to_low = [low_passes[level] - low_passes[level + 1] for level in range(BANDS - 1)] + [low_passes[-1]]
    return torch.stack(high_to_low[::-1])
