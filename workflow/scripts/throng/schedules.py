"""Learning rates over the steps of a run, beside the constant and the cosine that every trainer has."""

from __future__ import annotations

from dataclasses import dataclass

from throng.errors import ThrongError


@dataclass(frozen=True)
class ConstantThenLinear:
    """Constant, then over the last share ``tail`` of the steps linear to ``final``, reached by the last step.

    The defaults are 100 of 250 epochs, to 1e-7.
    """

    tail: float = 0.4
    final: float = 1e-7
    kind: str = "constant_then_linear"

    def __post_init__(self) -> None:
        if not 0 < self.tail <= 1:
            raise ThrongError(f"the linear tail of a schedule must be a share above 0 and at most 1, not {self.tail}")

    def rate(self, peak: float, done: int, steps: int) -> float:
        """Return the rate of the step after ``done`` of ``steps``."""
        start = steps * (1 - self.tail)
        share = min(1.0, max(0.0, (done + 1 - start) / (steps - start)))
        return peak + (self.final - peak) * share


@dataclass(frozen=True)
class Decay:
    """Multiplied by ``factor`` after every ``every`` steps; the defaults are Noroozi et al.'s (2017)."""

    factor: float = 0.9
    every: int = 10_000
    kind: str = "decay"

    def __post_init__(self) -> None:
        if not (0 < self.factor <= 1 and self.every >= 1):
            raise ThrongError(
                f"a decay needs a factor above 0 and at most 1 and at least 1 step between, not {self.factor} "
                f"every {self.every}"
            )

    def rate(self, peak: float, done: int, steps: int) -> float:
        """Return the rate of the step after ``done`` of ``steps``."""
        return peak * self.factor ** (done // self.every)


@dataclass(frozen=True)
class Polynomial:
    """``final`` + (peak - ``final``) (1 - share of the steps done) to the ``power``."""

    power: float = 2.0
    final: float = 1e-9
    kind: str = "polynomial"

    def __post_init__(self) -> None:
        if self.power <= 0:
            raise ThrongError(f"the power of a polynomial schedule must be above 0, not {self.power}")

    def rate(self, peak: float, done: int, steps: int) -> float:
        """Return the rate of the step after ``done`` of ``steps``."""
        return self.final + (peak - self.final) * (1 - done / max(1, steps)) ** self.power


Schedule = ConstantThenLinear | Decay | Polynomial
SCHEDULES = {"constant_then_linear": ConstantThenLinear, "decay": Decay, "polynomial": Polynomial}
