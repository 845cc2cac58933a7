"""Section ``probe``: what the layers of networks that learnt without labels know."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting

Pixels = Annotated[int, Field(ge=16, le=4096)]
Filter = Literal["bilinear", "bicubic", "area", "lanczos", "nearest"]


class Classes(Section):
    """Ten kinds of things, drawn for the purpose, and the linear heads that tell them by each layer alone."""

    pictures: int = setting(600, "drawn pictures that the heads learn from", ge=10)
    validation: int = setting(500, "drawn pictures that they are measured on", ge=10)
    side: Pixels = setting(112, "side of a drawn picture, pixels")
    crop: Pixels = setting(
        96, "side of what a network sees: random crops to learn from, the centre to validate; 256 is the published one"
    )
    views: int = setting(2, "random crops of each picture that the heads learn from", ge=1)
    epochs: int = setting(30, "how often the heads see every crop", ge=1)
    batch_size: int = setting(64, "crops per step", ge=1)
    learning_rate: float = setting(1e-3, "Adam's rate at first", gt=0)
    last_rate: float = setting(1e-9, "Adam's rate in the end", ge=0)
    power: float = setting(2.0, "power of the polynomial by which it falls", gt=0)

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.side:
            raise ValueError(f"a crop of {self.crop} pixels does not fit into pictures of {self.side}: lower crop")
        return self


class People(Section):
    """Ridge regression from features to the number of people, its penalty chosen by leaving scenes out."""

    size: tuple[Pixels, Pixels] = setting((192, 256), "height and width that pictures are looked at, pixels")
    most: int = setting(400, "pictures taken of a split, the first by id", ge=4)
    fewest: int = setting(8, "pictures to fit, and to measure, below which a set of pictures is left out", ge=4)
    folds: int = setting(5, "folds of synthesised images, no scene in two of them", ge=2)


class Leak(Section):
    """Whether a network tells downsampling filters apart, the shortcut of Learning to Count."""

    pictures: int = setting(48, "photographs that are looked at", ge=1)
    filters: list[Filter] = setting(
        ["bilinear", "bicubic", "area", "lanczos"], "the filters; nearest is none of the paper's", min_length=2
    )


class Probe(Section):
    """Linear probes of frozen networks: classes, numbers of people, and how well their filters are told apart."""

    networks: list[str] = setting(
        ["pretext"],
        "networks of pretrain_count that are probed, beside untrained ones",
        min_length=1,
    )
    rankers: list[str] = setting([], "encoders of pretrain_rank whose features are probed for numbers of people too")
    classes: Classes = setting(Classes(), "which kinds of things each layer tells")
    people: People = setting(People(), "numbers of people from features")
    leak: Leak = setting(Leak(), "filters told apart")
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
