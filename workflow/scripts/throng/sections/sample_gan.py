"""Section ``sample_gan``: images drawn by generators, with the density that each was asked for."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, runtime, setting

Number = Annotated[float, Field(allow_inf_nan=False)]


class Every(Section):
    """As many images of every label."""

    kind: Literal["every"] = setting(
        "every", "every class; of a generator of scores, its 10th, 50th and 90th percentile; without labels, one lot"
    )
    per_label: int = setting(8, "images per label", ge=1)


class Chosen(Section):
    """As many images of some labels."""

    kind: Literal["chosen"] = setting(..., "the labels that are named")
    values: list[str | int | Number | list[Number]] = setting(
        ..., "classes by name or number, scores, or vectors of numbers", min_length=1
    )
    per_label: int = setting(8, "images per label", ge=1)


class AsTrained(Section):
    """Labels as the training images had them."""

    kind: Literal["histogram"] = setting(..., "labels drawn as they were spread in training")
    images: int = setting(..., "images in all", ge=1)


Labels = Annotated[Every | Chosen | AsTrained, Field(discriminator="kind")]


class Permission(Section):
    """Leave to pass on what is drawn although the terms of a training image do not give it."""

    by: str = setting(..., "who gave it, and where it can be read", min_length=1)
    licence: str = setting(..., "terms under which what is drawn may be passed on", min_length=1)


class Sampler(Section):
    """Images of one generator."""

    name: str = setting("crowds", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    generator: str = setting(
        "trained:crowds",
        "trained:<name in train_gan>, whose first run draws, throng:<shipped folder>, hub:<name>, or a path",
    )
    labels: Labels = setting(Every(), "what is asked for, and how many images of it")
    same_scenes: bool = setting(
        True, "whether image k of every label is drawn from the same random numbers, so that the label alone differs"
    )
    truncation: float = setting(
        1.0, "psi: 1 draws as trained, less draws closer to the mean image of its label", gt=0, le=2
    )
    permission: Permission | None = setting(
        None, "who allowed passing on what is drawn after images that may not be passed on; null: nobody"
    )
    chunks: int = runtime(1, "jobs that share the images", ge=1, le=100_000)
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
