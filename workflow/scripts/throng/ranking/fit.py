"""From features to a number of people: non-negative weights without an intercept, in five ways.

All features are >= 0 and all weights are >= 0, so a channel can only add people: a prediction is never negative, and
where nothing is seen (features 0) there is nobody. SYRAC, section "Count"; Lawson, Hanson, "Solving Least Squares
Problems", 1974, chapter 23.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, nnls
from scipy.stats import gamma

from throng.errors import ThrongError

# Huber's constant: 95 % of least squares' efficiency where errors are normal
HUBER = 1.345
# of the median absolute deviation of normal errors
NORMAL_MAD = 0.6744897501960817
ROUNDS = 100
# what is still nobody, where a Poisson mean divides
SMALLEST_MEAN = 1e-9


def fit_counts(
    features: np.ndarray, counts: np.ndarray, weights: np.ndarray | None = None, *, ridge: float = 0.0
) -> np.ndarray:
    """Return w >= 0, (C,) float64, that minimises sum_i weights_i (features_i . w - counts_i)^2, without intercept.

    ``features`` are (n, C) >= 0, ``counts`` (n,) people, ``weights`` (n,) >= 0 (None: all equal). ``ridge`` adds
    ridge * mean_i(weights_i) * sum_j (s_j w_j)^2 with s_j the root of channel j's sum of squares, so that 1 weighs as
    much as one more data set whose counts are all 0. A channel that is always 0 gets weight 0. Raises ThrongError when
    there is nothing to learn from: shapes that do not fit, values that are not finite or negative, no people, or
    features that are all 0.
    """
    x, y, a = checked(features, counts, weights)
    return _nnls(x, y, a, ridge)


def fit_robust(
    features: np.ndarray, counts: np.ndarray, weights: np.ndarray | None = None, *, ridge: float = 0.0
) -> np.ndarray:
    """Return w as :func:`fit_counts` does, with Huber's loss of errors in place of squares: outliers pull less.

    Iteratively reweighted; the errors' scale is their median absolute deviation under ``weights``. Where half of the
    counts are met exactly there are no outliers to tell. Raises as :func:`fit_counts` does.
    """
    x, y, a = checked(features, counts, weights)
    w = _nnls(x, y, a, ridge)
    for _ in range(ROUNDS):
        errors = np.sqrt(a) * np.abs(x @ w - y)
        scale = np.median(errors[a > 0]) / NORMAL_MAD
        if scale <= 1e-9 * np.sqrt(a.max()) * y.max():
            break
        trust = HUBER * scale / np.maximum(errors, HUBER * scale)
        better = _nnls(x, y, a * trust, ridge)
        moved = np.abs(x @ (better - w)).max()
        w = better
        if moved <= 1e-9 * y.max():
            break
    return w


@dataclass(frozen=True)
class Poisson:
    """A Poisson head: weights, how much more than Poisson counts vary, and how surely the weights are known.

    ``covariance`` is (k, k) of the k channels ``active`` whose weight is above 0.
    """

    w: np.ndarray
    dispersion: float
    active: np.ndarray
    covariance: np.ndarray

    def variance(self, features: np.ndarray) -> float:
        """Return the variance, people^2, of the number of people in what has these (C,) features: theirs and ours."""
        x = features[self.active]
        return float(self.dispersion * (features @ self.w) + x @ self.covariance @ x)

    def interval(self, features: np.ndarray, level: float) -> tuple[float, float]:
        """Return (low, high) people, ``level`` of a gamma distribution with the mean and variance predicted."""
        return gamma_interval(float(features @ self.w), self.variance(features), level)


def gamma_interval(mean: float, variance: float, level: float) -> tuple[float, float]:
    """Return the central ``level`` of the gamma distribution of that mean and variance; (mean, mean) where it is 0."""
    if mean <= 0 or variance <= 0:
        return max(0.0, mean), max(0.0, mean)
    shape, scale = mean**2 / variance, variance / mean
    low, high = gamma.ppf([(1 - level) / 2, (1 + level) / 2], shape, scale=scale)
    return float(low), float(high)


def fit_poisson(
    features: np.ndarray, counts: np.ndarray, weights: np.ndarray | None = None, *, ridge: float = 0.0
) -> Poisson:
    """Return the Poisson head, mean features . w, of the highest likelihood; arguments as of :func:`fit_counts`.

    Fisher scoring: each step is a weighted :func:`fit_counts`, shortened until the penalised likelihood rises (the
    problem is convex). Counts need not be whole. The dispersion is Pearson's. McCullagh, Nelder, "Generalized Linear
    Models", 1989, sections 2.5 and 9.2. Raises as :func:`fit_counts` does.
    """
    x, y, a = checked(features, counts, weights)
    a = a / a[a > 0].mean()
    # the penalty is of the same units as the likelihood: squared people per person
    penalty = ridge * (x**2).sum(0) / max(float(y.mean()), SMALLEST_MEAN)
    w = _nnls(x, y, a, ridge)
    w = w + 1e-6 * y.mean() / np.maximum(x.sum(1).mean(), SMALLEST_MEAN)  # every count above 0 must be possible
    loss = _poisson_loss(x, y, a, penalty, w)
    for _ in range(ROUNDS):
        mean = np.maximum(x @ w, SMALLEST_MEAN)
        # the quadratic model of the likelihood at w is least squares of the counts, weighted by 1 / mean
        step = _penalised_nnls(x, y, a / mean, penalty) - w
        share = 1.0
        while share > 1e-8 and _poisson_loss(x, y, a, penalty, w + share * step) > loss:
            share *= 0.5
        if share <= 1e-8:
            break
        w = w + share * step
        before, loss = loss, _poisson_loss(x, y, a, penalty, w)
        if before - loss <= 1e-12 * max(1.0, abs(loss)):
            break
    w = np.where(w * x.max(0) > 1e-9 * y.max(), w, 0.0)
    return _with_uncertainty(x, y, a, w, penalty)


def _with_uncertainty(x: np.ndarray, y: np.ndarray, a: np.ndarray, w: np.ndarray, penalty: np.ndarray) -> Poisson:
    active = np.flatnonzero(w)
    mean = np.maximum(x @ w, 0.0)
    # a tenth of a person is the least that a Poisson mean may be off by before one person there counts for a hundred
    pearson = float((a * (y - mean) ** 2 / np.maximum(mean, 0.1)).sum())
    dispersion = pearson / max(1, np.count_nonzero(a) - len(active))
    seen = x[:, active]
    information = seen.T @ ((a / np.maximum(mean, 0.1))[:, None] * seen) + np.diag(penalty[active])
    covariance = dispersion * np.linalg.pinv(information, hermitian=True)
    return Poisson(w, dispersion, active, covariance)


def _poisson_loss(x: np.ndarray, y: np.ndarray, a: np.ndarray, penalty: np.ndarray, w: np.ndarray) -> float:
    mean = np.maximum(x @ w, SMALLEST_MEAN)
    return float((a * (mean - y * np.log(mean))).sum() + 0.5 * (penalty * w**2).sum())


@dataclass(frozen=True)
class Isotonic:
    """A map from a rank score to people that never falls: straight between knots, flat after the last."""

    scores: np.ndarray
    people: np.ndarray

    def __call__(self, scores: float | np.ndarray) -> np.ndarray:
        """Return the people at the scores."""
        return np.asarray(np.interp(scores, self.scores, self.people))


def fit_isotonic(scores: np.ndarray, counts: np.ndarray, weights: np.ndarray | None = None) -> Isotonic:
    """Return the map from (n,) scores >= 0 to people that never falls and is closest to the counts in least squares.

    Score 0 is nobody. Each block of equal people is one knot at its mean score. Pool adjacent violators: Barlow et al.,
    "Statistical Inference under Order Restrictions", 1972. Raises as :func:`fit_counts` does.
    """
    x, y, a = checked(np.asarray(scores, np.float64)[:, None], counts, weights)
    known = a > 0
    order = np.argsort(x[known, 0], kind="stable")
    s, c, v = x[known, 0][order], y[known][order], a[known][order]
    # equal scores are one picture to the map: they must get one count
    unique, inverse = np.unique(s, return_inverse=True)
    mass = np.bincount(inverse, v)
    means = np.bincount(inverse, v * c) / mass
    fitted = isotonic_regression(means, weights=mass)
    blocks = np.asarray(fitted.blocks)
    share = np.add.reduceat(mass, blocks[:-1])
    knots = np.add.reduceat(mass * unique, blocks[:-1]) / share
    people = np.asarray(fitted.x)[blocks[:-1]]
    above = knots > 0
    return Isotonic(np.concatenate([[0.0], knots[above]]), np.concatenate([[0.0], people[above]]))


def count_noise_weights(stds: np.ndarray, least: float = 1.0) -> np.ndarray:
    """Return (n,) weights 1 / (std^2 + least^2): ``least`` people is what features cannot tell even of exact counts.

    Raises ThrongError for a standard deviation that is negative or not finite.
    """
    s = np.asarray(stds, np.float64)
    if not np.isfinite(s).all() or (s < 0).any() or least <= 0:
        raise ThrongError("standard deviations of counts must be finite and not negative, and the least one above 0")
    return 1 / (s**2 + least**2)


def checked(
    features: np.ndarray, counts: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, counts and weights as float64, or say in one sentence why nothing can be learnt from them."""
    x, y = np.asarray(features, np.float64), np.asarray(counts, np.float64)
    a = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1] or a.shape != y.shape:
        raise ThrongError(
            f"a count fit takes (n, C) features, (n,) counts and (n,) weights, not {x.shape}, {y.shape} and {a.shape}"
        )
    if len(y) == 0:
        raise ThrongError("a count fit needs images: there are none")
    for name, values in (("features", x), ("counts", y), ("weights", a)):
        wrong = np.argwhere(~np.isfinite(values) | (values < 0))
        if len(wrong):
            raise ThrongError(
                f"{name} of a count fit must be finite and not negative: that of row {wrong[0][0]} is "
                f"{values[tuple(wrong[0])]}"
            )
    if not (a > 0).any():
        raise ThrongError("no image of a count fit has a weight above 0: keep more of them")
    if not (y[a > 0] > 0).any():
        raise ThrongError("all counts of a count fit are 0: images with people are needed")
    if not (x[a > 0] > 0).any():
        raise ThrongError("all features of a count fit are 0: the encoder is dead; train it again")
    return x, y, a


