"""Kernel distance (KID): unbiased whatever the number of images, so the one to read for small sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, run_interval
from throng.gan.metrics.intervals import again, around

ROWS = 2048
# Up to so many images on either side, all pairs are looked at, and their kernels kept for the bootstrap.
EXACT = 4096


@dataclass(frozen=True)
class KernelDistance:
    """The squared maximum mean discrepancy, its interval, and how it was estimated: "all pairs" or "subsets"."""

    value: float
    interval: list[float] | None
    estimate: str


def kernel_distance(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    resamples: int = 0,
    seed: int = 0,
    level: float = LEVEL,
) -> KernelDistance:
    """Return the unbiased squared maximum mean discrepancy of (N1, D) and (N2, D) features; it may be below zero.

    The kernel is (x.y / D + 1)^3. Up to 4096 images on each side all pairs count, and the interval is a bootstrap of
    ``resamples`` draws over images (none: no interval). With more, the value is the published one, the mean over
    ``subsets`` random subsets of ``subset_size`` images, and the interval Student's t over disjoint ones. Raises
    ThrongError for fewer than two images, or features of different lengths.
    Source: Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4.1 and eq. 4; Gretton et al., JMLR 2012,
    eq. 3 (the unbiased estimate).
    """
    _check(real, fake)
    if max(len(real), len(fake)) <= EXACT:
        kernels = _kernels(real, fake)
        value = _discrepancy(kernels, np.ones(len(real)), np.ones(len(fake)))
        draws = _resamples(kernels, resamples, seed)
        return KernelDistance(value, around(value, draws, level), "all pairs")
    size = min(subset_size, len(real), len(fake))
    rng = np.random.default_rng(seed)
    values = [
        unbiased(rng.choice(real, size, replace=False), rng.choice(fake, size, replace=False)) for _ in range(subsets)
    ]
    value = float(np.mean(values))
    apart = run_interval([unbiased(*pair) for pair in _disjoint(real, fake, size, rng)], level)
    reach = None if apart is None else (apart[1] - apart[0]) / 2
    return KernelDistance(value, None if reach is None else [value - reach, value + reach], "subsets")


def unbiased(real: np.ndarray, fake: np.ndarray) -> float:
    """Return the unbiased squared maximum mean discrepancy over all pairs, a block of rows at a time."""
    _check(real, fake)

    def total(one: np.ndarray, other: np.ndarray) -> float:
        return sum(float(_kernel(one[start : start + ROWS], other).sum()) for start in range(0, len(one), ROWS))

    def within(rows: np.ndarray) -> float:
        own = ((np.asarray(rows, np.float64) ** 2).sum(1) / rows.shape[1] + 1) ** 3
        return (total(rows, rows) - float(own.sum())) / (len(rows) * (len(rows) - 1))

    return within(real) + within(fake) - 2 * total(real, fake) / (len(real) * len(fake))


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (np.asarray(one, np.float64) @ np.asarray(other, np.float64).T / one.shape[1] + 1) ** 3


def _kernels(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the kernels of real and of fake pairs, without those of an image and itself, and of mixed ones."""
    own = (_kernel(real, real), _kernel(fake, fake))
    for matrix in own:
        np.fill_diagonal(matrix, 0)
    return *own, _kernel(real, fake)


def _discrepancy(kernels: tuple[np.ndarray, np.ndarray, np.ndarray], first: np.ndarray, second: np.ndarray) -> float:
    """Return the estimate of images that occur ``first`` and ``second`` times; copies of one are no pair."""

    def within(kernel: np.ndarray, times: np.ndarray) -> float:
        return float(times @ kernel @ times / (times.sum() ** 2 - (times**2).sum()))

    mixed = float(first @ kernels[2] @ second / (first.sum() * second.sum()))
    return within(kernels[0], first) + within(kernels[1], second) - 2 * mixed


def _resamples(kernels: tuple[np.ndarray, np.ndarray, np.ndarray], resamples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    real, fake = kernels[2].shape
    return np.array(
        [_discrepancy(kernels, again(real, rng, different=2), again(fake, rng, different=2)) for _ in range(resamples)]
    )


def _disjoint(
    real: np.ndarray, fake: np.ndarray, size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    orders = rng.permutation(len(real)), rng.permutation(len(fake))
    for start in range(0, min(len(real), len(fake)) - size + 1, size):
        yield real[orders[0][start : start + size]], fake[orders[1][start : start + size]]


def _check(real: np.ndarray, fake: np.ndarray) -> None:
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ThrongError(
            f"a kernel distance is of (N, D) features of one extractor, not {real.shape} and {fake.shape}"
        )
    if min(len(real), len(fake)) < 2:
        raise ThrongError(
            f"a kernel distance needs 2 images at least on each side, not {len(real)} and {len(fake)}: give more images"
        )
