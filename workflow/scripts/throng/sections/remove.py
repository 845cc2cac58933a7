"""Section ``remove``: taking people out of photographs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting
from throng.sections.detectors import MODULES as DETECTORS
from throng.sections.detectors import Ultralytics
from throng.sections.pipelines import Inpainting, Rendering

MODULES = {
    "opencv": "throng.removers.opencv",
    "lama": "throng.removers.lama",
    "diffusers-inpaint": "throng.removers.diffusers_inpaint",
    "diffusers-img2img": "throng.removers.diffusers_img2img",
}


class Check(Section):
    """Looking at every edit with detectors: whoever is still seen, or seen anew, fails it."""

    detectors: list[Ultralytics] = setting(
        ..., "one detector, or two of which either may find a fault", min_length=1, max_length=2
    )
    residual_overlap: float = setting(
        0.3,
        "a person counts as still there when seen with more than this overlap (of the smaller box) with a removed one",
        gt=0,
        lt=1,
    )
    match_iou: float = setting(
        0.5, "intersection over union from which two boxes show the same person, before and after an edit", gt=0, lt=1
    )
    touched: float = setting(
        0.3,
        "a person seen anew, or no longer, counts only where at least this share of the box was painted over",
        gt=0,
        le=1,
    )
    max_hallucinated: int = setting(0, "people seen anew that an edit is forgiven", ge=0)


class Edits(Section):
    """What every backend shares."""

    chunks: int = setting(2, "jobs that the images are divided into", ge=1, le=100_000)
    splits: list[Literal["train", "val", "test"]] = setting(
        ["train", "val", "test"],
        "splits whose photographs are edited; the others are kept as rejected rows",
        min_length=1,
    )
    check: Check | None = setting(None, "looking at every edit with detectors; null: edits are not checked")


class Chains(Edits):
    """What every backend that fills masks shares: who is removed, the mask, the blending, the controls."""

    kept: list[Annotated[float, Field(ge=0, lt=1)]] = setting(
        [0.75, 0.5, 0.25, 0.0], "shares of the people that stay, falling: one edited image each, nested", min_length=1
    )
    confidence: float = setting(
        0.0, "people found with less confidence are not removed; shams keep off them all the same", ge=0, lt=1
    )
    overlap: float = setting(
        0.3,
        "nobody is half-removed: whoever would lose more than this share of the box (of the instance masks, where both "
        "have one) goes too, or others are chosen",
        gt=0,
        le=1,
    )
    dilation_px: float = setting(8.0, "least growth of a mask, pixels", ge=0)
    dilation_share: float = setting(0.08, "growth of a mask as a share of the box height", ge=0, le=1)
    shadow_share: float = setting(
        0.15, "margin below and beside the feet for the cast shadow, share of the box height", ge=0, le=1
    )
    feather_px: float = setting(
        4.0, "width of the blend into the photograph at a mask's outer edge, never across a removed body", ge=0, le=100
    )
    max_masked: float = setting(0.6, "an edit whose mask covers more of the image than this is rejected", gt=0, le=1)
    shams: int = setting(
        4, "levels, from the first, with a sham: the same areas painted where nobody stands, the count unchanged", ge=0
    )
    shams_avoid: Literal["detected", "annotated"] = setting(
        "annotated", "where somebody stands: where one was detected, or also where the source's labels have one, if any"
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if sorted(set(self.kept), reverse=True) != self.kept:
            raise ValueError(f"kept must fall: {self.kept}")
        return self


class Variants(Edits):
    """What every backend that renders whole images again shares: no mask, no exact difference."""

    reduced: int = setting(4, "variants with fewer people per photograph", ge=0)
    enlarged: int = setting(0, "variants with more people per photograph", ge=0)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.reduced and not self.enlarged:
            raise ValueError("reduced and enlarged are both 0, so there is nothing to make")
        return self


class OpenCV(Chains):
    """OpenCV's diffusion-based inpainting: offline, fast, plain."""

    backend: Literal["opencv"] = "opencv"
    method: Literal["telea", "navier-stokes"] = setting("telea", "inpainting method")
    radius: float = setting(3.0, "neighbourhood of an inpainted pixel, pixels", gt=0, le=100)


class Lama(Chains):
    """A LaMa-style inpainting network from an ONNX file of yours, by ONNX Runtime."""

    backend: Literal["lama"] = "lama"
    model: str = runtime(..., "an .onnx file, or hub:<name> of fetch_models; its sha256 is recorded")
    image_input: str = setting("image", "name of the model's input (1, 3, H, W) that takes the image, RGB")
    mask_input: str = setting("mask", "name of the model's input (1, 1, H, W) that takes the mask")
    output: str = setting("output", "name of the model's output (1, 3, H, W)")
    fill: Literal[1, 0] = setting(1, "what the mask says of a pixel to fill: 1, or 0")
    input_max: Literal[1, 255] = setting(1, "white, in the image that the model takes")
    output_max: Literal[1, 255] = setting(255, "white, in the image that the model gives")
    size: int | None = setting(
        512, "side of the square that the model takes, pixels; null: it takes any size that is a multiple", ge=8
    )
    multiple: int = setting(8, "what both sides must be a multiple of where size is null", ge=1, le=512)
    context: int = setting(64, "photograph around each area that the model sees, pixels", ge=1)
    threads: int = runtime(1, "threads of ONNX Runtime per photograph", ge=1)
    device: Literal["cpu", "cuda"] = runtime("cpu", "cuda needs the library onnxruntime-gpu")


class DiffusersInpaint(Inpainting, Chains):
    """A latent diffusion pipeline that fills the masks: Stable Diffusion 1.5, 2, XL and 3, FLUX Fill, and the like."""

    backend: Literal["diffusers-inpaint"] = "diffusers-inpaint"


class DiffusersImg2Img(Rendering, Variants):
    """A latent diffusion pipeline that renders whole photographs again: SYRAC's fewer people, AFreeCA's more."""

    backend: Literal["diffusers-img2img"] = "diffusers-img2img"
    reduced: int = setting(4, "variants with fewer people per photograph", ge=4, le=100)


Remove = Annotated[OpenCV | Lama | DiffusersInpaint | DiffusersImg2Img, Field(discriminator="backend")]


def chosen_modules(section: Remove) -> tuple[str, ...]:
    """Return the modules of the chosen backends, the only ones whose edits rerun the stage."""
    checking = () if section.check is None else {DETECTORS[one.backend] for one in section.check.detectors}
    return (MODULES[section.backend], *sorted(checking))
