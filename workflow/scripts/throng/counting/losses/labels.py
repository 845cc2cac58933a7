"""What a batch of predicted maps is compared with: head points, counts, how far to trust them, and ranked pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch.nn.utils.rnn import pad_sequence

from throng.density.maps import density_maps
from throng.errors import ThrongError


@dataclass(frozen=True)
class Labels:
    """The labels of a batch of B images, on any device.

    ``points`` holds (N_i, 2) x, y in pixels per image, or None where nobody knows where the heads are; such an image
    counts only through ``counts`` and ``pairs``. ``shape`` is (H, W) of the images in pixels, ``stride`` the pixels per
    cell of the maps. ``sigma`` makes density maps: pixels, "adaptive", or (N_i,) pixels per image. ``counts`` (B,) in
    people replaces the numbers of points, except where it is NaN: there the number of points is the count, if they are
    known. ``stds`` (B,) are the counts' standard deviations in people, NaN where unknown. ``weights`` (B,) multiply all
    that an image's points and count add to the loss. ``pairs`` (P, 2) are indices (more, fewer) of images in the batch,
    and ``margins`` (P,) how many people more at least (None: 0).
    """

    points: Sequence[torch.Tensor | None]
    shape: tuple[int, int]
    stride: int
    sigma: float | Literal["adaptive"] | Sequence[torch.Tensor] = 4.0
    counts: torch.Tensor | None = None
    stds: torch.Tensor | None = None
    weights: torch.Tensor | None = None
    pairs: torch.Tensor | None = None
    margins: torch.Tensor | None = None


class Truth:
    """Labels made ready for one batch of predicted maps, on its device and in its dtype; maps are made once, on demand.

    Raises ThrongError when maps and labels do not belong together.
    """

    def __init__(self, labels: Labels, predicted: torch.Tensor) -> None:
        self.labels = labels
        self.device, self.dtype = predicted.device, predicted.dtype
        # A product in float32 may run as TF32 on a GPU, and float32 underflows 13 sigmas from a head.
        self.exact = torch.float32 if self.device.type == "mps" else torch.float64
        self.images = len(labels.points)
        if self.images == 0:
            raise ThrongError("a loss needs at least one image in the batch")
        self.cells = -(-labels.shape[0] // labels.stride), -(-labels.shape[1] // labels.stride)
        if tuple(predicted.shape) != (self.images, 1, *self.cells):
            raise ThrongError(
                f"a loss needs predicted maps of shape {(self.images, 1, *self.cells)} for {self.images} images of "
                f"{labels.shape} pixels at stride {labels.stride}; got {tuple(predicted.shape)}"
            )
        for name in ("counts", "stds", "weights"):
            values = getattr(labels, name)
            if values is not None and tuple(values.shape) != (self.images,):
                raise ThrongError(f"labels.{name} must have one value per image; got shape {tuple(values.shape)}")
        self.points = [_heads(index, points, self.device) for index, points in enumerate(labels.points)]

    @cached_property
    def located(self) -> torch.Tensor:
        """Where the head points of an image are known, (B,) bool."""
        return torch.tensor([points is not None for points in self.labels.points], device=self.device)

    @cached_property
    def weights(self) -> torch.Tensor:
        """The weights of the images, (B,)."""
        weights = self.labels.weights
        return torch.ones(self.images, device=self.device, dtype=self.dtype) if weights is None else self._own(weights)

    @cached_property
    def counts(self) -> torch.Tensor:
        """The true counts in people, (B,), NaN where unknown."""
        numbers = torch.tensor([len(p) for p in self.points], device=self.device, dtype=self.dtype)
        numbers = torch.where(self.located, numbers, torch.nan)
        if self.labels.counts is None:
            return numbers
        given = self._own(self.labels.counts)
        return torch.where(given.isnan(), numbers, given)

    @cached_property
    def stds(self) -> torch.Tensor:
        """The counts' standard deviations in people, (B,), 0 where unknown."""
        stds = self.labels.stds
        return torch.zeros_like(self.counts) if stds is None else self._own(stds).nan_to_num(nan=0.0)

    @cached_property
    def heads(self) -> torch.Tensor:
        """The head points, (B, N, 2) x, y in pixels with N of the fullest image (1 at least), zeros behind the last."""
        shortest = torch.zeros(1, 2, device=self.device, dtype=self.exact)
        return pad_sequence([*(p.to(self.exact) for p in self.points), shortest], batch_first=True)[:-1]

    @cached_property
    def present(self) -> torch.Tensor:
        """Which rows of ``heads`` are heads, (B, N) bool."""
        numbers = torch.tensor([len(p) for p in self.points], device=self.device)
        return torch.arange(self.heads.shape[1], device=self.device) < numbers[:, None]

    @cached_property
    def offsets(self) -> tuple[torch.Tensor, torch.Tensor]:
        """From each head to the cells' centres in pixels: down (B, N, h) and across (B, N, w)."""
        rows, columns = (
            (torch.arange(cells, device=self.device, dtype=self.exact) + 0.5) * self.labels.stride - 0.5
            for cells in self.cells
        )
        return rows - self.heads[..., 1:], columns - self.heads[..., :1]

    @cached_property
    def density(self) -> torch.Tensor:
        """The true density maps, (B, 1, h, w) in people per cell, zeros where points are unknown."""
        sigma = self.labels.sigma
        spread = sigma if isinstance(sigma, str | int | float) else [s.to(self.device) for s in sigma]
        maps = density_maps(self.points, self.labels.shape, sigma=spread, stride=self.labels.stride)
        return maps.to(self.dtype)

    @cached_property
    def dots(self) -> torch.Tensor:
        """The number of heads in every cell, (B, 1, h, w); heads outside the image count in the nearest cell."""
        height, width = self.cells
        cells = ((self.heads + 0.5) / self.labels.stride).floor().long()
        flat = cells[..., 1].clamp(0, height - 1) * width + cells[..., 0].clamp(0, width - 1)
        dots = torch.zeros(self.images, height * width, device=self.device, dtype=self.dtype)
        return dots.scatter_add_(1, flat, self.present.to(self.dtype)).view(self.images, 1, height, width)

    def mean(self, losses: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return the sum of weight * loss over the ``known`` images, divided by all B of the batch."""
        return torch.where(known, self.weights * losses, torch.zeros_like(losses)).sum() / self.images

    def _own(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self.device, self.dtype)


def counts_of(predicted: torch.Tensor) -> torch.Tensor:
    """Return the sums of maps (B, 1, h, w), (B,) in people."""
    return predicted.sum((1, 2, 3))


def _heads(index: int, points: torch.Tensor | None, device: torch.device) -> torch.Tensor:
    if points is None or points.numel() == 0:
        return torch.zeros(0, 2, device=device)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ThrongError(f"head points must be (N, 2) x, y; those of image {index} have shape {tuple(points.shape)}")
    return points.detach().to(device)
