"""Detectors by name and their settings: shared by every section that looks for people."""

from typing import Annotated, Literal

from pydantic import Field

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


class Slices(Section):
    """Looking at overlapping tiles of a photograph, for people too small in the whole of it."""

    tile: int = setting(
        320, "side of a square tile, pixels of the photograph; half of imgsz shows people at twice their size", ge=32
    )
    overlap: float = setting(
        0.2, "least share of its side that a tile has in common with the next; wider than most people", ge=0, le=0.9
    )
    whole: bool = setting(True, "look at the whole photograph too, which finds people larger than the overlap")
    iou: float = setting(0.5, "overlap above which the boxes of two looks are one person", gt=0, lt=1)
    contained: float = setting(
        0.7, "share of a box cut by a tile's edge that must lie in a larger box for it to be a piece of it", gt=0, le=1
    )


class Ultralytics(Section):
    """An ultralytics detection or segmentation model (AGPL-3.0): .pt, .onnx or an OpenVINO folder."""

    backend: Literal["ultralytics"] = "ultralytics"
    model: str | None = runtime(
        None,
        "a .pt, an .onnx, a folder *_openvino_model, hub:<name> of fetch_models, or trained: what train_detector made; "
        "null: the one shipped with throng, which knows rendered people only; its sha256 is recorded",
    )
    trusted: str | None = runtime(
        None,
        "sha256 of a .pt that may be loaded though it is a pickle, which may run code; null: no .pt is",
        pattern=r"^[0-9a-f]{64}$",
    )
    task: Literal["detect", "segment"] = setting("detect", "what the model does; segment keeps instance masks")
    classes: list[Annotated[str, Field(min_length=1)]] = setting(
        ["person"], "names of the model's classes that are people; all of them count as one kind", min_length=1
    )
    confidence: float = setting(0.3, "lowest confidence kept; low on purpose, a missed person costs more", gt=0, lt=1)
    iou: float = setting(0.7, "overlap above which the less confident of two boxes is dropped", gt=0, lt=1)
    imgsz: int = setting(
        640, "longer side that the network sees, pixels; a fixed export must have been made for it", ge=32
    )
    enlarge: float | None = setting(
        4.0, "most that a photograph, or a tile, smaller than imgsz is enlarged; null: always to imgsz", ge=1
    )
    slices: Slices | None = setting(None, "null: one look at the whole photograph; else tiles of it, for dense crowds")
    max_det: int = setting(3000, "most people per image; an image that reaches it is rejected, not cut short", ge=3000)
    precision: Literal["native", "float32", "float16"] = setting(
        "native",
        "native: a .pt in float32, an export as it was made, OpenVINO in bf16 where the processor can; float32: "
        "OpenVINO the same everywhere; float16: a .pt on a GPU",
    )
    batch: int = setting(
        8,
        "images of one size, or tiles, per forward pass; a setting, because rounding and quantisation depend on it",
        ge=1,
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
