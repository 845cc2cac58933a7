"""Diffusion pipelines and their settings, in whichever section names one."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting

EMPTY = "an empty place, nobody around, ground and background continuing naturally"
NOBODY = "people, person, pedestrian, crowd, human, face, body, silhouette, statue, mannequin, shadow of a person"
CROWD = "a large dense crowd of people filling the whole place"

Scheduler = Literal[
    "ddim", "ddpm", "pndm", "euler", "euler-a", "heun", "dpm++2m", "dpm++2m-karras", "unipc", "lcm", "flow-euler"
]


class Pipeline(Section):
    """A diffusers pipeline in a folder, how it samples and how it is made fast."""

    model: str = runtime(
        ...,
        "folder of a diffusers pipeline (model_index.json), hub:<name> of fetch_models, throng:<folder> (shipped) "
        "or trained:<folder> of train_demo_diffusion; its sha256 is recorded",
    )
    variant: str | None = setting(None, "weight files of this variant, as fp16 in *.fp16.safetensors; null: the plain")
    steps: int = setting(25, "steps of the scheduler; 1-8 for LCM, Lightning and Turbo models", ge=1, le=1000)
    guidance: float = setting(
        7.5,
        "weight of the prompt; 1 or less runs the model once per step, not twice, and drops the negative prompt",
        ge=0,
    )
    scheduler: Scheduler | None = setting(None, "sampler; null: the model's own")
    scheduler_options: dict[str, bool | int | float | str] = setting(
        {}, "keys of the scheduler's own configuration to change, as timestep_spacing: trailing"
    )
    batch: int = setting(
        4,
        "renderings per forward pass, the last pass filled up; a setting, because rounding depends on it",
        ge=1,
        le=256,
    )
    dtype: Literal["float32", "bfloat16", "float16"] = setting("float32", "numbers the model computes with")
    safety_checker: bool = setting(True, "what the model's own safety checker flags is rejected")
    attention: Literal["auto", "math", "flash", "efficient", "cudnn"] = setting(
        "auto", "kernel of scaled dot-product attention; auto: the fastest that torch has for the shape"
    )
    channels_last: bool = setting(False, "lay images out channel by channel within each pixel, as tensor cores want")
    compile: bool = setting(False, "compile the denoiser and the decoder: minutes at first, then faster")
    reuse_interval: int = setting(
        1,
        "run the deep half of a UNet at every n-th step only and reuse its features between (DeepCache); 1: always",
        ge=1,
    )
    vae_slicing: bool = setting(False, "decode one rendering at a time: less memory, slower")
    vae_tiling: bool = setting(False, "decode in overlapping tiles: much less memory at large sizes, slower")
    cache_prompts: bool = runtime(True, "encode each prompt once, not once per batch")
    device: str = runtime("cpu", "torch device: cpu; cuda: of several, one that no other job here uses; cuda:0, ...")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.compile and self.reuse_interval > 1:
            raise ValueError("compile and reuse_interval > 1 exclude each other: a compiled model has no halves")
        return self


class Prompted(Pipeline):
    """A pipeline that draws into or over photographs, always asked for the same."""

    prompt: str = setting(EMPTY, "what the model is asked to draw where people were")
    negative_prompt: str | None = setting(
        NOBODY, "what it is kept from drawing; without effect at guidance <= 1; null: none"
    )
    strength: float = setting(1.0, "share of the noise that is added, and of the steps that are run", gt=0, le=1)
    size: int | None = setting(None, "side that the model renders at, pixels; null: the side it was trained at", ge=8)

    @model_validator(mode="after")
    def _runs(self) -> Self:
        _runs_a_step(self.steps, self.strength)
        return self


class Inpainting(Prompted):
    """A pipeline that fills masks, crop by crop."""

    context: float = setting(
        0.5, "surroundings shown to the model on each side, share of the longer side of what it fills", gt=0, le=4
    )
    upscale: float = setting(
        2.0, "largest enlargement of a crop: around a small person more surroundings are shown instead", ge=1, le=16
    )


class Rendering(Prompted):
    """A pipeline that renders whole photographs again: SYRAC's fewer people, AFreeCA's more."""

    strength: float = setting(0.7, "share of the noise that is added, and of the steps that are run", gt=0, le=1)
    shrink: float = setting(0.7, "side of the shrunk photograph inside an enlarged variant, as a share", gt=0, lt=1)
    crowd_prompt: str = setting(CROWD, "what the model is asked to draw around the shrunk photograph")
    crowd_negative_prompt: str | None = setting(None, "what it is kept from drawing there; null: nothing")


class Lora(Section):
    """Low-rank changes of a model's weights (Hu et al., LoRA, ICLR 2022)."""

    path: str = runtime(..., "a .safetensors file, or hub:<name> of fetch_models; its sha256 is recorded")
    weight: float = setting(1.0, "what its changes are multiplied by; negative: the other way")


class FromLayout(Section):
    """Image to image from a rendered crowd: the people's places, sizes and colours are a start to draw over."""

    kind: Literal["img2img"] = "img2img"
    strength: float = setting(
        0.7,
        "share of the noise that is added, and of the steps that are run: less keeps more of the layout",
        gt=0,
        le=1,
    )


class UnderControl(Section):
    """A ControlNet that heeds a map of a rendered crowd (Zhang et al., ICCV 2023)."""

    kind: Literal["controlnet"] = "controlnet"
    model: str = runtime(
        ...,
        "folder of a ControlNet (config.json) for this model, or hub:<name> of fetch_models; its sha256 is recorded",
    )
    variant: str | None = setting(None, "its weight files of this variant, as fp16; null: the plain ones")
    condition: Literal["canny", "depth", "segmentation", "picture"] = setting(
        "canny",
        "the map that it was trained on: Canny edges, inverse depth (near is white), classes in ADE20K's colours, "
        "or the rendered picture itself",
    )
    scale: float = setting(1.0, "how strongly it is heeded", gt=0, le=2)
    until: float = setting(1.0, "share of the steps, from the first, at which it is heeded", gt=0, le=1)


Layout = Annotated[FromLayout | UnderControl, Field(discriminator="kind")]


class Drawing(Pipeline):
    """A pipeline that draws images from text: each from a prompt of its own."""

    width: int | None = setting(None, "width of the images, pixels; null: the side that it was trained at", ge=8)
    height: int | None = setting(None, "height of the images, pixels; null: the side that it was trained at", ge=8)
    loras: list[Lora] = setting([], "LoRA weights put on the model, added up")
    layout: Layout | None = setting(
        None, "a rendered crowd of just as many people as asked for, for the model to follow; null: the prompt alone"
    )

    @model_validator(mode="after")
    def _starts(self) -> Self:
        if isinstance(self.layout, FromLayout):
            _runs_a_step(self.steps, self.layout.strength)
        return self


def _runs_a_step(steps: int, strength: float) -> None:
    if int(steps * strength) < 1:
        raise ValueError(f"steps x strength is {steps * strength:g}: less than one step would be run")
