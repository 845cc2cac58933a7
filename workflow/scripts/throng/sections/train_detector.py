"""Section ``train_detector``: a person detector trained on annotated boxes."""

from typing import Literal, Self

from pydantic import model_validator

from throng.sections.base import Section, runtime, setting
from throng.sections.detectors import MODULES


class TrainDetector(Section):
    """Trains or fine-tunes an ultralytics detector (AGPL-3.0) on the boxes of CrowdHuman-format sources."""

    architecture: str | None = setting(
        "yolo11n.yaml", "a detector that ultralytics defines, trained from scratch; null with base"
    )
    base: str | None = runtime(
        None, "weights to fine-tune, a .pt or hub:<name> of fetch_models; its sha256 is recorded; architecture is null"
    )
    trusted: str | None = runtime(
        None,
        "sha256 of base, which may be loaded though a pickle may run code; null with architecture",
        pattern=r"^[0-9a-f]{64}$",
    )
    depth: float | None = setting(None, "depth multiple of the architecture; null: its own", gt=0, le=2)
    width: float | None = setting(None, "width multiple of the architecture; null: its own", gt=0, le=2)
    sources: list[str] | None = setting(
        None, "sources learnt from, of those with boxes; null: all; train is learnt, val chooses, test is never read"
    )
    box: Literal["visible", "full", "head"] = setting("visible", "which annotated box is learnt, cut at the frame")
    ignored: Literal["fill", "leave"] = setting(
        "fill", "regions marked ignore are no labels: painted grey in training, or left in sight as background"
    )
    min_side: float = setting(3.0, "a box with a shorter side, pixels of the photograph, is ignored", ge=1)
    imgsz: int = setting(640, "longer side that the network sees, pixels, a multiple of 32", ge=32, multiple_of=32)
    epochs: int = setting(100, "times that every training image is seen", ge=1)
    batch: int = setting(16, "images per optimiser step", ge=1)
    optimizer: Literal["SGD", "MuSGD", "AdamW"] = setting("AdamW", "optimiser")
    learning_rate: float = setting(0.001, "peak learning rate", gt=0)
    final_rate: float = setting(0.01, "last learning rate as a share of the peak, reached by a cosine", gt=0, le=1)
    weight_decay: float = setting(0.0005, "weight decay", ge=0)
    warmup_epochs: float = setting(1.0, "epochs of linear warm-up", ge=0)
    mosaic: float = setting(1.0, "share of the samples that are mosaics of four images", ge=0, le=1)
    close_mosaic: int = setting(10, "last epochs without mosaics", ge=0)
    scale: float = setting(0.5, "how far samples are scaled: 0.5 is by 0.5 to 1.5", ge=0, lt=1)
    translate: float = setting(0.1, "how far samples are moved, share of the side", ge=0, le=1)
    degrees: float = setting(0.0, "how far samples are turned, degrees", ge=0, le=180)
    fliplr: float = setting(0.5, "share of the samples that are mirrored", ge=0, le=1)
    hue: float = setting(0.015, "how far the hue is shifted, share of the circle", ge=0, le=1)
    saturation: float = setting(0.7, "how far the saturation is changed: 0.7 is by 0.3 to 1.7", ge=0, le=1)
    value: float = setting(0.4, "how far the brightness is changed: 0.4 is by 0.6 to 1.4", ge=0, le=1)
    precision: Literal["fp32", "bf16"] = setting("fp32", "arithmetic of training; bf16 is for GPUs, slow on a CPU")
    dynamic: bool = setting(
        True, "the ONNX takes any size; false: only images of imgsz x imgsz, faster on some devices"
    )
    confidence: float = setting(0.3, "lowest confidence that the figures count", gt=0, lt=1)
    iou: float = setting(
        0.7, "overlap above which the less confident of two boxes is dropped, in the figures", gt=0, lt=1
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
    workers: int = runtime(4, "processes that make samples when training on a GPU", ge=0)
    cache_gigabytes: float = runtime(4.0, "memory for decoded images, gigabytes, per process", ge=0)

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.architecture is None) == (self.base is None):
            raise ValueError("give either architecture (from scratch) or base (weights to fine-tune), the other null")
        if self.base is not None and (self.depth is not None or self.width is not None):
            raise ValueError("depth and width are the base's own; set them with an architecture only")
        return self


def chosen_modules(section: TrainDetector) -> tuple[str, ...]:
    """Return the module of the backend that measures the trained model."""
    return (MODULES["ultralytics"],)
