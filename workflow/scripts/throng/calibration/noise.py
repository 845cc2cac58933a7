"""The count-noise model: p(true count | requested, detected, predicted, rank), bucket by bucket.

For image i of bucket r, of n people, g = log(1 + n) rounded to whole n:

    prior        u ~ N(mu_r + rho tau_r z_i, (1 - rho^2) tau_r^2),  n is the whole number whose cell u falls into
    instruments  T_k(c_k) ~ N(T_k(m_k(n)), 1), errors of two of them correlated (throng.calibration.response)

z_i are normal scores of a rank score inside the bucket, where there is one that is no instrument; rho is the maker's.
Everything is estimated by expectation-maximisation (Dempster, Laird and Rubin, JRSS B 39, 1977) on a grid of counts,
as an empirical Bayes model (Efron and Morris, JASA 70, 1975); buckets of a few images borrow from the maker's others:

* log tau_r = log published_r + e + e_r: all buckets of a maker are noisier or less than published, each by its own;
* mu_r = centre_r + c0 + c1 (log(1 + r) - mean) + c_r: a model that draws too few people does so at every count;
* rho is the regression of (u - mu_r) / tau_r on z, drawn to ``rank_correlation``.

e, e_r, c0, c1 and c_r are normal about 0, so that mu and tau are drawn jointly, as a Gaussian process is. A wrong
response shifts all buckets alike, however many images they have: its uncertainty is a common error of the means that mu
is drawn from, and of all counts, whose standard deviations hold it.

With no instrument the posterior is the prior; with no image of known count the instruments have their prior response.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr

from throng.calibration.buckets import Bucket, Grid, prior_of
from throng.calibration.ranks import normal_scores
from throng.calibration.response import Response

ROUNDS = 100
TOLERANCE = 1e-3
CURVE_SPREAD = np.array([0.3, 0.2])  # of c0 and c1
OWN_SPREAD = 0.15  # of c_r
CLASS_SPREAD = 0.5  # the same for a density class, whose range is only meant
LEVEL_SPREAD = 1.0  # of e
OWN_LEVEL_SPREAD = 0.3  # of e_r
SMALLEST_SPREAD = 0.02
RANKED = 8.0  # images that outweigh ``rank_correlation``
RHO = 0.9


@dataclasses.dataclass(frozen=True)
class Instruments:
    """Fitted responses by column, and how alike two of them err."""

    responses: Mapping[str, Response]
    alike: float = 0.0


@dataclasses.dataclass(frozen=True)
class Images:
    """Images of one bucket, in id order: (N,) exact counts, people seen by column, and rank scores; NaN: unknown."""

    exact: np.ndarray
    seen: Mapping[str, np.ndarray]
    scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is believed beforehand of the instruments on other images, and of the rank score; see the module."""

    transfer: float
    rank_correlation: float


