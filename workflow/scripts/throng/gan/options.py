"""What the result of a generator's training depends on.

Defaults are StyleGAN3's: Karras et al., NeurIPS 2021, appendix F; ramps by a half cosine: Huang et al. (2024, R3GAN),
appendix C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from throng.errors import ThrongError
from throng.gan.sampler import FakeLabels


@dataclass(frozen=True)
class Ramp:
    """A number that goes from ``start`` to ``end`` by a half cosine within ``kimg`` thousand images, and stays there.

    Without an end it stays at its start.
    """

    start: float
    end: float | None = None
    kimg: float = 0.0

    def at(self, kimg: float) -> float:
        """Return its value after so many thousand images."""
        end = self.start if self.end is None else self.end
        if kimg >= self.kimg:
            return end
        return end + (self.start - end) * 0.5 * (1 + math.cos(math.pi * kimg / self.kimg))


@dataclass(frozen=True)
class GanOptions:
    """One recipe. Kilo-images (kimg) count the photographs that the discriminator was shown.

    A step shows ``batch`` images in pieces of ``at_once``. ``pairing`` names the losses; ``gamma`` weighs the gradient
    penalty on photographs, and with ``penalise_fakes`` the one on generated images too, every ``penalty_every`` steps
    (1: as part of the step's own loss). ``average_kimg`` is the half-life of the generator's average, at most
    ``average_ramp`` times the images seen (None: no such bound). ``blur_sigma`` pixels blur what the discriminator sees
    and fade within ``blur_kimg``. With ``ramp_in`` (from, to) codes are all alike until ``from`` kimg and the images'
    own from ``to`` kimg on. ``mismatched`` weighs photographs under wrong labels as a further kind of fakes.
    With ``fresh_fakes`` the discriminator learns on images of its own, else on those that the generator learnt on.
    Raises ThrongError for numbers that make no sense.
    """

    kimg: float
    batch: int = 32
    at_once: int = 32
    seed: int = 0
    pairing: Literal["logistic", "relativistic"] = "logistic"
    generator_rate: Ramp = Ramp(0.0025)
    discriminator_rate: Ramp = Ramp(0.002)
    beta2: Ramp = Ramp(0.99)
    gamma: Ramp = Ramp(2.0)
    penalty_every: int = 16
    penalise_fakes: bool = False
    average_kimg: Ramp = Ramp(10.0)
    average_ramp: float | None = 0.05
    blur_sigma: float = 0.0
    blur_kimg: float = 200.0
    balance: float = 0.0
    fake_labels: FakeLabels = "drawn"
    mirror: bool = False
    ramp_in: tuple[float, float] | None = None
    mismatched: float = 0.0
    fresh_fakes: bool = True
    tick_kimg: float = 4.0
    snapshot_kimg: float = 0.0
    measure_kimg: float = 0.0

    def __post_init__(self) -> None:
        if self.kimg <= 0 or self.batch < 1 or self.at_once < 1 or self.penalty_every < 1:
            raise ThrongError("kimg, batch, at_once and penalty_every must be above 0")
        if self.batch % self.at_once:
            raise ThrongError(f"a batch of {self.batch} is no whole number of pieces of {self.at_once}: change at_once")
        if self.ramp_in and not 0 <= self.ramp_in[0] < self.ramp_in[1]:
            raise ThrongError(f"the conditioning cannot be ramped in from {self.ramp_in[0]} to {self.ramp_in[1]} kimg")
        if self.pairing == "relativistic" and (self.penalty_every != 1 or self.mismatched):
            raise ThrongError("relativistic pairs take their penalty at every step, and no mismatched labels")

    @property
    def steps(self) -> int:
        """Return the number of steps."""
        return math.ceil(self.kimg * 1000 / self.batch)

    @property
    def pieces(self) -> int:
        """Return the pieces of a step."""
        return self.batch // self.at_once

    def kimg_at(self, step: int) -> float:
        """Return the thousand images seen after so many steps."""
        return step * self.batch / 1000

    def due(self, step: int, every_kimg: float, since: int | None = None) -> bool:
        """Return whether something that happens every so many kimg (0: never) is due after a step.

        With ``since``, whether it was due after any step behind that one.
        """
        if not every_kimg:
            return False
        before = step - 1 if since is None else since
        return self.kimg_at(step) // every_kimg > self.kimg_at(before) // every_kimg

    def conditioned(self, step: int) -> float:
        """Return how far codes are the images' own at a step, 0..1 (Shahbazi et al., ICLR 2022, eq. 2)."""
        if self.ramp_in is None:
            return 1.0
        low, high = self.ramp_in
        return min(1.0, max(0.0, (self.kimg_at(step - 1) - low) / (high - low)))