def _nnls(x: np.ndarray, y: np.ndarray, a: np.ndarray, ridge: float) -> np.ndarray:
    if ridge < 0:
        raise ThrongError(f"ridge must not be negative: {ridge}")
    return _penalised_nnls(x, y, a, ridge * (a[:, None] * x**2).sum(0))


def _penalised_nnls(x: np.ndarray, y: np.ndarray, a: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return w >= 0 that minimises sum_i a_i (x_i . w - y_i)^2 + sum_j penalty_j w_j^2."""
    root = np.sqrt(a)
    rows = root[:, None] * x
    # channels of unit length: their scale must not decide which of them the solver takes for 0
    lengths = np.sqrt((rows**2).sum(0))
    alive = lengths > 0
    w = np.zeros(x.shape[1])
    rows, lengths, penalty = rows[:, alive] / lengths[alive], lengths[alive], penalty[alive]
    target = root * y
    if penalty.any():
        rows = np.vstack([rows, np.diag(np.sqrt(penalty) / lengths)])
        target = np.concatenate([target, np.zeros(len(lengths))])
    w[alive] = _solved(rows, target) / lengths
    return w


def _solved(rows: np.ndarray, target: np.ndarray) -> np.ndarray:
    try:
        return nnls(rows, target, maxiter=30 * rows.shape[1])[0]
    except RuntimeError as error:
        raise ThrongError(
            f"the non-negative fit of {rows.shape[1]} features to {len(target)} counts does not converge ({error}): "
            f"many features are nearly copies of each other; set ridge to 1e-6 or more"
        ) from error
