"""Section ``render``: archives of rendered crowd scenes with exact truth."""

from typing import Literal, Self

from pydantic import model_validator

from throng.sections.base import Section, runtime, setting


class Render(Section):
    """Rendered scenes, written as genuine CrowdHuman and ShanghaiTech archives so that the real readers read them."""

    crowdhuman: int = setting(48, "images in the CrowdHuman archive", ge=12)
    shanghaitech: int = setting(96, "images in the ShanghaiTech archive", ge=12)
    frames_per_scene: int = setting(2, "images that share a camera and a background, with other people", ge=1)
    width: int = setting(512, "image width, pixels", ge=64, le=8192)
    height: int = setting(384, "image height, pixels", ge=64, le=8192)
    min_people: int = setting(1, "fewest people in a scene that is not empty", ge=0)
    max_people: int = setting(60, "most people in a scene", ge=0)
    crowd_of: Literal["scene", "frame"] = setting(
        "scene",
        "what has a size of crowd: a scene, and its frames are about as crowded; or every frame by itself, so that how "
        "crowded it is says nothing of the place",
    )
    folder: str = runtime("resources/rendered", "where the archives are written; sources name folders below it")

    @model_validator(mode="after")
    def _every_split(self) -> Self:
        for name, images, scenes in (("crowdhuman", self.crowdhuman, 3), ("shanghaitech", self.shanghaitech, 2)):
            fewest = (scenes - 1) * self.frames_per_scene + 1
            if images < fewest:
                raise ValueError(
                    f"{name}: {images} images of {self.frames_per_scene} frames per scene leave a split empty; it "
                    f"takes {scenes} scenes, {fewest} images"
                )
        return self
