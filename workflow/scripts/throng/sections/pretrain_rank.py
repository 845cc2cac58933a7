"""Section ``pretrain_rank``: encoders that learn which of two pictures shows more people."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, check_device, named_apart, runtime, setting
from throng.sections.encoders import Encoder
from throng.sections.pairs import Kind

Weight = Annotated[float, Field(ge=0)]
Pixels = Annotated[int, Field(ge=16)]


def _once(kinds: list[Kind]) -> list[Kind]:
    if twice := sorted({kind for kind in kinds if kinds.count(kind) > 1}):
        raise ValueError(f"named twice: {', '.join(twice)}")
    return kinds


class RankLosses(Section):
    """The weighted sum that an encoder minimises; 0 is off."""

    rank: Weight = setting(1.0, "RankNet over ordered pairs: log(1 + exp(-(score of more - score of fewer)))")
    tie: Weight = setting(1.0, "RankNet with target 1/2 over pairs that show as many people; needs kind sham-equal")
    delta: Weight = setting(
        1.0, "leads grow with the number of removed people: 1 - cosine over a batch, in no unit; where it is known"
    )
    empty: Weight = setting(
        1.0, "edits that everyone is removed from score 0, so that photographs compare; reads table detections"
    )
    listwise: Weight = setting(0.0, "Plackett-Luce over the longest chain of each list, most people first")
    tiles: Weight = setting(
        0.0, "Learning to Count on the score: that of the downsampled picture is the sum of its four tiles'"
    )
    removal: Weight = setting(
        0.0, "only the tiles that people were removed from change, and they fall; reads table detections"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.rank + self.delta + self.listwise:
            raise ValueError("nothing says which picture shows more: set losses.rank, delta or listwise above 0")
        return self


class Appearance(Section):
    """What is changed in both pictures of a pair alike, so that no trace of an editor tells them apart."""

    mirror: bool = setting(True, "mirror half of the pairs")
    zoom_out: float = setting(
        0.3, "how much of its size a picture loses at most, put anywhere on its colour", ge=0, lt=1
    )
    resize: float = setting(0.5, "shrunk to this share of its size at least, and enlarged again; 1: never", gt=0, le=1)
    brightness: float = setting(0.2, "how far brightness is changed, share of 255", ge=0, le=1)
    contrast: float = setting(0.3, "how far contrast is changed: 0.3 is by 0.7 to 1.3", ge=0, lt=1)
    colour: float = setting(0.075, "how far each entry of the 3x3 colour matrix is changed", ge=0, le=0.3)
    blur: float = setting(1.0, "largest standard deviation of a Gaussian blur, pixels; half of the pairs", ge=0, le=10)
    noise: float = setting(8.0, "largest standard deviation of Gaussian noise, levels of 255", ge=0, le=64)
    jpeg: int = setting(50, "lowest quality of a JPEG that half of the pairs go through; 100: none does", ge=10, le=100)


class Ranker(Section):
    """One encoder that learns to rank: architecture, pairs, losses and schedule."""

    name: str = setting("synthetic", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: Encoder = setting("small", "architecture (docs/encoders.md); small learns within minutes on a CPU")
    options: dict[str, str | bool | int | float] = setting({}, "options of the architecture (docs/encoders.md)")
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    start: str | None = setting(
        None, "network of pretrain_count that it starts from, its run of the same seed; null: from weights, or scratch"
    )
    weights: str | None = setting(
        None,
        "ImageNet weights of the architecture: a state dict (.safetensors or .pth), absolute, below data_root, or "
        "hub:<name> of fetch_models; null: from scratch",
    )
    kinds: Annotated[list[Kind], AfterValidator(_once)] = setting(
        ["real-edited", "edited-edited", "sham-edited", "sham-equal"],
        "kinds of ranked pairs that it learns from; each must be in table ranked_pairs",
        min_length=1,
    )
    losses: RankLosses = setting(RankLosses(), "what it minimises")
    hidden_layers: int = setting(0, "layers between pooled features and the score, as monotone as it", ge=0, le=8)
    hidden_width: int = setting(128, "units of a hidden layer", ge=1)
    size: tuple[Pixels, Pixels] = setting((96, 128), "height and width of a picture, pixels; the aspect ratio is kept")
    appearance: Appearance = setting(Appearance(), "what is changed in both pictures of a pair alike")
    batch_pairs: int = setting(4, "ranked pairs per step, each the start of a list", ge=1)
    list_length: int = setting(
        4, "pictures of a list: those of its pair, and further ones ranked with them; 2: pairs alone", ge=2, le=64
    )
    accumulate: int = setting(1, "batches whose mean gradient makes one step", ge=1)
    steps: int = setting(240, "optimiser steps at most", ge=1)
    optimizer: Literal["adam", "adamw"] = setting("adam", "optimiser")
    learning_rate: float = setting(0.002, "peak learning rate", gt=0)
    weight_decay: float = setting(0.0, "weight decay", ge=0)
    schedule: Literal["constant", "cosine"] = setting("cosine", "learning rate over the steps")
    warmup_steps: int = setting(20, "steps of linear warm-up", ge=0)
    clip_norm: float = setting(1.0, "largest norm of the gradient; 0: any", ge=0)
    ema_decay: float = setting(0.95, "decay of the weights' moving average; 0 is off", ge=0, lt=1)
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "arithmetic; fp16 needs a GPU")
    val_every: int = setting(40, "steps between looks at held-out pairs; the best look's weights are kept", ge=1)
    val_pairs: int = setting(
        1000, "held-out ordered pairs, and as many ties, that are looked at, the first by id", ge=1
    )
    patience: int = setting(0, "looks without a lower held-out rank loss after which training ends; 0: never", ge=0)
    log_every: int = setting(20, "steps between rows of the history", ge=1)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
    cache_gigabytes: float = runtime(4.0, "memory for decoded pictures, gigabytes", ge=0)
    checkpoint_seconds: float = runtime(60.0, "seconds between checkpoints, from which a killed run goes on", gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.start is not None and self.weights is not None:
            raise ValueError("start and weights: an encoder begins once; set one of them to null")
        if self.losses.tie and "sham-equal" not in self.kinds:
            raise ValueError(
                "losses.tie: only kind sham-equal has pairs that show as many people; add it, or set tie: 0"
            )
        if (self.losses.tiles or self.losses.removal) and any(side % 2 for side in self.size):
            raise ValueError(
                "size: losses.tiles and losses.removal cut pictures in halves; height and width must be even"
            )
        if self.losses.tiles and self.hidden_layers:
            raise ValueError("hidden_layers: behind them scores of tiles do not add up; set 0, or losses.tiles: 0")
        check_device(self.device, self.precision)
        return self


class PretrainRank(Section):
    """SYRAC's rank pre-training: of the two pictures of a pair, the one with more people gets the higher score."""

    encoders: Annotated[list[Ranker], AfterValidator(named_apart)] = setting(
        [Ranker()], "the encoders; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Ranker:
        """Return the encoder of one job, all that the job depends on."""
        (encoder,) = [encoder for encoder in self.encoders if encoder.name == wildcards["ranker"]]
        return encoder
