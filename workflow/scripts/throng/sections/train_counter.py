"""Section ``train_counter``: a counter trained on head points."""

from typing import Literal

from throng.sections.base import Section, runtime, setting

MODULES = {
    "sanet-paper": "throng.counting.sanet",
    "sanet-author": "throng.counting.sanet",
    "sanet-keras": "throng.counting.sanet",
    "mcnn": "throng.counting.mcnn",
    "compact": "throng.counting.compact",
    "csrnet": "throng.counting.csrnet",
    "resnet50": "throng.counting.resnet",
    "gaunet-mcnn": "throng.counting.gaunet",
    "gaunet-csrnet": "throng.counting.gaunet",
    "gaunet-sanet": "throng.counting.gaunet",
    "gaunet-resnet50": "throng.counting.gaunet",
}
Model = Literal[
    "compact",
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


class TrainCounter(Section):
    """Trains a counter: head points are the labels, density maps are made on the device while training."""

    model: Model = setting("compact", "architecture; compact learns within minutes on a CPU, the others want a GPU")
    data: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"],
        "tables whose training rows are learnt from; validation is always on images",
        min_length=1,
    )
    image_scale: float = setting(0.5, "every image is resized by this, in training and when counting", gt=0, le=4)
    crop: tuple[int, int] = setting((128, 192), "height and width of a training crop after resizing, pixels")
    mirror: bool = setting(True, "mirror half of the crops")
    jitter: float = setting(0.3, "how far a crop's brightness is changed: 0.3 is by 0.7 to 1.3", ge=0, lt=1)
    sigma: float | Literal["adaptive"] = setting(
        3.0, "width of a head in the density map, pixels after resizing, or adaptive"
    )
    target_scale: float | None = setting(
        None, "both maps are multiplied by this in the loss; null: the architecture's own", gt=0
    )
    pattern_weight: float = setting(0.001, "weight of the local pattern (SSIM) term", ge=0)
    count_weight: float = setting(0.0, "weight of the crops' count error, in people", ge=0)
    batch_size: int = setting(8, "crops per step", ge=1)
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
        200, "the run fails when its map stays constant or empty for so many steps; 0: never", ge=0
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
    cache_gigabytes: float = runtime(4.0, "memory for decoded images, gigabytes", ge=0)
    checkpoint_seconds: float = runtime(60.0, "seconds between checkpoints, from which a killed run goes on", gt=0)


def chosen_modules(section: TrainCounter) -> tuple[str, ...]:
    """Return the module of the chosen architecture, the only one whose edits rerun the stage."""
    return (MODULES[section.model],)
