"""Section ``evaluate``: counting on images that no earlier stage has chosen by."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, named_apart, runtime, setting


class Published(Section):
    """A published counter to be measured beside ours: a registered architecture with weights of the user's own."""

    name: str = setting(..., "name in tables and plots", pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    architecture: Literal["mcnn"] = setting("mcnn", "architecture of the weights")
    channels: Literal[1, 3] = setting(1, "what the weights take: 1 grey, 3 colour")
    sigma: float | Literal["adaptive"] = setting(
        4.0, "width of a head in the true map that its map is held against, pixels, or adaptive"
    )
    weights: str = runtime(..., "path of the HDF5 weights, absolute or below data_root; its sha256 is recorded")

    @model_validator(mode="after")
    def _wide(self) -> Self:
        if not isinstance(self.sigma, str) and self.sigma <= 0:
            raise ValueError("sigma must be above 0 or 'adaptive'")
        return self


def _rising_from_nobody(bins: list[int]) -> list[int]:
    if bins[:1] != [0] or any(low >= high for low, high in pairwise(bins)):
        raise ValueError("density bins must start at 0 and rise")
    return bins


class Evaluate(Section):
    """Counts a split with every run of every counter: errors with intervals, maps, comparisons, plots."""

    split: Literal["val", "test"] = setting(
        "test", "the split that is measured; val chose the weights, and its figures are marked so"
    )
    scheme: Literal["whole", "patches", "windows"] = setting(
        "whole",
        "whole image; patches: 3x3 overlapping of half its size, the nearest centre owning a pixel; windows of a fixed "
        "size, for images that do not fit in memory",
    )
    bins: Annotated[list[Annotated[int, Field(ge=0)]], AfterValidator(_rising_from_nobody)] = setting(
        [0, 10, 25, 50, 100, 200, 500], "density bins start at these counts, rising from 0", min_length=1
    )
    bootstrap: int = setting(1000, "resamplings for the 95 % intervals", ge=100)
    published: Annotated[list[Published], AfterValidator(named_apart)] = setting(
        [], "published counters measured beside ours"
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")


def chosen_modules(section: Evaluate) -> tuple[str, ...]:
    """Return the modules of the published architectures; our own counter's arrives with its weights."""
    return tuple(sorted({f"throng.counting.{counter.architecture}" for counter in section.published}))
