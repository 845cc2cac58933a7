"""Section ``label_density``: how crowded an image is."""

import itertools
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, runtime, setting

Method = Literal["threshold", "normalised", "euclidean", "grid", "grid-metres", "kde"]
Mode = Literal["fixed", "compat"]
Bands = Literal["fruin-walkway", "hcm-walkway", "hcm-queueing", "fruin-queueing"]
METRIC: tuple[Method, ...] = ("grid-metres", "kde")


class Labeller(Section):
    """One way to say how crowded an image is."""

    method: Method = setting(
        ...,
        "threshold: number of people; normalised: its rank among the training images; euclidean: nearness in body "
        "heights; grid: people per occupied cell; grid-metres and kde: people per square metre",
    )
    mode: Mode = setting("fixed", "compat: the labels of sg3-crowd-density, its faults included")
    thresholds: list[float] | Bands | None = setting(
        None,
        "scores at which a class ends, inclusive and rising, or a level-of-service scheme's bands (grid-metres and "
        "kde); null: the method's own, which make three classes",
    )
    classes: list[str] | None = setting(
        None, "names of the classes, emptiest first; null: low, medium and high, letters for a scheme, else numbers"
    )

    @property
    def name(self) -> str:
        """Return what distinguishes this labeller from all others."""
        return f"{self.method} {self.mode}"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.mode == "compat" and (self.thresholds is not None or self.classes is not None):
            raise ValueError(f"{self.name}: compat has the original's thresholds and its three classes")
        if isinstance(self.thresholds, str) and self.method not in METRIC:
            raise ValueError(f"{self.name}: {self.thresholds} holds for people per square metre: {', '.join(METRIC)}")
        if isinstance(self.thresholds, list) and (not self.thresholds or not _rises(self.thresholds)):
            raise ValueError(f"{self.name}: thresholds must rise: {self.thresholds}")
        ends = 5 if isinstance(self.thresholds, str) else len(self.thresholds or (1, 2))
        if self.classes is not None and len(self.classes) != ends + 1:
            raise ValueError(f"{self.name}: {ends} thresholds make {ends + 1} classes, {len(self.classes)} are named")
        return self


def _rises(values: list[float]) -> bool:
    return all(low < high for low, high in itertools.pairwise(values))


LABELLERS: list[dict[str, str]] = [
    {"method": method, "mode": mode}
    for mode in ("fixed", "compat")
    for method in ("threshold", "normalised", "euclidean", "grid", "grid-metres", "kde")
]


class LabelDensity(Section):
    """Labels every counted image with scores and classes, and with people per square metre where that can be told."""

    labellers: list[Labeller] = setting(
        [Labeller.model_validate(labeller) for labeller in LABELLERS],
        "the labellers; every image gets the score and the class of each",
        min_length=1,
    )
    label: str = setting("threshold fixed", "method and mode of the labeller whose class is the image's")
    crop: Literal["none", "center-crop", "center-crop-wide"] = setting(
        "none", "part of the image that is labelled, and that convert_dataset writes"
    )
    wide: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = setting(
        (16, 9), "aspect of center-crop-wide: width, height"
    )
    normalisation: str | None = runtime(
        None,
        "normalisation.json of another run, whose training images normalised ranks by; null: this run's",
    )
    stature_m: float = setting(1.685, "mean height of the people, metres", gt=0.5, lt=2.5)
    stature_std_m: float = setting(
        0.05, "how far the mean height of an image's people may be from that, standard deviation, metres", ge=0, lt=0.5
    )
    focal: float = setting(
        1.0, "focal length where a file's EXIF says nothing, in longer sides of the image", gt=0.2, lt=20
    )
    focal_spread: float = setting(
        0.2, "how far the focal length may be from that, standard deviation, as a share", ge=0, lt=1
    )
    camera: Literal["level", "tilted"] = setting(
        "level",
        "level: horizontal optical axis, as in rendered scenes or photographs cropped or taken with a shifted lens; "
        "tilted: the optical axis passes through the image's middle, as in uncropped photographs of cameras that look "
        "down",
    )
    service: Bands = setting("fruin-walkway", "level-of-service scheme of the table's letter")

    @model_validator(mode="after")
    def _known(self) -> Self:
        names = [labeller.name for labeller in self.labellers]
        if len(set(names)) != len(names):
            raise ValueError(f"a labeller is named twice: {sorted({n for n in names if names.count(n) > 1})}")
        if self.label not in names:
            raise ValueError(f"label {self.label!r} is none of the labellers: {', '.join(names)}")
        return self

    @property
    def chosen(self) -> Labeller:
        """Return the labeller whose class is the image's."""
        return next(labeller for labeller in self.labellers if labeller.name == self.label)
