"""Section ``remove``: taking people out of photographs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, setting

MODULES = {"opencv": "throng.removers.opencv"}


class _Chains(Section):
    """What every backend shares: who is removed, and the mask that the backend fills."""

    chunks: int = setting(2, "jobs that the images are divided into", ge=1, le=1000)
    splits: list[Literal["train", "val", "test"]] = setting(
        ["train", "val", "test"],
        "splits whose photographs are edited; the others are kept as rejected rows",
        min_length=1,
    )
    kept: list[Annotated[float, Field(ge=0, lt=1)]] = setting(
        [0.75, 0.5, 0.25, 0.0], "shares of the people that stay, falling: one edited image each, nested", min_length=1
    )
    overlap: float = setting(
        0.3,
        "nobody is half-removed: whoever would lose more than this share of the box goes too, or others are chosen",
        gt=0,
        le=1,
    )
    dilation_px: float = setting(8.0, "least growth of a mask, pixels", ge=0)
    dilation_share: float = setting(0.08, "growth of a mask as a share of the box height", ge=0, le=1)
    shadow_share: float = setting(
        0.15, "margin below and beside the feet for the cast shadow, share of the box height", ge=0, le=1
    )
    max_masked: float = setting(0.6, "an edit whose mask covers more of the image than this is rejected", gt=0, le=1)

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if sorted(set(self.kept), reverse=True) != self.kept:
            raise ValueError(f"kept must fall: {self.kept}")
        return self


class OpenCV(_Chains):
    """OpenCV's diffusion-based inpainting: offline, fast, plain."""

    backend: Literal["opencv"] = "opencv"
    method: Literal["telea", "navier-stokes"] = setting("telea", "inpainting method")
    radius: float = setting(3.0, "neighbourhood of an inpainted pixel, pixels", gt=0, le=100)


Remove = OpenCV


def chosen_modules(section: Remove) -> tuple[str, ...]:
    """Return the module of the chosen backend, the only one whose edits rerun the stage."""
    return (MODULES[section.backend],)
