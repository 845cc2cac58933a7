"""How the probability of augmentation moves during a training: adaptive, fixed or along a ramp.

Adaptive: Karras et al. (2020, ADA), section 3, r_t = E[sign D(real)], bounded so that augmentations cannot leak (they
do from about 0.8: section 2.2). Ramp: Huang et al. (2024, R3GAN), appendix, where it runs with the images seen.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from throng.errors import ThrongError

BOUND = 0.8


class Strength(Protocol):
    """The probability p of augmentation during a training."""

    @property
    def p(self) -> float:
        """The probability of the next step."""
        ...

    def observe(self, real_logits: Tensor) -> None:
        """Take note of the logits (B, 1) that the discriminator gave photographs."""
        ...

    def advance(self, images: int) -> None:
        """Go on by a step of so many images."""
        ...

    def state_dict(self) -> dict[str, float]:
        """Return everything that another one needs to go on from here."""
        ...

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from where another one of the same options was."""
        ...


class AdaptiveP:
    """Holds r = E[sign D(real)] near ``target``: a discriminator that is surer than that overfits, and p grows.

    Every ``every`` steps p moves by sign(r - target) * images of these steps / (1000 kimg): from 0 to 1 takes ``kimg``.
    It stays in 0..``bound``. Raises ThrongError for a bound outside 0..0.8 or a target outside -1..1.
    """

    def __init__(
        self, *, target: float = 0.6, kimg: float = 500, every: int = 4, bound: float = BOUND, p: float = 0.0
    ) -> None:
        _check("the bound of p", bound)
        _check("p", p, bound)
        if not -1 <= target <= 1 or kimg <= 0 or every < 1:
            raise ThrongError(
                "adaptive augmentation takes a target in -1..1, kimg above 0 and every of 1 or more: "
                f"found target {target}, kimg {kimg}, every {every}"
            )
        self.target, self.kimg, self.every, self.bound = target, kimg, every, bound
        self.p = p
        self._signs = self._logits = self._images = self._steps = 0

    def observe(self, real_logits: Tensor) -> None:
        """Add the signs of the logits (B, 1) of photographs to those since p last moved."""
        self._signs += int(real_logits.detach().sign().sum().item())
        self._logits += real_logits.numel()

    def advance(self, images: int) -> None:
        """Count a step of so many images, and move p when it is time."""
        self._images += images
        self._steps += 1
        if self._steps < self.every:
            return
        if self._logits:
            excess = self._signs / self._logits - self.target
            step = self._images / (self.kimg * 1000)
            self.p = min(max(self.p + ((excess > 0) - (excess < 0)) * step, 0.0), self.bound)
        self._signs = self._logits = self._images = self._steps = 0

    def state_dict(self) -> dict[str, float]:
        """Return p and the sums since it last moved."""
        return {
            "p": self.p,
            "signs": self._signs,
            "logits": self._logits,
            "images": self._images,
            "steps": self._steps,
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from p and the sums of another one."""
        self.p = state["p"]
        self._signs, self._logits = int(state["signs"]), int(state["logits"])
        self._images, self._steps = int(state["images"]), int(state["steps"])


class FixedP:
    """The same p from beginning to end, in 0..0.8."""

    def __init__(self, p: float = 0.2) -> None:
        _check("p", p)
        self.p = p

    def observe(self, real_logits: Tensor) -> None:
        """Look away: p does not depend on the discriminator."""

    def advance(self, images: int) -> None:
        """Stay: p does not depend on the time."""

    def state_dict(self) -> dict[str, float]:
        """Return p."""
        return {"p": self.p}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Take the p of another one."""
        self.p = state["p"]


class RampP:
    """p runs linearly from ``start`` to ``end``, both in 0..0.8, over the first ``kimg`` thousand images."""

    def __init__(self, *, start: float = 0.0, end: float = 0.3, kimg: float) -> None:
        _check("the ramp's start", start)
        _check("the ramp's end", end)
        if kimg <= 0:
            raise ThrongError(f"the ramp of p must take more than 0 kimg: it is {kimg}")
        self.start, self.end, self.kimg = start, end, kimg
        self._seen = 0

    @property
    def p(self) -> float:
        """The probability after the images seen so far."""
        return self.start + (self.end - self.start) * min(1.0, self._seen / (self.kimg * 1000))

    def observe(self, real_logits: Tensor) -> None:
        """Look away: p does not depend on the discriminator."""

    def advance(self, images: int) -> None:
        """Count a step of so many images."""
        self._seen += images

    def state_dict(self) -> dict[str, float]:
        """Return the images seen, and p for whoever reads the state."""
        return {"p": self.p, "seen": self._seen}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from the images that another one has seen."""
        self._seen = int(state["seen"])


def _check(what: str, value: float, bound: float = BOUND) -> None:
    if not 0 <= value <= bound:
        raise ThrongError(f"{what} of augmentation must be in 0..{bound:g}, beyond which it leaks: it is {value:g}")
