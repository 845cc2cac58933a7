"""Section ``evaluate``: counting on images that no earlier stage has chosen by."""

from typing import Annotated, Literal

from pydantic import Field

from throng.sections.base import Section, runtime, setting


class Published(Section):
    """A published counter to be measured beside ours: a registered architecture with weights of the user's own."""

    name: str = setting(..., "name in tables and plots", pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    architecture: Literal["mcnn"] = setting("mcnn", "architecture of the weights")
    channels: Literal[1, 3] = setting(1, "what the weights take: 1 grey, 3 colour")
    weights: str = runtime(..., "path of the HDF5 weights, absolute or below data_root; its sha256 is recorded")


class Evaluate(Section):
    """Counts a split with every counter: MAE, RMSE, MAPE, errors by density bin, per-image table, plots."""

    split: Literal["val", "test"] = setting("test", "the split that is measured")
    scheme: Literal["whole", "patches"] = setting(
        "whole", "whole image, or 3x3 overlapping half-size patches, the nearest centre owning a pixel"
    )
    bins: list[Annotated[int, Field(ge=0)]] = setting(
        [0, 10, 25, 50, 100, 200, 500], "density bins start at these counts, rising from 0", min_length=1
    )
    bootstrap: int = setting(1000, "resamplings for the interval of MAE", ge=100)
    published: list[Published] = setting([], "published counters measured beside ours")
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")


def chosen_modules(section: Evaluate) -> tuple[str, ...]:
    """Return the modules of the published architectures; our own counter's arrives with its weights."""
    return tuple(sorted({f"throng.counting.{counter.architecture}" for counter in section.published}))
