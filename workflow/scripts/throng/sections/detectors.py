"""Detectors by name and their settings: shared by every section that looks for people."""

from typing import Literal

from throng.sections.base import Section, runtime, setting

MODULES = {
    "annotations": "throng.detectors.annotations",
    "ultralytics": "throng.detectors.ultralytics",
}


class Annotations(Section):
    """The boxes that came with the source; images without boxes get a box estimated around each head point."""

    backend: Literal["annotations"] = "annotations"
    box: Literal["visible", "full"] = setting("visible", "which annotated box stands for a person")
    head_to_body: float = setting(
        9.0,
        "for sources with head points only: person height over the least distance between two heads at the same depth",
        gt=1,
    )


class Ultralytics(Section):
    """An ultralytics detection or segmentation model (AGPL-3.0): .pt, .onnx or an OpenVINO folder."""

    backend: Literal["ultralytics"] = "ultralytics"
    model: str = runtime(
        ..., "a .pt, an .onnx, a folder *_openvino_model, or hub:<name> of fetch_models; its sha256 is recorded"
    )
    task: Literal["detect", "segment"] = setting("detect", "what the model does; segment keeps instance masks")
    confidence: float = setting(0.3, "lowest confidence kept", gt=0, lt=1)
    iou: float = setting(0.7, "overlap above which the less confident of two boxes is dropped", gt=0, lt=1)
    imgsz: int = setting(
        640, "longer side that the network sees, pixels; a fixed export must have been made for it", ge=32
    )
    max_det: int = setting(3000, "most people per image; an image that reaches it is rejected, not cut short", ge=3000)
    batch: int = setting(
        8, "images of one size per forward pass; a setting, because rounding and quantisation depend on it", ge=1
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
