"""Section ``pretrain_count``: networks that learn to count without labels, from tiles and downsampled pictures."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, check_device, named_apart, runtime, setting
from throng.sections.encoders import Encoder

Filter = Literal["bilinear", "bicubic", "area", "lanczos", "nearest"]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Pixels = Annotated[int, Field(ge=8)]
Parts = Annotated[int, Field(ge=1, le=16)]


class Pictures(Section):
    """Which pictures are looked at, how often each in the mean; nobody's labels are."""

    images: Weight = setting(1.0, "photographs of the training split")
    synthetic: Weight = setting(0.0, "synthesised images")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.images + self.synthetic:
            raise ValueError("a network needs pictures: images and synthetic are both 0")
        return self


class ConstantThenLinear(Section):
    """Constant, then linear over the last steps."""

    kind: Literal["constant_then_linear"] = setting(..., "which schedule")
    tail: float = setting(0.4, "share of the steps in which the rate falls: 0.4 is the last 100 of 250", gt=0, le=1)
    final: float = setting(1e-7, "rate of the last step", ge=0)


class Decay(Section):
    """Multiplied by a factor again and again."""

    kind: Literal["decay"] = setting(..., "which schedule")
    factor: float = setting(0.9, "what the rate is multiplied by", gt=0, le=1)
    every: int = setting(10_000, "steps between", ge=1)


class Polynomial(Section):
    """A power of the share of the steps that are left."""

    kind: Literal["polynomial"] = setting(..., "which schedule")
    power: float = setting(2.0, "the power", gt=0)
    final: float = setting(1e-9, "rate that it ends at", ge=0)


Schedule = Annotated[ConstantThenLinear | Decay | Polynomial, Field(discriminator="kind")]


class Pretext(Section):
    """One network that learns to count: its encoder, pictures, loss and schedule."""

    name: str = setting("pretext", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: Encoder = setting("small", "architecture (docs/encoders.md); small learns within minutes on a CPU")
    options: dict[str, bool | int | float | str] = setting({}, "options of the encoder (docs/encoders.md)")
    head: Literal["sum", "connected"] = setting(
        "sum", "sum: counts per cell, added up, pictures of any size; connected: AlexNet's, pictures of a tile's size"
    )
    units: int = setting(64, "how many primitives are counted; the paper has 1000", ge=1)
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    pictures: Pictures = setting(Pictures(), "what it looks at")
    size: tuple[Pixels, Pixels] = setting(
        (192, 256), "height and width that every picture's largest window of that shape is resized to, pixels"
    )
    crop: tuple[Pixels, Pixels] = setting((128, 128), "height and width of a random crop of it, pixels")
    tiles: tuple[Parts, Parts] = setting(
        (2, 2), "rows and columns that a crop is cut into; downsampled, it is as large as one tile"
    )
    filters: tuple[Filter, ...] = setting(
        ("bilinear", "bicubic", "area", "lanczos"),
        "what a crop is downsampled by, drawn for each anew; with a single filter counts agree by recognising it",
        min_length=1,
    )
    grey: Share = setting(0.67, "share of the crops that lose their colour, against chromatic aberration")
    mirror: bool = setting(True, "mirror half of the crops")
    mosaic: Share = setting(0.0, "share of the crops put together from tiles of as many pictures")
    pairing: Literal["one_way", "symmetric"] = setting(
        "symmetric", "one_way: tiles of x alone, as in the paper, 6 passes a pair; symmetric: of both, 10 passes"
    )
    margin: float = setting(10.0, "least squared distance between a picture's counts and another's tiles'", gt=0)
    batch_size: int = setting(16, "pictures per step, two a pair, over all processes", ge=2)
    accumulate: int = setting(1, "parts that a process takes its pictures of a step in, to save memory", ge=1)
    steps: int | None = setting(None, "optimiser steps; null: as many as epochs take", ge=1)
    epochs: int = setting(40, "how often every picture is looked at, where steps is null", ge=1)
    optimizer: Literal["adam", "adamw"] = setting("adam", "optimiser")
    learning_rate: float = setting(0.001, "peak learning rate", gt=0)
    weight_decay: float = setting(0.0, "weight decay", ge=0)
    schedule: Literal["constant", "cosine"] | Schedule = setting(
        "cosine",
        "learning rate over the steps: constant, cosine, or kind: constant_then_linear, decay or polynomial with keys",
    )
    warmup_steps: int = setting(20, "steps of linear warm-up", ge=0)
    clip_norm: float = setting(1.0, "largest norm of the gradient; 0: any", ge=0)
    ema_decay: float = setting(0.0, "decay of the weights' moving average; 0 is off", ge=0, lt=1)
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "arithmetic; fp16 needs a GPU")
    select: Literal["last", "held_out"] = setting(
        "last", "weights that are kept: the last, or those of the lowest loss on pictures held out; no label is read"
    )
    held_out: int = setting(256, "pictures of the validation split, at most, that the network is watched on", ge=2)
    val_every: int = setting(50, "steps between looks at them, and after the last", ge=1)
    log_every: int = setting(20, "steps between rows of the history", ge=1)
    nodes: int = runtime(1, "nodes of one Slurm job that share a step, each with so many processes", ge=1, le=64)
    processes: int = runtime(1, "processes that share a step, one per GPU; its pictures are the same", ge=1, le=64)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
    cache_gigabytes: float = runtime(4.0, "memory for decoded pictures, gigabytes", ge=0)
    checkpoint_seconds: float = runtime(60.0, "seconds between checkpoints, from which a killed run goes on", gt=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        (height, width), (rows, columns) = self.crop, self.tiles
        if height > self.size[0] or width > self.size[1]:
            raise ValueError(
                f"crop: {height}x{width} pixels do not fit into pictures of {self.size[0]}x{self.size[1]}: "
                f"lower crop, or raise size"
            )
        if rows * columns == 1:
            raise ValueError("tiles: a single tile is the whole crop, and nothing adds up; use [2, 2]")
        if height % rows or width % columns:
            raise ValueError(
                f"crop: {height}x{width} pixels cannot be cut into {rows}x{columns} equal tiles; use "
                f"{-(-height // rows) * rows}x{-(-width // columns) * columns}"
            )
        return self

    @model_validator(mode="after")
    def _shared(self) -> Self:
        world = self.nodes * self.processes
        shares = 2 * self.accumulate * world
        if self.batch_size % shares:
            raise ValueError(
                f"batch_size: {self.batch_size} cannot be shared by pairs, accumulate: {self.accumulate} and "
                f"processes: {world}; use a multiple of {shares}"
            )
        if len(set(self.filters)) < len(self.filters):
            raise ValueError(f"filters: named twice: {', '.join(self.filters)}")
        check_device(self.device, self.precision, self.nodes * self.processes)
        return self


class PretrainCount(Section):
    """Learning to Count (Noroozi et al., 2017): what the tiles of a picture hold adds up to what all of it holds."""

    networks: Annotated[list[Pretext], AfterValidator(named_apart)] = setting(
        [Pretext()], "the networks; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Pretext:
        """Return the network of one job, all that the job depends on."""
        (network,) = [network for network in self.networks if network.name == wildcards["network"]]
        return network
