"""Section ``detect``: finding the people in every image."""

from typing import Annotated

from pydantic import Field

from throng.sections import detectors
from throng.sections.base import Section, setting


class _Chunked(Section):
    chunks: int = setting(2, "jobs that the images are divided into", ge=1, le=100_000)


class Annotations(detectors.Annotations, _Chunked):
    """The boxes that came with the source; images without boxes get a box estimated around each head point."""


class Ultralytics(detectors.Ultralytics, _Chunked):
    """An ultralytics detection or segmentation model (AGPL-3.0): .pt, .onnx or an OpenVINO folder."""


Detect = Annotated[Annotations | Ultralytics, Field(discriminator="backend")]


def chosen_modules(section: Detect) -> tuple[str, ...]:
    """Return the module of the chosen backend, the only one whose edits rerun the stage."""
    return (detectors.MODULES[section.backend],)
