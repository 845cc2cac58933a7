"""Section ``train_counter``: counters trained on head points, each as often as it has seeds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, check_device, named_apart, runtime, setting

MODULES = {
    "sanet-paper": "throng.counting.sanet",
    "sanet-author": "throng.counting.sanet",
    "sanet-keras": "throng.counting.sanet",
    "mcnn": "throng.counting.mcnn",
    "compact": "throng.counting.compact",
    "slim": "throng.counting.slim",
    "csrnet": "throng.counting.csrnet",
    "resnet50": "throng.counting.resnet",
    "gaunet-mcnn": "throng.counting.gaunet",
    "gaunet-csrnet": "throng.counting.gaunet",
    "gaunet-sanet": "throng.counting.gaunet",
    "gaunet-resnet50": "throng.counting.gaunet",
}
Model = Literal[
    "compact",
    "slim",
    "sanet-paper",
    "sanet-author",
    "sanet-keras",
    "mcnn",
    "csrnet",
    "resnet50",
    "gaunet-mcnn",
    "gaunet-csrnet",
    "gaunet-sanet",
    "gaunet-resnet50",
]
WITH_BACKBONE = {"csrnet", "resnet50", "gaunet-csrnet", "gaunet-resnet50"}
Weight = Annotated[float, Field(ge=0)]
Pixels = Annotated[int, Field(ge=8)]
Factor = Annotated[float, Field(ge=0.05, le=20)]


class Data(Section):
    """What an epoch holds: how often each training row of a table is drawn, in the mean; 0 leaves the table alone."""

    images: Weight = setting(1.0, "labelled photographs of the training split")
    detected: Weight = setting(
        0.0,
        "photographs of the training split with the heads that stage detect found there; no label of theirs is read",
    )
    synthetic: Weight = setting(1.0, "synthesised images; those without known heads teach their calibrated count")
    pairs: Weight = setting(0.0, "ranked pairs; they need losses.ranking")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.images + self.detected + self.synthetic + self.pairs:
            raise ValueError("a counter needs data: images, detected, synthetic and pairs are all 0")
        if self.images and self.detected:
            raise ValueError(
                "a photograph teaches its labelled heads or its detected ones: set images or detected to 0"
            )
        return self


class Pixel(Section):
    """Squared differences of density maps."""

    weight: Weight = setting(1.0, "weight in the sum")
    reduction: Literal["mean", "sum"] = setting("mean", "over the cells of an image: mean, or CSRNet's sum")


class Bayesian(Section):
    """Bayesian loss (Ma et al., 2019): expected count of every head; no map is imitated."""

    weight: Weight = setting(1.0, "weight in the sum")
    sigma: float = setting(8.0, "width of a head's likelihood, pixels after resizing", gt=0)
    background: float = setting(0.15, "distance of the background point, share of the crop's shorter side", gt=0)


class Transport(Section):
    """Optimal transport between heads and map (Wang et al., 2020)."""

    weight: Weight = setting(0.1, "weight in the sum")
    epsilon: float = setting(10.0, "entropic regularisation, squared pixels", gt=0)
    iterations: int = setting(100, "Sinkhorn iterations", ge=1)


class CountLikelihood(Section):
    """Gaussian likelihood of the count: (predicted - true)^2 / (2 std^2)."""

    weight: Weight = setting(0.01, "weight in the sum")
    smallest_std: float = setting(1.0, "standard deviation of an exact count, and the least of all, people", gt=0)


class Ranking(Section):
    """Hinge on ranked pairs (Liu et al., 2018)."""

    weight: Weight = setting(0.1, "weight in the sum")
    margin: float = setting(0.0, "people that the more crowded one must lead by, beyond the known difference", ge=0)


class Losses(Section):
    """The weighted sum that a counter minimises: each loss by a weight, or by a weight and its options; 0 is off."""

    pixel: Weight | Pixel = setting(1.0, "squared differences of density maps, scaled by target_scale")
    ssim: Weight = setting(0.001, "SANet's local pattern consistency, 1 - SSIM")
    bayesian: Weight | Bayesian = setting(0.0, "Bayesian loss over head points")
    transport: Weight | Transport = setting(0.0, "optimal transport between heads and map")
    variation: Weight = setting(0.0, "total variation between heads and map")
    count: Weight = setting(0.0, "absolute error of the count, people")
    count_likelihood: Weight | CountLikelihood = setting(0.0, "Gaussian likelihood of uncertain counts")
    ranking: Weight | Ranking = setting(0.0, "order of ranked pairs; needs data.pairs")

    def chosen(self) -> dict[str, Any]:
        """Return the losses that are on, as :func:`throng.counting.losses.build_loss` takes them."""
        terms: dict[str, Any] = self.model_dump()
        return {name: term for name, term in terms.items() if (term["weight"] if isinstance(term, dict) else term) > 0}

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.chosen():
            raise ValueError("a counter needs at least one loss with a weight above 0")
        return self


class Trained(Section):
    """One counter: architecture, data, losses and schedule."""

    name: str = setting(
        "compact",
        "what this counter is called in tables and folders: small letters, digits, -",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
    )
    model: Model = setting(
        "compact", "architecture (docs/counters.md); compact and slim learn within minutes on a CPU, most want a GPU"
    )
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    in_channels: Literal[1, 3] = setting(3, "what it sees: 1 grey, 3 colour")
    options: dict[str, str | bool | int | float | dict[str, str | int | list[int]] | None] = setting(
        {}, "options of the architecture: init, last_activation, norm, order, mode, ... (docs/counters.md)"
    )
    weights: str | None = setting(
        None,
        "ImageNet weights of the backbone of csrnet, resnet50 and their GauNets: a state dict (.safetensors or .pth), "
        "absolute, below data_root, or hub:<name> of fetch_models; null: from scratch",
    )
    data: Data = setting(Data(), "what it learns from")
    detected_confidence: float = setting(
        0.3,
        "least confidence of a detected person who is learnt, or validated by: data.detected, validation",
        ge=0,
        le=1,
    )
    validation: Literal["val", "detected", "test"] = setting(
        "val",
        "what chooses the weights: the labels of split val; detected: the heads that stage detect found in split val, "
        "so that no label decides anything; the labels of split test only with seed_compat, as some published figures "
        "were made",
    )
    seed_compat: bool = setting(False, "allow choosing by the test split; every figure is then marked best on test")
    image_scale: float = setting(0.5, "every image is resized by this, in training and when counting", gt=0, le=4)
    crop: tuple[Pixels, Pixels] = setting((128, 192), "height and width of a training crop after resizing, pixels")
    mirror: bool = setting(True, "mirror half of the crops")
    scale_jitter: float = setting(
        0.0, "how far a crop's size is changed: 0.25 is by a factor between 1/1.25 and 1.25", ge=0, le=3
    )
    scale_range: tuple[Factor, Factor] | None = setting(
        None,
        "least and greatest factor that a crop's size is changed by, not by scale_jitter; [0.3, 1.0] only shrinks: "
        "near people teach what far ones look like; a window larger than the photograph repeats its edges",
    )
    jitter: float = setting(0.3, "how far a crop's brightness is changed: 0.3 is by 0.7 to 1.3", ge=0, lt=1)
    gamma: float = setting(0.0, "how far a crop's gamma is changed: 0.5 is from 1/1.5 to 1.5", ge=0, le=3)
    grey: float = setting(0.0, "share of the crops that turn grey", ge=0, le=1)
    sigma: Annotated[float, Field(gt=0)] | Literal["adaptive"] = setting(
        3.0, "width of a head in the density map, pixels after resizing, or adaptive"
    )
    losses: Losses = setting(Losses(), "what it minimises")
    target_scale: float | None = setting(
        None, "both maps are multiplied by this in the pixel loss; null: the architecture's own", gt=0
    )
    normalisation: Literal["architecture", "dataset"] = setting(
        "architecture",
        "mean and deviation that pixels are normalised by: the architecture's own, or those of the training pixels",
    )
    start_at_mean: bool = setting(True, "the first map holds the mean training count, rather than nobody")
    module_steps: int = setting(
        0,
        "steps in which each module alone is trained, one after another, before all are: SANet's four aggregation "
        "modules and its decoder, elsewhere the network's top-level parts; 0: all at once",
        ge=0,
    )
    batch_size: int = setting(8, "crops per step", ge=1)
    accumulate: int = setting(1, "batches whose mean gradient makes one step", ge=1)
    steps: int = setting(160, "optimiser steps", ge=1)
    optimizer: Literal["adam", "adamw"] = setting("adamw", "optimiser")
    learning_rate: float = setting(0.002, "peak learning rate", gt=0)
    weight_decay: float = setting(0.01, "weight decay", ge=0)
    schedule: Literal["constant", "cosine"] = setting("cosine", "learning rate over the steps")
    warmup_steps: int = setting(20, "steps of linear warm-up", ge=0)
    clip_norm: float = setting(1.0, "largest norm of the gradient", gt=0)
    ema_decay: float = setting(0.95, "decay of the weights' moving average; 0 is off", ge=0, lt=1)
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "arithmetic; fp16 needs a GPU")
    channels_last: bool = setting(False, "memory layout; faster for some networks on some devices")
    val_every: int = setting(40, "steps between validations; the best one's weights are kept", ge=1)
    val_scheme: Literal["whole", "patches"] = setting("whole", "how a validation image is counted")
    log_every: int = setting(20, "steps between rows of the history", ge=1)
    collapse_steps: int = setting(
        100, "the run fails when its map stays constant or empty for so many steps; 0: never", ge=0
    )
    nodes: int = setting(1, "nodes of one Slurm job that share a step, each with so many processes", ge=1, le=64)
    processes: int = setting(1, "processes that share a step, one per GPU; each adds batch_size crops", ge=1, le=64)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
    cache_gigabytes: float = runtime(4.0, "memory for decoded images, gigabytes", ge=0)
    checkpoint_seconds: float = runtime(60.0, "seconds between checkpoints, from which a killed run goes on", gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.validation == "test" and not self.seed_compat:
            raise ValueError(
                "validation: test would choose the weights by the images that measure them; use val, or say "
                "seed_compat: true to repeat a published protocol, and every figure will be marked best on test"
            )
        if "weights" in self.options:
            raise ValueError("options.weights: name the backbone's file by the key weights, beside options")
        if bool(self.data.pairs) != ("ranking" in self.losses.chosen()):
            raise ValueError("data.pairs and losses.ranking need each other: set both, or neither")
        if self.weights is not None and self.model not in WITH_BACKBONE:
            raise ValueError(
                f"weights: {self.model} has no ImageNet backbone; leave it null, "
                f"or choose {', '.join(sorted(WITH_BACKBONE))}"
            )
        if self.normalisation == "dataset" and self.model in WITH_BACKBONE:
            raise ValueError(f"normalisation: {self.model} has an ImageNet backbone, which wants the architecture's")
        return self

    @property
    def labels(self) -> Literal["annotated", "detected"]:
        """Tell whether a human label is learnt, or chooses the weights; detected: none."""
        return "annotated" if self.data.images or self.validation != "detected" else "detected"

    @model_validator(mode="after")
    def _scaled(self) -> Self:
        if self.scale_range is not None:
            if self.scale_jitter:
                raise ValueError("scale_range takes the place of scale_jitter: set scale_jitter to 0")
            if self.scale_range[0] > self.scale_range[1]:
                raise ValueError(f"scale_range: the least factor comes first, got {list(self.scale_range)}")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.module_steps >= self.steps:
            raise ValueError(f"module_steps: {self.module_steps} for each module do not fit into {self.steps} steps")
        if 0 < self.collapse_steps < self.log_every:
            raise ValueError(
                f"collapse_steps: {self.collapse_steps} cannot be kept with log_every: {self.log_every}, for only "
                f"logged steps are looked at; log more often, or set collapse_steps: 0"
            )
        check_device(self.device, self.precision, self.nodes * self.processes)
        return self


class TrainCounter(Section):
    """The counters that are trained: head points are the labels, density maps are made on the device while training."""

    counters: Annotated[list[Trained], AfterValidator(named_apart)] = setting(
        [Trained()], "the counters; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Trained:
        """Return the counter of one job, all that the job depends on."""
        (counter,) = [counter for counter in self.counters if counter.name == wildcards["counter"]]
        return counter


def chosen_modules(section: Trained) -> tuple[str, ...]:
    """Return the module of the chosen architecture, the only one whose edits rerun its jobs."""
    return (MODULES[section.model],)
