"""Section ``ingest``: the sources of photographs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting

Split = Literal["train", "val", "test"]


class _Source(Section):
    name: str = setting(..., "name of the source, used in every table", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    root: str = runtime(..., "folder or .zip of the source, absolute or below data_root")
    licence: str = setting("unknown", "licence of the pixels: an SPDX id, or the terms in a few words")
    redistributable: bool = setting(False, "whether those terms allow passing the pixels on; release refuses others")
    limit: dict[Split, int] = setting(
        {}, "at most so many images of a split, chosen by hash; all when a split is not named"
    )


class _Published(_Source):
    official: bool = setting(
        True, "the source is the published set: warn where its numbers of images and heads differ from the published"
    )


class CrowdHuman(_Published):
    """CrowdHuman: annotation_<split>.odgt beside the distributed zips or a folder of images."""

    format: Literal["crowdhuman"] = setting(
        ..., "CrowdHuman: annotation_<split>.odgt beside zips or a folder of images"
    )


class ShanghaiTech(_Published):
    """ShanghaiTech part A or B: images and .mat files, any nesting, a folder or a zip."""

    format: Literal["shanghaitech"] = setting(
        ..., "ShanghaiTech: images/ and ground_truth/ or ground-truth/, any nesting"
    )
    part: Literal["A", "B"] = setting("B", "which part is under root")


class Folder(_Source):
    """Any folder or zip of images, without labels."""

    format: Literal["folder"] = setting(..., "any folder or .zip of images, without labels")
    split: Split = setting("train", "split of its images")
    scenes: Literal["folder", "file"] = setting(
        "folder", "what is one scene: a sub-folder (an image outside any is its own), or every file"
    )


class PennFudan(_Source):
    """Penn-Fudan pedestrians: PNGImages and PedMasks, a person per mask, head points estimated from the masks."""

    format: Literal["pennfudan"] = setting(..., "Penn-Fudan pedestrians: PNGImages/ and PedMasks/, any nesting")
    split: Split = setting("train", "split of its images, which the source does not divide; every image is a scene")


Source = Annotated[CrowdHuman | ShanghaiTech | Folder | PennFudan, Field(discriminator="format")]


class Ingest(Section):
    """Turns the sources into one table of images: ids by content, splits by scene, rejected files kept."""

    sources: list[Source] = setting(..., "the sources; an overlay's list replaces this one whole", min_length=1)
    val_fraction: float = setting(
        0.1, "share of the training scenes kept for validation where a source has none", ge=0, lt=1
    )
    max_pixels: int = setting(100_000_000, "an image with more pixels by its header is refused undecoded", ge=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"two sources have the same name: {sorted(names)}")
        return self
