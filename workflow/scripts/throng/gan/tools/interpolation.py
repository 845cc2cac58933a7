"""Paths through latents: periodic cubic splines through keyframes, and labels that change along the way.

Films of keyframes joined by a periodic cubic spline are those of Karras et al. (NeurIPS 2021, supplemental videos).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from throng.gan.painter import Painter
from throng.gan.requests import Request


def periodic(keys: Tensor, frames: int) -> Tensor:
    """Return ``frames`` latents (frames, ...) at even times on the closed cubic spline through keys (K, ...).

    Frame 0 is the first key, and what would be frame ``frames`` is frame 0 again. One key stays where it is.
    """
    from scipy.interpolate import CubicSpline

    if len(keys) == 1:
        return keys.expand(frames, *keys.shape[1:])
    closed = torch.cat([keys, keys[:1]]).double().cpu().numpy()
    spline = CubicSpline(np.arange(len(closed)), closed, bc_type="periodic")
    drawn = spline(np.arange(frames) * len(keys) / frames)
    return torch.from_numpy(drawn).to(keys)


def along_labels(paths: Tensor) -> Tensor:
    """Return (frames, ...) latents whose label goes once around the M labels of paths (M, frames, ...).

    Between one label and the next, both paths are mixed by a weight that is level at either end (3u² - 2u³).
    """
    labels, frames = paths.shape[:2]
    if labels == 1:
        return paths[0]
    place = torch.arange(frames, device=paths.device, dtype=torch.float64) * labels / frames
    first, u = place.long(), (place % 1).to(paths)
    weight = (u * u * (3 - 2 * u)).reshape(-1, *[1] * (paths.ndim - 2))
    here = torch.arange(frames, device=paths.device)
    return torch.lerp(paths[first, here], paths[(first + 1) % labels, here], weight)


def film_latents(
    painter: Painter, seeds: Sequence[int], requests: Sequence[Request], frames: int, truncation: float
) -> Tensor:
    """Return (frames, ...) latents through the keyframes ``seeds`` while the label goes around ``requests``."""
    keys = [painter.latents(seeds, [request] * len(seeds), truncation) for request in requests]
    return along_labels(torch.stack([periodic(key, frames) for key in keys]))


def sweep_latents(
    painter: Painter, seed: int, requests: Sequence[Request], between: int, truncation: float
) -> tuple[Tensor, Tensor]:
    """Return one scene's latents at every label (M, ...), and on the way, ``between`` steps from one to the next.

    The way has ((M - 1) * between + 1, ...) latents and mixes neighbours evenly.
    """
    keys = painter.latents([seed] * len(requests), requests, truncation)
    steps = torch.linspace(0, 1, between + 1, device=keys.device)[:-1]
    way = [torch.lerp(here, there, step) for here, there in pairwise(keys) for step in steps]
    return keys, torch.stack([*way, keys[-1]])