@dataclasses.dataclass
class Belief:
    """What is believed of a bucket: ``place`` and ``start_spread`` before looking, ``offset`` and ``spread`` now.

    u is normal about ``centre``; where a count was requested, an offset of 0 means that it is met in the mean.
    ``doubt`` is the variance that offset and instruments leave in the g of all images alike.
    """

    place: float
    start_spread: float
    counted: bool
    spread: float
    offset: float = 0.0
    doubt: float = 0.0

    @property
    def start(self) -> float:
        """Return the centre at offset 0."""
        return self.place - (self.spread**2 / 2 if self.counted else 0.0)

    @property
    def centre(self) -> float:
        """Return the mean of u."""
        return self.start + self.offset


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Mean and standard deviation of (N,) counts, people, and of u: mean and mean square about the centre."""

    counts: np.ndarray
    stds: np.ndarray
    mean: np.ndarray
    square: np.ndarray


class NoiseModel:
    """The model of one maker's buckets."""

    def __init__(self, images: Mapping[Bucket, Images], instruments: Instruments, settings: Settings) -> None:
        self._images, self._settings = dict(sorted(images.items())), settings
        self.instruments = instruments
        most = [1.0, *(bucket.most for bucket in images)]
        for one in images.values():
            most += [
                float(np.nanmax(column)) for column in (one.exact, *one.seen.values()) if np.isfinite(column).any()
            ]
        self._grid = Grid.up_to(max(most))
        exact = any(np.isfinite(one.exact).any() for one in images.values())
        self._transfer = 0.0 if exact else settings.transfer
        self._scores = {bucket: normal_scores(one.scores) for bucket, one in self._images.items()}
        self.beliefs = {bucket: _start(bucket) for bucket in self._images}
        self.rho = settings.rank_correlation if any(scores.any() for scores in self._scores.values()) else 0.0
        self._evidence = {bucket: self._weigh(one) for bucket, one in self._images.items()}
        self._fit()

    def posterior(self, bucket: Bucket) -> Posterior:
        """Return the posterior of a bucket's images, the exact ones being what they are."""
        belief, exact, counts = self.beliefs[bucket], self._images[bucket].exact, self._grid.counts
        mass, first, second = self._cells(bucket)
        weighed = [mass, mass * counts, mass * counts**2, mass * first, mass * second]
        if len(mass) == 1:  # one prior for all images: a matrix product
            sums = (self._evidence[bucket] @ np.concatenate(weighed).T.astype(np.float32)).astype(np.float64).T
        else:
            sums = np.stack([np.einsum("nj,nj->n", self._evidence[bucket], one) for one in weighed])
        mean, square, below, about = sums[1:] / sums[0]
        centre, spread = self._own_priors(bucket)
        shift = centre - belief.centre
        variance = np.maximum(square - mean**2, 0) + belief.doubt * (1 + mean) ** 2
        known = np.isfinite(exact)
        return Posterior(
            counts=np.where(known, exact, mean),
            stds=np.where(known, 0.0, np.sqrt(variance)),
            mean=centre + spread * below,
            square=shift**2 + 2 * shift * spread * below + spread**2 * about,
        )

    def _own_priors(self, bucket: Bucket) -> tuple[np.ndarray, float]:
        """Return centres, one for all images or one for each, and the spread of u before looking."""
        belief, scores = self.beliefs[bucket], self._scores[bucket]
        if not (self.rho and scores.any()):
            return np.array([belief.centre]), belief.spread
        return belief.centre + self.rho * belief.spread * scores, belief.spread * (1 - self.rho**2) ** 0.5

    def _cells(self, bucket: Bucket) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        centre, spread = self._own_priors(bucket)
        return _cells((self._grid.edges - centre[:, None]) / spread)

    def _weigh(self, images: Images) -> np.ndarray:
        """Return (N, J) float32 likelihoods, the largest of a row being 1; of an exact count, that cell alone."""
        logs = self._likelihood(images.seen, len(images.exact))
        made = np.exp(logs - logs.max(axis=1, keepdims=True)).astype(np.float32)
        known = np.isfinite(images.exact)
        made[known] = 0
        cells = np.searchsorted(self._grid.edges[1:-1], np.log1p(images.exact[known]), side="right")
        made[known, cells] = 1
        return np.maximum(made, np.float32(1e-30))

    def _likelihood(self, seen: Mapping[str, np.ndarray], number: int) -> np.ndarray:
        """Return (N, J) log likelihoods of what was seen; an image that nobody looked at has an even one."""
        counts = self._grid.counts
        errors: list[np.ndarray] = []
        alike = np.full((number, 1), self.instruments.alike)
        for name, response in self.instruments.responses.items():
            column = seen[name][:, None]
            looked = np.isfinite(column)
            measured = response.standard(np.where(looked, column, 0))
            errors.append(np.where(looked, measured - response.standard(response.expected(counts)), 0))
            alike = np.where(looked, alike, 0)
        if len(errors) == 2:
            first, second = errors
            return -(first**2 - 2 * alike * first * second + second**2) / (2 * (1 - alike**2))
        return sum((-(error**2) / 2 for error in errors), np.zeros((number, len(counts))))

    def _fit(self) -> None:
        for _ in range(ROUNDS):
            found = {bucket: self.posterior(bucket) for bucket in self._images}
            before = [(belief.centre, np.log(belief.spread)) for belief in self.beliefs.values()]
            self._draw_rho(found)
            self._draw_spreads(found)
            self._draw_centres(found)
            after = [(belief.centre, np.log(belief.spread)) for belief in self.beliefs.values()]
            if np.abs(np.subtract(before, after)).max(initial=0) < TOLERANCE:
                break
        self._draw_doubts()

    def _draw_rho(self, found: Mapping[Bucket, Posterior]) -> None:
        if not self.rho:
            return
        pairs = [
            (self._scores[bucket], (posterior.mean - self.beliefs[bucket].centre) / self.beliefs[bucket].spread)
            for bucket, posterior in found.items()
        ]
        product = sum(float(scores @ standard) for scores, standard in pairs)
        square = sum(float(scores @ scores) for scores, _ in pairs)
        rho = (product + RANKED * self._settings.rank_correlation) / (square + RANKED)
        self.rho = float(np.clip(rho, 1e-6, RHO))

    def _draw_spreads(self, found: Mapping[Bucket, Posterior]) -> None:
        beliefs = list(self.beliefs.values())
        squares = [float(posterior.square.mean()) for posterior in found.values()]
        offsets = [np.log(square) / 2 - np.log(b.start_spread) for square, b in zip(squares, beliefs, strict=True)]
        prior = np.full((len(beliefs), len(beliefs)), LEVEL_SPREAD**2) + np.eye(len(beliefs)) * OWN_LEVEL_SPREAD**2
        noise = np.diag([1 / (2 * len(posterior.square)) for posterior in found.values()])
        for belief, drawn in zip(beliefs, _drawn(np.array(offsets), prior, noise), strict=True):
            belief.spread = max(belief.start_spread * float(np.exp(drawn)), SMALLEST_SPREAD)

    def _draw_centres(self, found: Mapping[Bucket, Posterior]) -> None:
        beliefs, posteriors = list(self.beliefs.values()), list(found.values())
        offsets = [float(posterior.mean.mean()) - b.start for posterior, b in zip(posteriors, beliefs, strict=True)]
        share, common = self._measured(found)
        noise = np.diag([b.spread**2 / len(p.mean) for p, b in zip(posteriors, beliefs, strict=True)])
        noise += np.outer(common, common) * np.sqrt(np.outer(share, share))
        for belief, drawn in zip(beliefs, _drawn(np.array(offsets), self._offset_prior(), noise), strict=True):
            belief.offset = float(drawn)

    def _draw_doubts(self) -> None:
        """Set what offset and instruments leave in g: an image leans on the one as far as not on the others."""
        found = {bucket: self.posterior(bucket) for bucket in self._images}
        share, common = self._measured(found)
        prior, beliefs = self._offset_prior(), list(self.beliefs.values())
        single = [b.spread**2 / len(p.mean) for p, b in zip(found.values(), beliefs, strict=True)]
        noise = np.diag(single / np.maximum(share, 1e-9)) + np.outer(common, common)
        left = prior - _drawn(prior, prior, noise)
        for belief, variance, measured, error in zip(beliefs, np.diag(left), share, common, strict=True):
            belief.doubt = float((1 - measured) ** 2 * max(variance, 0.0) + (measured * error) ** 2)

    def _offset_prior(self) -> np.ndarray:
        """Return the (B, B) covariance of the buckets' offsets: a line that those with a count share, and their own."""
        counted = np.array([belief.counted for belief in self.beliefs.values()])
        places = np.array([belief.place for belief in self.beliefs.values()])
        middle = places[counted].mean() if counted.any() else 0.0
        design = np.stack([np.ones(len(places)), places - middle], axis=1) * counted[:, None]
        own = [CLASS_SPREAD if bucket.requested is None else OWN_SPREAD for bucket in self.beliefs]
        return (design * CURVE_SPREAD**2) @ design.T + np.diag(np.square(own))

    def _measured(self, found: Mapping[Bucket, Posterior]) -> tuple[np.ndarray, np.ndarray]:
        """Return, by bucket, the share of an image's posterior that comes from the instruments, and their own error.

        The error is the standard deviation of what a wrong response adds to the g of all images alike.
        """
        responses = list(self.instruments.responses.values())
        share, error = np.zeros(len(found)), np.zeros(len(found))
        for place, (bucket, posterior) in enumerate(found.items()):
            belief = self.beliefs[bucket]
            variance = float((posterior.square - (posterior.mean - belief.centre) ** 2).mean())
            share[place] = np.clip(1 - variance / belief.spread**2, 0.0, 1.0)
            counts = np.expm1([max(belief.centre, 0.0)])
            doubts = [response.relative_doubt(counts, self._transfer) for response in responses]
            error[place] = min(doubts, default=0.0)
        return share, error


