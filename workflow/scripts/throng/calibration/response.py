"""How an instrument, a detector or a counter, responds to the true number of people.

Of n people it sees c, in the mean m and with variance v:

    m(n) = false + gain n / (1 + n / half),   v = false + b^2 (m - false) + a^2 m^2:

``false`` people seen in an empty image, as many as Poisson's law lets happen, the share ``gain`` of a sparse crowd, at
``half`` people a crowd so dense that half of these are lost (a Michaelis-Menten curve: rising, saturating). b^2 is the
dispersion of counting, 1 - gain where people are missed at random; a is relative scatter between images that stays
however many people there are. The transformation that makes such a variance 1 is the integral of 1 / sqrt(v),
T(c) = log(2 a sqrt(v(c)) + 2 a^2 c + b^2) / a with 3/8 added to c (Anscombe, "The Transformation of Poisson, Binomial
and Negative-Binomial Data", Biometrika 35, 1948): a root of few people, a logarithm of many. So
T(c) ~ N(T(m), 1).

log false, log gain, log half, log a and log b have normal priors, so that few known images do not overfit and none
leave the prior; the mode of the posterior is found by BFGS, the curve's uncertainty by Laplace's method (MacKay,
"Information Theory, Inference, and Learning Algorithms", 2003, chapter 27).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

CURVE = np.log([0.2, 1.0, 1000.0])
CURVE_SPREAD = np.array([1.0, 0.3, 1.0])
SCATTER = np.log([0.12, 0.8])
SCATTER_SPREAD = np.array([0.7, 0.4])
ANSCOMBE = 0.375
SAME_MISTAKES = 0.5  # correlation of two instruments' errors before any known image: both miss who is hidden
CERTAINTY = 10.0  # known images that outweigh this belief


@dataclasses.dataclass(frozen=True)
class Response:
    """A fitted response: ``curve`` is log false, log gain, log half, ``scatter`` log a, log b; ``images`` known."""

    curve: np.ndarray
    covariance: np.ndarray
    scatter: np.ndarray
    images: int

    @property
    def _parameters(self) -> np.ndarray:
        return np.concatenate([self.curve, self.scatter])

    def expected(self, counts: np.ndarray) -> np.ndarray:
        """Return m, the people seen in the mean, at (N,) true counts."""
        return _expected(self.curve, counts)

    def std(self, counts: np.ndarray) -> np.ndarray:
        """Return the root of v, people, at (N,) true counts."""
        return np.sqrt(_variance(self._parameters, self.expected(counts)))

    def standard(self, seen: np.ndarray) -> np.ndarray:
        """Return T of the number of people seen."""
        return _standard(self._parameters, seen)

    def doubt(self, counts: np.ndarray, transfer: float = 0.0) -> np.ndarray:
        """Return the variance of m itself, people squared: the fit's and a relative error on other images."""
        slopes = _slopes(self.curve, counts)
        fitted = np.einsum("ni,ij,nj->n", slopes, self.covariance, slopes)
        return fitted + (transfer * self.expected(counts)) ** 2

    def relative_doubt(self, counts: np.ndarray, transfer: float = 0.0) -> float:
        """Return the standard deviation of log(1 + n) at one true count (1,) that the doubt about m leaves."""
        rise = self.expected(counts + 1) - self.expected(counts)
        return float((np.sqrt(self.doubt(counts, transfer)) / (rise * (1 + counts)))[0])

    def residuals(self, counts: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return (N,) standardised residuals of images of known counts."""
        return self.standard(seen) - self.standard(self.expected(counts))

    def described(self) -> dict[str, float | int]:
        """Return the parameters as a record."""
        names = ("false", "gain", "half", "scatter", "counting_scatter")
        values = np.exp(self._parameters).tolist()
        return {"images": self.images, **dict(zip(names, values, strict=True))}


def fit(counts: np.ndarray, seen: np.ndarray) -> Response:
    """Fit a response to images of known (N,) counts in which (N,) people were seen; N may be 0, which is the prior."""
    counts, seen = np.asarray(counts, np.float64), np.asarray(seen, np.float64)
    order = np.lexsort((seen, counts))  # sums that do not depend on the order of rows
    counts, seen = counts[order], seen[order]
    centre, spread = np.concatenate([CURVE, SCATTER]), np.concatenate([CURVE_SPREAD, SCATTER_SPREAD])

    def cost(parameters: np.ndarray) -> float:
        misfit = (_standard(parameters, seen) - _standard(parameters, _expected(parameters[:3], counts))) ** 2
        stretch = np.log(_variance(parameters, seen + ANSCOMBE))  # T stretches the scale on which c has a density
        return 0.5 * float(misfit.sum() + stretch.sum() + (((parameters - centre) / spread) ** 2).sum())

    found = minimize(cost, centre, method="BFGS").x if len(counts) else centre
    variance = _variance(found, _expected(found[:3], counts) + ANSCOMBE)
    slopes = _slopes(found[:3], counts) / np.sqrt(variance)[:, None]
    covariance = np.linalg.inv(slopes.T @ slopes + np.diag(CURVE_SPREAD**-2))
    return Response(found[:3], covariance, found[3:], len(counts))


def correlation(responses: Sequence[Response], counts: np.ndarray, seen: Sequence[np.ndarray]) -> float:
    """Return how far two instruments err alike on images of known (N,) counts, drawn to 0.5 where there are few."""
    first, second = (response.residuals(counts, one) for response, one in zip(responses, seen, strict=True))
    products = np.sort(first * second).sum()
    energy = (np.sort(first**2).sum() + np.sort(second**2).sum()) / 2
    return float(np.clip((products + CERTAINTY * SAME_MISTAKES) / (energy + CERTAINTY), -0.95, 0.95))


def _expected(curve: np.ndarray, counts: np.ndarray) -> np.ndarray:
    false, gain, half = np.exp(np.clip(curve, -20, 20))
    return false + gain * counts / (1 + counts / half)


def _slopes(curve: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return (N, 3) derivatives of m by log false, log gain and log half, people."""
    false, gain, half = np.exp(np.clip(curve, -20, 20))
    seen = gain * counts / (1 + counts / half)
    return np.stack([np.full_like(counts, false), seen, seen * (counts / half) / (1 + counts / half)], axis=1)


def _variance(parameters: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return v where (N,) people are seen, from log false, log gain, log half, log a and log b."""
    false, _, _, a, b = np.exp(np.clip(parameters, -8, 20))
    return false * max(1 - b**2, 0.0) + b**2 * seen + (a * seen) ** 2


def _standard(parameters: np.ndarray, seen: np.ndarray) -> np.ndarray:
    a, b = np.exp(np.clip(parameters[3:], -8, 20))
    shifted = seen + ANSCOMBE
    root = np.sqrt(_variance(parameters, shifted))
    return np.log(2 * a * root + 2 * a**2 * shifted + b**2) / a
