"""Section ``sample_gan``: images drawn by generators, with the density that each was asked for."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from throng.sections.base import Section, named_apart, runtime, setting


class Sampler(Section):
    """Images of one generator."""

    name: str = setting("crowds", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    generator: str = setting(
        "trained:crowds",
        "trained:<name in train_gan>, whose first run draws, throng:<shipped folder>, hub:<name>, or a path",
    )
    per_label: int = setting(8, "images per label that is asked for", ge=1)
    chunks: int = runtime(1, "jobs that share the images", ge=1, le=999)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")


class SampleGan(Section):
    """Draws images with generators into table gan_samples; the release takes them along where they were made."""

    samplers: Annotated[list[Sampler], AfterValidator(named_apart)] = setting(
        [], "who draws; an overlay's list replaces this one whole"
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Sampler:
        """Return the sampler of one job, all that the job depends on."""
        (sampler,) = [sampler for sampler in self.samplers if sampler.name == wildcards["sampler"]]
        return sampler
