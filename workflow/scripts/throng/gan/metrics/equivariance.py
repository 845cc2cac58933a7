"""EQ-T and EQ-R: does the picture move and turn with the generator's input, or do details stick to the pixels?

Source: Karras et al., "Alias-free generative adversarial networks", NeurIPS 2021, equation 3 and appendix E.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, quantiles
from throng.gan.metrics.drawing import STAGE, latents_of
from throng.gan.metrics.intervals import again
from throng.gan.metrics.resampling import REACH, as_if_turned, moved, moved_whole, turned
from throng.gan.stylegan3.generator import rotation, translation
from throng.seeds import generator as seeded

# Images are nominally -1..1: the peak of the signal-to-noise ratio is 2.
PEAK = 20 * math.log10(2)
# float32 cannot tell better ones apart
BEST = 200.0
FARTHEST = 1 / 8
# How a picture is transformed, and what is compared with what where: transform, expected, found, known
Trial = tuple[Tensor, Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]]


def equivariance(
    generator: Any,
    encoding: Any,
    labels: np.ndarray,
    *,
    seed: int,
    kinds: Sequence[str] = ("eq_t_int", "eq_t_frac", "eq_r"),
    batch_size: int = 8,
    device: str = "cpu",
    truncation: float = 1.0,
    resamples: int = 0,
    level: float = LEVEL,
) -> dict[str, dict[str, Any]]:
    """Return per kind ``value`` in dB, its bootstrap ``interval`` over images (None without resamples), and ``images``.

    One image per label is drawn, and drawn again with its input moved by up to 1/8 of its width along either axis,
    by whole pixels (``eq_t_int``) or not (``eq_t_frac``), or turned by any angle (``eq_r``); the value is 20 log10 2 -
    10 log10 of the mean squared difference from the first image moved or turned, over all pixels that both know.
    ``generator`` is drawn in float32; its ``draw`` takes ``transform``. Raises ThrongError for an unknown kind, no
    labels, or images too small to be turned.
    """
    if unknown := [kind for kind in kinds if kind not in TRIALS]:
        raise ThrongError(f"no equivariance is called {unknown[0]!r}; known: {', '.join(TRIALS)}")
    if len(labels) == 0:
        raise ThrongError("equivariance needs 1 image at least: give a label for each")
    if generator.resolution < 4 * REACH and "eq_r" in kinds:
        raise ThrongError(f"images of {generator.resolution} pixels are too small to be turned: {4 * REACH} or more")
    generator.eval().to(device)
    errors = {kind: np.empty((len(labels), 2)) for kind in kinds}
    with in_full_precision(generator), torch.no_grad():
        for start in range(0, len(labels), batch_size):
            part = labels[start : start + batch_size]
            indices = range(start, start + len(part))
            latents = latents_of(generator, encoding, part, indices, seed=seed, device=device, truncation=truncation)
            images = generator.draw(latents)
            for kind in kinds:
                trials = [TRIALS[kind](seed, index, generator.resolution) for index in indices]
                transforms = torch.cat([transform for transform, _ in trials]).to(device)
                found = generator.draw(latents, transform=transforms)
                for row, (_, compare) in enumerate(trials):
                    errors[kind][start + row] = _error(*compare(images[row], found[row]))
    return {kind: _summary(errors[kind], resamples, seed, level) for kind in kinds}


@contextlib.contextmanager
def in_full_precision(generator: Any) -> Iterator[None]:
    """Within the block, the generator draws in float32 whatever it was told."""
    half = getattr(generator, "half", None)
    if isinstance(half, torch.dtype):
        generator.half = None
    try:
        yield
    finally:
        if isinstance(half, torch.dtype):
            generator.half = half


def _move_whole(seed: int, index: int, side: int) -> Trial:
    x, y = (int(step) for step in np.rint(_steps(seed, index, "eq_t_int", side)))

    def compare(image: Tensor, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        expected, known = moved_whole(image[None], x, y)
        return expected[0], found, known

    return translation(x / side, y / side), compare


def _move(seed: int, index: int, side: int) -> Trial:
    x, y = (float(step) for step in _steps(seed, index, "eq_t_frac", side))

    def compare(image: Tensor, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        expected, known = moved(image[None], x, y)
        return expected[0], found, known

    return translation(x / side, y / side), compare


def _turn(seed: int, index: int, side: int) -> Trial:
    degrees = float(_random(seed, index, "eq_r").uniform(0, 360))

    def compare(image: Tensor, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        expected, known = turned(image, degrees)
        filtered, also_known = as_if_turned(found, degrees)
        return expected, filtered, known & also_known

    return rotation(degrees), compare


TRIALS: dict[str, Callable[[int, int, int], Trial]] = {"eq_t_int": _move_whole, "eq_t_frac": _move, "eq_r": _turn}


def _steps(seed: int, index: int, kind: str, side: int) -> np.ndarray:
    """Return how far to move in pixels, (x, y)."""
    return _random(seed, index, kind).uniform(-FARTHEST, FARTHEST, 2) * side


def _random(seed: int, index: int, kind: str) -> np.random.Generator:
    return seeded(seed, STAGE, f"{kind} {index}")


def _error(expected: Tensor, found: Tensor, known: Tensor) -> tuple[float, float]:
    """Return the sum of squared differences over known pixels, and how many numbers that is."""
    difference = (expected - found)[:, known].double()
    return float(difference.square().sum()), difference.numel()


def _summary(errors: np.ndarray, resamples: int, seed: int, level: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    draws = [again(len(errors), rng) @ errors for _ in range(resamples)] if len(errors) > 1 else []
    interval = quantiles(np.array([_ratio(*draw) for draw in draws]), level)
    return {"value": _ratio(*errors.sum(0)), "interval": interval, "images": len(errors)}


def _ratio(squares: float, numbers: float) -> float:
    mean = squares / numbers
    return BEST if mean == 0 else min(PEAK - 10 * math.log10(mean), BEST)
