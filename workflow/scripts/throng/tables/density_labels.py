"""Table ``density_labels``: how crowded each image is, by every labeller, and in people per square metre."""

import dataclasses
from typing import TypedDict

import pyarrow as pa

from throng.manifest import Table, column


class Label(TypedDict):
    """What one labeller says of an image."""

    method: str
    mode: str
    score: float | None
    largest: float | None
    overall: float | None
    density_class: int | None
    class_name: str
    flags: list[str]
    reason: str


class GroundDensity(TypedDict):
    """People on the ground: the camera's parameters and people per square metre, with intervals of 95 %."""

    horizon_px: float
    camera_height_m: float
    camera_height_low_m: float
    camera_height_high_m: float
    focal_px: float
    people_per_m2: float
    people_per_m2_low: float
    people_per_m2_high: float
    people_per_m2_p95: float
    area_m2: float
    level_of_service: str
    hazard: str


LABEL = pa.struct(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("largest", pa.float64()),
        pa.field("overall", pa.float64()),
        pa.field("density_class", pa.int32()),
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
GROUND = pa.struct(
    [
        *(
            pa.field(name, pa.float64(), nullable=False)
            for name in (
                "horizon_px",
                "camera_height_m",
                "camera_height_low_m",
                "camera_height_high_m",
                "focal_px",
                "people_per_m2",
                "people_per_m2_low",
                "people_per_m2_high",
                "people_per_m2_p95",
                "area_m2",
            )
        ),
        pa.field("level_of_service", pa.string(), nullable=False),
        pa.field("hazard", pa.string(), nullable=False),
    ]
)


@dataclasses.dataclass(frozen=True, slots=True)
class DensityLabelRow:
    """The density labels of one image; see SCHEMA."""

    id: str
    table: str
    crop_x: int
    crop_y: int
    crop_w: int
    crop_h: int
    count: float | None
    method: str
    mode: str
    score: float | None
    density_class: int | None
    class_name: str
    labels: list[Label]
    scale: str
    ground: GroundDensity | None
    ground_reason: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the image"),
        column("table", pa.string(), "table that holds the image: images or synthetic"),
        column("crop_x", pa.int32(), "left end of the part that is labelled, pixels"),
        column("crop_y", pa.int32(), "top of the part that is labelled, pixels"),
        column("crop_w", pa.int32(), "width of the part that is labelled, pixels"),
        column("crop_h", pa.int32(), "height of the part that is labelled, pixels"),
        column(
            "count",
            pa.float64(),
            "people in that part, calibrated where they are not exactly known; null when nobody knows",
            nullable=True,
        ),
        column("method", pa.string(), "labelling method of score and class"),
        column("mode", pa.string(), "its mode: fixed or compat"),
        column("score", pa.float64(), "the method's continuous score; null when rejected", nullable=True),
        column("density_class", pa.int32(), "class, 0 the emptiest; null when rejected", nullable=True),
        column("class_name", pa.string(), "name of the class; empty when rejected"),
        column("labels", pa.list_(LABEL), "what every labeller says, in the configuration's order"),
        column("scale", pa.string(), "what told how tall the people appear; empty where nothing did"),
        column("ground", GROUND, "people on the ground, intervals of 95 %; null where not determined", nullable=True),
        column("ground_reason", pa.string(), "why the ground was not determined; empty when it was"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("density_labels", 3, SCHEMA, key=("table", "id"), stage="label_density")
