"""Section ``count_synthetic``: how many people are seen in every synthesised image, and what it looks like."""

from typing import Annotated, Literal

from pydantic import Field

from throng.sections import detectors
from throng.sections.base import Section, runtime, setting

FEATURES = {
    "descriptor": "throng.calibration.descriptor",
    "transformers": "throng.calibration.embedding",
}


class Counter(Section):
    """A counter that an earlier run trained."""

    weights: str = runtime(
        ..., "counter.safetensors of train_counter, absolute or below data_root; its sha256 is recorded"
    )
    scheme: Literal["whole", "patches"] = setting(
        "whole", "whole image, or 3x3 overlapping half-size patches, the nearest centre owning a pixel"
    )


class Descriptor(Section):
    """Gradient orientations and colours, pooled over cells at several scales: no model, the same on every machine."""

    backend: Literal["descriptor"] = "descriptor"
    side: int = setting(128, "side that an image is resized to, pixels; each scale halves it", ge=32, le=1024)
    orientations: int = setting(8, "bins of the gradient's orientation, a half turn in all", ge=2, le=36)
    cells: int = setting(4, "cells along a side at the finest scale; each scale halves it, down to 1", ge=1, le=16)


class Transformers(Section):
    """An image encoder of the transformers library in a folder, as CLIP, SigLIP or DINOv2."""

    backend: Literal["transformers"] = "transformers"
    model: str = runtime(..., "folder with config.json, or hub:<name> of fetch_models; its sha256 is recorded")
    pooling: Literal["model", "mean"] = setting(
        "model", "model: its own summary of the image (projection, pooler or first token); mean: of all tokens"
    )


Looks = Annotated[detectors.Annotations | detectors.Ultralytics, Field(discriminator="backend")]
Features = Annotated[Descriptor | Transformers, Field(discriminator="backend")]


class CountSynthetic(Section):
    """Counts every synthesised image with a detector and a trained counter, and labelled photographs beside them."""

    detector: Looks | None = setting(
        detectors.Ultralytics(), "who counts people one by one; null: nobody, requested counts are all that is known"
    )
    counter: Counter | None = setting(None, "a trained counter that counts too; null: none")
    reference: int = setting(
        64,
        "labelled training photographs, chosen by hash, that are counted in the same way: they show how detector and "
        "counter err; 0: none",
        ge=0,
    )
    features: Features = setting(Descriptor(), "what an image looks like, for prototypes and near-duplicates")
    batch: int = setting(16, "images that are read at once when the detector names no number of its own", ge=1)
    device: str = runtime("cpu", "torch device of the counter and of the features: cpu, cuda, cuda:0, ...")


def chosen_modules(section: CountSynthetic) -> tuple[str, ...]:
    """Return the modules of the chosen backends, the only ones whose edits rerun the stage."""
    looks = (detectors.MODULES[section.detector.backend],) if section.detector else ()
    return (*looks, FEATURES[section.features.backend])
