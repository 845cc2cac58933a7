"""Frechet distance between two sets of features, from float64 moments and without a matrix square root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from throng.errors import ThrongError
from throng.gan.metrics.intervals import again

ROWS = 4096
Distance = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Moments:
    """Number, mean (D,) and covariance (D, D) of features, float64; weighted ones have a sum of weights as number."""

    number: float
    mean: np.ndarray
    covariance: np.ndarray

    @property
    def dim(self) -> int:
        """Return D."""
        return len(self.mean)


class RunningMoments:
    """Moments of features that arrive in batches: mean and scatter are merged, never a sum of squares.

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979,
    eq. 2.1, for vectors.
    """

    def __init__(self, dim: int) -> None:
        self._number = 0.0
        self._mean = np.zeros(dim)
        self._scatter = np.zeros((dim, dim))

    def add(self, features: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take in (B, dim) features, each ``weights`` (B,) times, once without."""
        rows = np.asarray(features, np.float64)
        counts = np.ones(len(rows)) if weights is None else np.asarray(weights, np.float64)
        number = counts.sum()
        if number == 0:
            return
        mean = counts @ rows / number
        centred = np.sqrt(counts)[:, None] * (rows - mean)
        step = mean - self._mean
        total = self._number + number
        self._scatter += centred.T @ centred + np.outer(step, step) * (self._number * number / total)
        self._mean += step * (number / total)
        self._number = total

    def moments(self) -> Moments:
        """Return number, mean and unbiased covariance; raises ThrongError for fewer than two images."""
        if self._number < 2:
            raise ThrongError(
                f"a covariance of features needs 2 images at least, not {self._number:g}: give more images"
            )
        return Moments(self._number, self._mean.copy(), self._scatter / (self._number - 1))


def moments_of(features: np.ndarray, weights: np.ndarray | None = None) -> Moments:
    """Return the moments of (N, D) features, each ``weights`` (N,) times; raises ThrongError for fewer than two."""
    _check(features)
    running = RunningMoments(features.shape[1])
    for part in _parts(len(features)):
        running.add(features[part], None if weights is None else weights[part])
    return running.moments()


def frechet_distance(one: Moments, other: Moments) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), in squared units of the features.

    The trace of the root is that of the root of C1^(1/2) C2 C1^(1/2), which is symmetric, as is C1^(1/2): two
    eigen-decompositions, of which none fails to converge or turns complex when covariances are rank-deficient; what
    C1 does not span is left out, so equal sets are 0 to rounding. Raises ThrongError when the features are of different
    lengths.
    Source: Dowson and Landau, "The Frechet distance between multivariate normal distributions", 1982, eq. 4;
    Heusel et al., NeurIPS 2017, eq. 6.
    """
    if one.dim != other.dim:
        raise ThrongError(f"features of {one.dim} and of {other.dim} numbers have no distance: use one extractor")
    between = ((one.mean - other.mean) ** 2).sum()
    root = _root(one.covariance)
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other.covariance @ root.T), 0)).sum()
    return float(max(between + np.trace(one.covariance) + np.trace(other.covariance) - 2 * shared, 0.0))


def frechet_of(real: np.ndarray, fake: np.ndarray) -> float:
    """Return the Frechet distance of (N1, D) and (N2, D) features; raises ThrongError for fewer than two of either.

    It grows as images get fewer: compare distances of equal numbers of images alone.
    """
    return _between(real, fake)(np.ones(len(real)), np.ones(len(fake)))


def frechet_resamples(real: np.ndarray, fake: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Return bootstrap draws (resamples,) of the Frechet distance of (N1, D) and (N2, D) features.

    Images of both sets are drawn again. A draw repeats images, which raises every distance: only the draws' deviations
    from their own mean say anything, see :func:`throng.gan.metrics.intervals.around`.
    """
    distance = _between(real, fake)
    rng = np.random.default_rng(seed)
    return np.array(
        [distance(again(len(real), rng, different=2), again(len(fake), rng, different=2)) for _ in range(resamples)]
    )


