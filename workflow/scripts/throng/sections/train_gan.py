"""Section ``train_gan``: generators of crowds that heed a density, each trained once per seed."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, check_device, named_apart, runtime, setting
from throng.sections.convert_dataset import power_of_two


class Converted(Section):
    """The dataset that convert_dataset makes."""

    kind: Literal["converted"] = setting("converted", "what convert_dataset made")


class Archive(Section):
    """A dataset of one's own in StyleGAN's layout: squares and dataset.json, in a folder or a zip."""

    kind: Literal["archive"] = setting(..., "a folder or zip in StyleGAN's layout")
    path: str = setting(..., "the folder or zip; relative: below data_root")
    licence: str = setting(..., "licence of its images, SPDX id or the source's own words")
    redistributable: bool = setting(..., "whether the terms allow passing on what is drawn after them")


class Labelled(Section):
    """What label_density labelled, cut and resized in memory."""

    kind: Literal["labelled"] = setting(..., "photographs and synthesised images, straight from label_density")
    tables: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"], "images: photographs; synthetic: what the makers made", min_length=1
    )
    splits: list[Literal["train", "val", "test"]] = setting(["train"], "splits that are taken", min_length=1)
    labeller: str | None = setting(
        None, "method and mode of the labeller, such as kde fixed; null: the one that label_density chose"
    )


Data = Annotated[Converted | Archive | Labelled, Field(discriminator="kind")]


class Gan(Section):
    """One generator: its data, networks, conditioning, losses, augmentation and schedule."""

    name: str = setting("crowds", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    data: Data = setting(Converted(), "the images and their labels")
    resolution: Annotated[int, AfterValidator(power_of_two)] = setting(64, "width and height of an image, pixels")
    recipe: Literal["stylegan3-t", "stylegan3-r", "r3gan"] = setting(
        "stylegan3-t", "networks and losses: StyleGAN3 with translation or also rotation equivariance, or R3GAN"
    )
    start: str | None = setting(
        None,
        "generator to start from: trained:<name of another one here>, throng:<shipped folder>, or a path; null: none",
    )
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "arithmetic; fp16 needs a GPU")
    processes: int = runtime(1, "processes that share a step, one per GPU; its images are the same", ge=1, le=64)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")

    @model_validator(mode="after")
    def _arithmetic(self) -> Self:
        check_device(self.device, self.precision, self.processes)
        return self


class TrainGan(Section):
    """Density-conditioned generators: same scene, chosen crowd (Karras et al., 2021)."""

    gans: Annotated[list[Gan], AfterValidator(named_apart)] = setting(
        [Gan()], "the generators; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Gan:
        """Return the generator of one job, all that the job depends on."""
        (gan,) = [gan for gan in self.gans if gan.name == wildcards["gan"]]
        return gan
