"""The contrastive counting loss in the paper's form: one norm over all units, then one hinge per pair."""

from __future__ import annotations

import torch

from throng.errors import ThrongError

MARGIN = 10.0


def counting_loss(
    down_x: torch.Tensor, tiles_x: torch.Tensor, down_y: torch.Tensor, margin: float = MARGIN
) -> torch.Tensor:
    """Return the mean over the batch of ||D x - sum of tiles||^2 + max(0, margin - ||D y - sum of tiles||^2).

    ``down_x`` and ``down_y`` (B, k) are the counts of two downsampled pictures, ``tiles_x`` (B, T, k) those of the T
    tiles of the first. One direction: an all-zero network pays ``margin``. Raises ThrongError on other shapes. Noroozi
    et al. (2017), eq. 4.
    """
    matching, hinge = counting_terms(down_x, tiles_x, down_y, margin)
    return matching + hinge


def counting_terms(
    down_x: torch.Tensor, tiles_x: torch.Tensor, down_y: torch.Tensor, margin: float = MARGIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two terms of :func:`counting_loss`, matching and hinge, each a mean over the batch."""
    if tiles_x.ndim != 3 or not (down_x.shape == down_y.shape == (tiles_x.shape[0], tiles_x.shape[2])):
        raise ThrongError(
            f"counts of downsampled pictures must be (B, k), those of tiles (B, tiles, k), not {tuple(down_x.shape)}, "
            f"{tuple(down_y.shape)} and {tuple(tiles_x.shape)}"
        )
    whole = tiles_x.sum(1)
    matching = (down_x - whole).square().sum(1)
    apart = (down_y - whole).square().sum(1)
    return matching.mean(), torch.relu(margin - apart).mean()
