"""Which photographs and labels a discriminator of a continuous label is shown: those in the vicinity of a target label.

Ding et al. (2021), "CcGAN: Continuous Conditional Generative Adversarial Networks for Image Generation", arXiv
2011.07466: hard (eq. 8) and soft (eq. 9) vicinal discriminator losses, generator loss (eq. 10) and the rule of thumb
for sigma, kappa and nu.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from throng.errors import ThrongError

Kind = Literal["hard", "soft"]
# soft weights below this count as none
FAINT = 1e-3
REDRAWS = 50


@dataclass(frozen=True)
class Vicinity:
    """How far around a target label others stand in for it, in the labels' unit.

    ``sigma``: deviation of the noise that moves a label to become a target. ``kappa``: hard, half the width within
    which all count alike; soft, 1 / sqrt(nu) of the weight exp(-nu (label - target)^2).
    """

    kind: Kind
    sigma: float
    kappa: float

    def __post_init__(self) -> None:
        if self.kind not in ("hard", "soft"):
            raise ThrongError(f"a vicinity is hard or soft: found {self.kind!r}")
        if not 0 <= self.sigma < math.inf or not 0 < self.kappa < math.inf:
            raise ThrongError(
                f"a vicinity takes sigma of 0 or more and kappa above 0: found {self.sigma:g} and {self.kappa:g}"
            )

    @property
    def nu(self) -> float:
        """Steepness of the soft weights, 1 / kappa^2."""
        return self.kappa**-2

    @property
    def reach(self) -> float:
        """Distance from the target beyond which nothing counts."""
        return self.kappa if self.kind == "hard" else math.sqrt(-math.log(FAINT) / self.nu)

    def weights(self, labels: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return how much each label counts for its target, 0..1; both are arrays that broadcast."""
        distance = np.abs(labels - targets)
        inside = distance <= self.reach
        return inside.astype(np.float64) if self.kind == "hard" else inside * np.exp(-self.nu * distance**2)


def rule_of_thumb(labels: np.ndarray, kind: Kind = "hard", neighbours: float = 2.0) -> Vicinity:
    """Return the vicinity for the labels (N,) of a training set, any unit.

    sigma = (4 s^5 / (3 N))^(1/5) with s the labels' standard deviation, and kappa = ``neighbours`` times the largest
    gap between two successive distinct labels. Raises ThrongError when all labels are equal.
    """
    distinct = np.unique(labels)
    if len(distinct) < 2:
        raise ThrongError(f"all {len(labels)} labels are {distinct[0]:g}: a vicinity needs labels that differ")
    sigma = (4 * float(np.std(labels)) ** 5 / (3 * len(labels))) ** 0.2
    return Vicinity(kind, sigma, neighbours * float(np.diff(distinct).max()))


@dataclass(frozen=True)
class Vicinal:
    """A batch of the discriminator, all arrays (B,): under ``targets`` it judges photographs and generated images.

    ``images``: numbers of the photographs; ``fake_labels``: what the generator is told; the weights, of mean 1, are
    those of the two losses (all 1 where hard).
    """

    targets: np.ndarray
    images: np.ndarray
    fake_labels: np.ndarray
    real_weights: np.ndarray
    fake_weights: np.ndarray


class VicinalLabels:
    """Draws batches around target labels from the labels (N,) of a training set."""

    def __init__(self, labels: np.ndarray, vicinity: Vicinity) -> None:
        self.vicinity = vicinity
        self._order = np.argsort(labels, kind="stable")
        self._sorted = np.asarray(labels, np.float64)[self._order]

    def targets(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return ``labels`` (B,) of the training set moved by the noise, which is drawn anew where no image is near.

        They are also what the generator's own step tells it (eq. 10).
        """
        labels = np.asarray(labels, np.float64)
        targets = labels + rng.normal(0, self.vicinity.sigma, len(labels))
        for _ in range(REDRAWS):
            first, end = self._range(targets)
            lonely = first == end
            if not lonely.any():
                return targets
            targets[lonely] = labels[lonely] + rng.normal(0, self.vicinity.sigma, int(lonely.sum()))
        return np.where(np.equal(*self._range(targets)), labels, targets)

    def draw(self, targets: np.ndarray, rng: np.random.Generator) -> Vicinal:
        """Return a batch for ``targets`` (B,): a photograph and a generator's label for each, uniform in its vicinity.

        Raises ThrongError for a target without a photograph in its vicinity.
        """
        first, end = self._range(targets)
        if (first == end).any():
            lonely = targets[first == end][0]
            raise ThrongError(f"no image has a label within {self.vicinity.reach:g} of {lonely:g}: widen kappa")
        places = rng.integers(first, end)
        reach = self.vicinity.reach
        fake_labels = targets + rng.uniform(-reach, reach, len(targets))
        real = self.vicinity.weights(self._sorted[places], targets)
        fake = self.vicinity.weights(fake_labels, targets)
        return Vicinal(
            targets,
            self._order[places],
            fake_labels,
            real / self._mean_weights(targets),
            fake / self._mean_fake_weight(),
        )

    def _range(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first place in the vicinity of each target and the first behind it, among the sorted labels."""
        reach = self.vicinity.reach
        return (
            np.searchsorted(self._sorted, targets - reach, side="left"),
            np.searchsorted(self._sorted, targets + reach, side="right"),
        )

    def _mean_weights(self, targets: np.ndarray) -> np.ndarray:
        """Return the mean weight of the photographs in each target's vicinity, by which eq. 9 divides."""
        ranges = zip(targets, *self._range(targets), strict=True)
        return np.array(
            [self.vicinity.weights(self._sorted[first:end], target).mean() for target, first, end in ranges]
        )

    def _mean_fake_weight(self) -> float:
        """Return the mean weight of a label that is uniform within reach."""
        if self.vicinity.kind == "hard":
            return 1.0
        width = self.vicinity.reach / self.vicinity.kappa
        return math.sqrt(math.pi) * math.erf(width) / (2 * width)
