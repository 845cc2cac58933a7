"""Moves and turns of pictures by band-limited filters: what an equivariant generator's images are held against.

A picture's value at a whole pixel is a sample of the smooth picture behind it. Moving it by a fraction of a pixel asks
for the smooth picture in between (a sinc in theory, Lanczos here); turning it asks in addition for what both pixel
grids, the old and the turned one, can hold: the corners of one's square of frequencies stick out of the other's.
Source: Karras et al., "Alias-free generative adversarial networks", NeurIPS 2021, appendix E (EQ-T and EQ-R).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LANCZOS = 3
# Reach of the turning filter, in pixels: ripples of a shorter one would be taken for flaws of the generator.
REACH = 6
ROWS = 8192


def moved_whole(images: Tensor, x: int, y: int) -> tuple[Tensor, Tensor]:
    """Return images (B, C, R, R) moved by whole pixels to the right and down, and where they are known, (R, R) bool."""
    moved = torch.roll(images, (y, x), (2, 3))
    rows, columns = (torch.arange(side, device=images.device) for side in images.shape[2:])
    known = _inside(rows - y, len(rows), 0)[:, None] & _inside(columns - x, len(columns), 0)
    return moved, known


def moved(images: Tensor, x: float, y: float) -> tuple[Tensor, Tensor]:
    """Return images (B, C, R, R) moved by fractions of pixels with a Lanczos filter, and where they are known.

    The filter is sinc(t) sinc(t / 3) over 3 pixels to either side, scaled to keep a constant picture as it is.
    """
    down, known_rows = _lanczos(images.shape[2], y, images.device)
    across, known_columns = _lanczos(images.shape[3], x, images.device)
    return down.to(images) @ images @ across.to(images).T, known_rows[:, None] & known_columns


def turned(image: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Return an image (C, R, R) turned counter-clockwise as it is seen, and where it is known, (R, R) bool.

    The picture keeps the frequencies that both grids hold, by :func:`octagon`, looked up where each pixel comes from.
    """
    centre = (image.shape[-1] - 1) / 2
    back = _rotation(-degrees, image.device)
    return _looked_up(image, (_grid(image) - centre) @ back.T + centre, degrees)


def as_if_turned(image: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Return an image (C, R, R) that has been turned already, through the filter of :func:`turned`, and where known."""
    side, reach = image.shape[-1], REACH - 1
    steps = torch.arange(-reach, reach + 1, device=image.device, dtype=torch.float64)
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    offsets = torch.stack([columns, rows], -1)
    kernel = octagon(offsets @ _rotation(-degrees, image.device).T, degrees) * _window(offsets)
    weights = (kernel / kernel.sum()).to(image)[None, None]
    filtered = functional.conv2d(image[:, None], weights, padding=reach)[:, 0]
    axis = _inside(torch.arange(side, device=image.device), side, reach)
    return filtered, axis[:, None] & axis


def octagon(offsets: Tensor, degrees: float) -> Tensor:
    """Return the kernel (...) at ``offsets`` (..., 2), pixels (x, y), that passes what both pixel grids hold.

    It is the Fourier transform of the octagon in which the square of frequencies up to 1/2 cycle per pixel meets that
    square turned by ``degrees``: by the divergence theorem a sum over its edges. It is not windowed.
    """
    turn = math.radians(degrees % 90)
    gap = math.pi / 2 - turn
    square = offsets.square().sum(-1)
    total = torch.zeros_like(square)
    # One of each two opposite edges: the angle of its normal, and the angles to the normals before and after it
    for angle, before, after in ((0, gap, turn), (turn, turn, gap)):
        for normal in (angle, angle + math.pi / 2):
            total += _edge(offsets, normal, math.tan(before / 2) / 2, math.tan(after / 2) / 2)
    area = math.tan(turn / 2) + math.tan(gap / 2)
    return torch.where(square < 1e-10, area, total / (math.pi * square.clamp(min=1e-10)))


def _edge(offsets: Tensor, normal: float, before: float, after: float) -> Tensor:
    """Return the share of an edge that touches the circle of radius 1/2 and reaches so far before and after there."""
    outward = offsets[..., 0] * math.cos(normal) + offsets[..., 1] * math.sin(normal)
    along = offsets[..., 1] * math.cos(normal) - offsets[..., 0] * math.sin(normal)
    length = before + after
    phase = math.pi * (outward + along * (after - before))
    return outward * length * phase.sin() * torch.sinc(along * length)


def _looked_up(image: Tensor, places: Tensor, degrees: float) -> tuple[Tensor, Tensor]:
    """Look an image (C, R, R) up at ``places`` (R R, 2), in pixels (x, y), through the windowed octagon."""
    side = image.shape[-1]
    steps = torch.arange(1 - REACH, REACH + 1, device=image.device)
    down, across = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing="ij"))
    near = torch.stack([across, down], -1)
    found = []
    for place in places.split(ROWS):
        whole = place.floor().long()
        offsets = (place - whole).float()[:, None] - near
        kernel = octagon(offsets, degrees) * _window(offsets)
        weights = (kernel / kernel.sum(1, keepdim=True)).to(image)
        x, y = (whole[:, None] + near).clamp(0, side - 1).unbind(-1)
        found.append((image[:, y, x] * weights).sum(2))
    known = _inside(places, side, REACH - 1).all(1)
    return torch.cat(found, 1).unflatten(1, (side, side)), known.unflatten(0, (side, side))


def _window(offsets: Tensor) -> Tensor:
    """Return a window like Lanczos' (...) of (..., 2), equal in every direction so that it turns with the picture."""
    radius = offsets.square().sum(-1).sqrt()
    return torch.sinc(radius / REACH) * (radius < REACH)


def _grid(image: Tensor) -> Tensor:
    """Return the pixels' places (R R, 2), float64 (x, y)."""
    axis = torch.arange(image.shape[-1], device=image.device, dtype=torch.float64)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], 1)


def _rotation(degrees: float, device: torch.device) -> Tensor:
    """Return (2, 2) for (x, y) with y down, counter-clockwise as it is seen."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[cosine, sine], [-sine, cosine]], dtype=torch.float64, device=device)


def _lanczos(side: int, shift: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the matrix (R, R) that moves a row of pixels by ``shift``, and which of its pixels are known (R,)."""
    axis = torch.arange(side, device=device, dtype=torch.float64)
    places = axis - shift
    offsets = places[:, None] - axis
    weights = torch.sinc(offsets) * torch.sinc(offsets / LANCZOS) * (offsets.abs() < LANCZOS)
    return weights / weights.sum(1, keepdim=True), _inside(places, side, LANCZOS - 1)


def _inside(places: Tensor, side: int, margin: int) -> Tensor:
    """Return which places have ``margin`` known pixels before them, and one more after them unless they are whole."""
    after = margin + (places != places.floor()).long() if places.is_floating_point() else margin
    return (places.floor() >= margin) & (places.floor() <= side - 1 - after)
