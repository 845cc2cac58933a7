"""What a density map may be asked for: head points, shapes, strides and sigmas, or one clear sentence."""

from __future__ import annotations

import operator
from typing import Literal

import numpy as np

from throng.errors import ThrongError

C3_SIGMA = 4.0
SIGMA_RANGE = 1e-3, 1e6
FARTHEST = 1e9

Sigma = float | Literal["adaptive"]
Mode = Literal["mass", "csrnet", "c3"]


def checked_heads(points: np.ndarray) -> np.ndarray:
    """Return head points as a new (N, 2) float64 array of x, y in pixels, (0, 2) for anything empty."""
    # a copy of its own, since compiled code is made anew for every kind of array, read-only ones among them
    try:
        heads = np.array(points, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ThrongError(f"head points must be an (N, 2) array of numbers x, y ({error})") from error
    if heads.size == 0:
        return np.zeros((0, 2))
    if heads.ndim != 2 or heads.shape[1] != 2:
        raise ThrongError(f"head points must be an (N, 2) array of x, y; got shape {heads.shape}")
    if not np.abs(heads).max() <= FARTHEST:
        row = int(np.flatnonzero(~(np.abs(heads) <= FARTHEST).all(1))[0])
        fault = "is far outside any image" if np.isfinite(heads[row]).all() else "is not finite"
        raise ThrongError(f"head point {row} {fault}: {heads[row].tolist()}; remove or repair it")
    return heads


def checked_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) as two ints of at least 1."""
    if isinstance(shape, int) or len(shape) != 2:
        raise ThrongError(f"a density map's shape must be (height, width) in pixels; got {shape}")
    return checked_whole(shape[0], "height"), checked_whole(shape[1], "width")


def checked_whole(value: int, name: str) -> int:
    """Return the map's ``name`` as an int of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ThrongError(f"a density map's {name} must be a whole number of at least 1; got {value!r}")
    return number


def checked_sigma(sigma: Sigma | np.ndarray | None, mode: Mode, heads: int) -> Literal["adaptive"] | np.ndarray:
    """Return what ``sigma`` means in a mode: "adaptive", one number () or, in ``mass`` only, one per head (N,)."""
    if isinstance(sigma, str) and sigma != "adaptive":
        raise ThrongError(f"sigma is {sigma!r}; expected 'adaptive' or a number of pixels")
    if mode == "c3" and isinstance(sigma, str):
        raise ThrongError("mode c3 has no adaptive sigma; give a number of pixels, or nothing for its own, which is 4")
    if sigma is None:
        sigma = C3_SIGMA if mode == "c3" else "adaptive"
    if isinstance(sigma, str):
        return "adaptive"
    try:
        sigmas = np.array(sigma, np.float64)
    except (TypeError, ValueError) as error:
        raise ThrongError(f"sigma is {sigma!r}; expected 'adaptive' or a number of pixels") from error
    if sigmas.ndim and mode != "mass":
        raise ThrongError(f"mode {mode} has no sigma per head; give one number, or choose mode mass")
    if sigmas.shape not in ((), (heads,)):
        raise ThrongError(f"sigma must be one number or one per head, ({heads},); got shape {sigmas.shape}")
    good = (sigmas >= SIGMA_RANGE[0]) & (sigmas <= SIGMA_RANGE[1])
    if not good.all():
        of = f" of head {int(np.flatnonzero(~good)[0])}" if sigmas.ndim else ""
        wrong = float(sigmas[~good][0])
        raise ThrongError(f"sigma{of} is {wrong:g} pixels; expected {SIGMA_RANGE[0]:g} to {SIGMA_RANGE[1]:,.0f}")
    return sigmas