def frechet_infinity(real: np.ndarray, fake: np.ndarray, *, points: int = 15, seed: int = 0) -> float:
    """Return the Frechet distance that infinitely many images would have, extrapolated from random parts of both sets.

    The bias of N images is proportional to 1 / N when N is well above D: a line through the distances of ``points``
    parts, from half to all of the images, is followed to 1 / N = 0. It may be slightly negative. Raises ThrongError
    when the smaller set has fewer than 4 D images, of which a half would bend the line.
    Source: Chong and Forsyth, "Effectively unbiased FID and Inception Score and where to find them", CVPR 2020,
    section 3 (which draws fakes alone again; small sets of real images are as biased).
    """
    dim, fewest = real.shape[1], min(len(real), len(fake))
    if fewest < 4 * dim:
        raise ThrongError(
            f"extrapolating a Frechet distance of {dim} features needs {4 * dim} images of each kind, not {fewest}"
        )
    rng = np.random.default_rng(seed)
    shares = 1 / np.linspace(2, 1, points)
    distances = []
    for share in shares:
        parts = [rows[rng.permutation(len(rows))[: round(share * len(rows))]] for rows in (real, fake)]
        distances.append(frechet_distance(moments_of(parts[0]), moments_of(parts[1])))
    return float(np.polynomial.Polynomial.fit(1 / shares, distances, 1).convert().coef[0])


def _between(real: np.ndarray, fake: np.ndarray) -> Distance:
    """Return the distance of how often each image occurs, by whatever is smaller: images' products or moments."""
    _check(real)
    _check(fake)
    if real.shape[1] != fake.shape[1]:
        raise ThrongError(f"features of {real.shape[1]} and of {fake.shape[1]} numbers have no distance")
    few = max(len(real), len(fake)) <= real.shape[1]
    return _by_products(real, fake) if few else _by_moments(real, fake)


def _by_moments(real: np.ndarray, fake: np.ndarray) -> Distance:
    return lambda first, second: frechet_distance(moments_of(real, first), moments_of(fake, second))


def _by_products(real: np.ndarray, fake: np.ndarray) -> Distance:
    """Return the distance of weighted sets by their images' inner products.

    With centred rows X1 and X2, the trace of (C1 C2)^(1/2) is the sum of the singular values of X1 X2^T over
    sqrt((N1 - 1) (N2 - 1)), which is small where images are few.
    """
    shift = real.mean(0, dtype=np.float64)
    one, other = real - shift, fake - shift
    products = one @ other.T
    squares = ((one**2).sum(1), (other**2).sum(1))

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        n1, n2 = first.sum(), second.sum()
        mean1, mean2 = first @ one / n1, second @ other / n2
        spread = (first @ squares[0] - n1 * mean1 @ mean1) / (n1 - 1)
        spread += (second @ squares[1] - n2 * mean2 @ mean2) / (n2 - 1)
        rows, columns = np.flatnonzero(first), np.flatnonzero(second)
        centred = products[np.ix_(rows, columns)] - (one[rows] @ mean2)[:, None] - (other[columns] @ mean1)[None]
        centred += mean1 @ mean2
        centred *= np.sqrt(first[rows, None] / (n1 - 1)) * np.sqrt(second[columns] / (n2 - 1))
        shared = np.linalg.svd(centred, compute_uv=False).sum()
        return float(max(((mean1 - mean2) ** 2).sum() + spread - 2 * shared, 0.0))

    return distance


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return R (rank, D) with R^T R = covariance, but for what rounding adds to its rank."""
    values, vectors = np.linalg.eigh(covariance)
    real = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.sqrt(values[real])[:, None] * vectors[:, real].T


def _parts(rows: int) -> Iterator[slice]:
    return (slice(start, start + ROWS) for start in range(0, rows, ROWS))


def _check(features: np.ndarray) -> None:
    if features.ndim != 2 or len(features) < 2:
        raise ThrongError(
            f"a Frechet distance needs 2 images at least on each side, as (N, D) features, not {features.shape}"
        )
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(1))[0])
        raise ThrongError(f"the features of image {row} are not finite: its generator or extractor has diverged")
