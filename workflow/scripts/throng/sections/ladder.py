"""Section ``ladder``: counters that have seen no human label, step by step, on the same photographs."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, runtime, setting
from throng.sections.detectors import MODULES, Ultralytics

NAME = "name in the table and the figure"
SAYS = "what this step adds to the one below, in words, for the page"
AGAINST = (
    "the step below that this is a variant of, and is compared with: what one choice is worth; null: it is a step, and "
    "is compared with the one below"
)


class Prior(Section):
    """Everywhere the same number: the mean count of the synthesised images."""

    kind: Literal["prior"]
    name: str = setting(..., NAME, min_length=1)
    says: str = setting("the mean count of the synthesised images, whatever is shown", SAYS)
    against: str | None = setting(None, AGAINST)


class Detected(Section):
    """As many people as a detector finds."""

    kind: Literal["detector"]
    name: str = setting(..., NAME, min_length=1)
    says: str = setting("how many people a detector finds", SAYS)
    against: str | None = setting(None, AGAINST)
    detector: Ultralytics = setting(Ultralytics(), "the detector and how it looks: whole photographs or tiles")


class Fitted(Section):
    """A counter of fit_counts."""

    kind: Literal["fit"]
    name: str = setting(..., NAME, min_length=1)
    says: str = setting("", SAYS)
    against: str | None = setting(None, AGAINST)
    fit: str = setting(..., "its name in fit_counts.fits")


class Counted(Section):
    """A counter of train_counter that has learnt from no label of a person's."""

    kind: Literal["counter"]
    name: str = setting(..., NAME, min_length=1)
    says: str = setting("", SAYS)
    against: str | None = setting(None, AGAINST)
    counter: str = setting(..., "its name in train_counter.counters")
    scheme: Literal["whole", "patches", "windows"] = setting(
        "whole",
        "whole image; patches: 3x3 overlapping of half its size, the nearest centre owning a pixel; windows of a fixed "
        "size, for images that do not fit in memory",
    )


Rung = Annotated[Prior | Detected | Fitted | Counted, Field(discriminator="kind")]


def _climbed(rungs: list[Any]) -> list[Any]:
    """Return rungs of which each variant names a step before it."""
    steps: set[str] = set()
    for rung in named_apart(rungs):
        if rung.against is None:
            steps.add(rung.name)
        elif rung.against not in steps:
            raise ValueError(f"{rung.name!r} is against {rung.against!r}, which is no step before it")
    return rungs


def _rising_from_nobody(bins: list[int]) -> list[int]:
    if bins[:1] != [0] or any(low >= high for low, high in pairwise(bins)):
        raise ValueError("density bins must start at 0 and rise")
    return bins


class Ladder(Section):
    """One table and one figure: what each step towards a counter without labels is worth."""

    title: str = setting("counting without labels", "title of the page and the figure")
    rungs: Annotated[list[Rung], AfterValidator(_climbed)] = setting(
        [
            Prior(kind="prior", name="mean count"),
            Fitted(kind="fit", name="random features", says="a network that has learnt nothing, fitted", fit="random"),
            Fitted(kind="fit", name="synthetic rank", says="features that rank edited photographs", fit="synthetic"),
        ],
        "the rungs from the lowest; an overlay's list replaces this one whole",
        min_length=1,
    )
    split: Literal["val", "test"] = setting("test", "the split that is measured, and that nothing was chosen by")
    upstream_labels: Literal["allow", "refuse"] = setting(
        "allow",
        "labels may never teach or choose a rung itself; refuse: nor reach it by what it learns from, as annotated "
        "boxes in place of a detector's, or labelled photographs that calibrate the counts of synthesised images",
    )
    marks: dict[str, Annotated[float, Field(ge=0)]] = setting(
        {}, "published MAEs on the same photographs by name, drawn as lines: {AFreeCA: 35.0}"
    )
    bins: Annotated[list[Annotated[int, Field(ge=0)]], AfterValidator(_rising_from_nobody)] = setting(
        [0, 10, 25, 50, 100, 200, 500], "density bins start at these counts, rising from 0", min_length=1
    )
    bootstrap: int = setting(1000, "resamplings for the 95 % intervals", ge=100)
    device: str = runtime(
        "cpu", "torch device of fits and counters: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$"
    )


def chosen_modules(section: Ladder) -> tuple[str, ...]:
    """Return the modules of the detectors that are rungs."""
    return tuple(sorted({MODULES[rung.detector.backend] for rung in section.rungs if isinstance(rung, Detected)}))