def _drawn(offsets: np.ndarray, prior: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the posterior mean of (B,) normal offsets with (B, B) covariances of the prior and of the noise."""
    return prior @ np.linalg.solve(prior + noise, offsets)


def _start(bucket: Bucket) -> Belief:
    place, spread = prior_of(bucket.fewest, bucket.most)
    return Belief(place, spread, bool(bucket.requested), spread)


def _cells(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for cells between (N, J + 1) standardised edges, a standard normal's mass, mean and mean square there."""
    low, high = edges[:, :-1], edges[:, 1:]
    mass = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    heights = np.exp(-(np.where(np.isfinite(edges), edges, 40.0) ** 2) / 2) / np.sqrt(2 * np.pi)
    moments = heights * np.where(np.isfinite(edges), edges, 0.0)
    safe = np.maximum(mass, 1e-12)
    near = np.where(low > 0, low, high)  # where there is no mass to speak of it lies at the inner edge
    thin = mass < 1e-12
    first = np.where(thin, np.where(np.isfinite(near), near, 0.0), (heights[:, :-1] - heights[:, 1:]) / safe)
    second = np.where(thin, first**2, 1 + (moments[:, :-1] - moments[:, 1:]) / safe)
    return mass, first, second


def weights(counts: Sequence[float] | np.ndarray, stds: Sequence[float] | np.ndarray, half: float) -> np.ndarray:
    """Return weights 1 / (1 + (c / half)^2), where c = std / (1 + count) is the relative standard deviation.

    The inverse variance of a residual to which label and model contribute, over that of an exact label, when the
    model's own relative error is ``half``: 1 for an exact count, 0.5 for one as uncertain as the model itself.
    """
    relative = np.asarray(stds, np.float64) / (1 + np.asarray(counts, np.float64))
    return 1 / (1 + (relative / half) ** 2)
