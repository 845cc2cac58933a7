"""Section ``ladder``: counters that have seen no human label, step by step, on the same photographs."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, runtime, setting
from throng.sections.detectors import MODULES, Ultralytics


class Prior(Section):
    """Everywhere the same number: the mean count of the synthesised images."""

    kind: Literal["prior"]
    name: str = setting(..., "name in the table and the figure")


class Detected(Section):
    """As many people as a detector finds."""

    kind: Literal["detector"]
    name: str = setting(..., "name in the table and the figure")
    detector: Ultralytics = setting(Ultralytics(), "the detector and how it looks: whole photographs or tiles")


class Fitted(Section):
    """A counter of fit_counts."""

    kind: Literal["fit"]
    name: str = setting(..., "name in the table and the figure")
    fit: str = setting(..., "its name in fit_counts.fits")


class Counted(Section):
    """A counter of train_counter that has learnt from no label of a person's."""

    kind: Literal["counter"]
    name: str = setting(..., "name in the table and the figure")
    counter: str = setting(..., "its name in train_counter.counters")


Rung = Annotated[Prior | Detected | Fitted | Counted, Field(discriminator="kind")]


class Ladder(Section):
    """One table and one figure: what each step towards a counter without labels is worth."""

    rungs: Annotated[list[Rung], AfterValidator(named_apart)] = setting(
        [
            Prior(kind="prior", name="mean count"),
            Fitted(kind="fit", name="random features", fit="random"),
            Fitted(kind="fit", name="synthetic rank", fit="synthetic"),
        ],
        "the rungs from the lowest; an overlay's list replaces this one whole",
        min_length=1,
    )
    split: Literal["val", "test"] = setting("test", "the split that is measured, and that nothing was chosen by")
    device: str = runtime("cpu", "torch device of fits and counters: cpu, cuda, cuda:0, ...")


def chosen_modules(section: Ladder) -> tuple[str, ...]:
    """Return the modules of the detectors that are rungs."""
    return tuple(sorted({MODULES[rung.detector.backend] for rung in section.rungs if isinstance(rung, Detected)}))
