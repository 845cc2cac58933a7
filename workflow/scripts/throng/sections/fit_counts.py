"""Section ``fit_counts``: from frozen features to a number of people, by the counts of synthesised images."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from throng.sections.base import Section, named_apart, runtime, setting


class Fit(Section):
    """One counter without labels: features, the fit from features to people, and how a photograph is cut up."""

    name: str = setting("synthetic", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: str = setting(
        "rank:synthetic",
        "whose features: rank:<encoder of pretrain_rank>, count:<network of pretrain_count>, or random:<architecture>, "
        "which has learnt nothing",
        pattern=r"^(rank|count|random):[a-z0-9][a-z0-9-]*$",
    )
    seeds: int = runtime(1, "how many runs of the encoder are fitted: seed-1 and so on", ge=1, le=100)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")


class FitCounts(Section):
    """SYRAC's count fit: non-negative least squares from frozen features to the noisy counts of synthesised images."""

    fits: Annotated[list[Fit], AfterValidator(named_apart)] = setting(
        [Fit(), Fit(name="random", encoder="random:small")],
        "the fits; an overlay's list replaces this one whole",
        min_length=1,
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Fit:
        """Return the fit of one job, all that the job depends on."""
        (fit,) = [fit for fit in self.fits if fit.name == wildcards["fit"]]
        return fit
