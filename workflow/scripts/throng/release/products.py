"""What is released: the columns of each product, and its samples with or without the right to show their pixels."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from throng.manifest import column

TRAIN = "train"
SPLITS = (TRAIN, "val", "test")
Medium = Literal["photograph", "edit", "composite", "rendered", "synthesised", "drawn"]


@dataclasses.dataclass(frozen=True)
class Product:
    """A kind of sample: image columns, each with its member name in a tar and the column of its sha256, and others."""

    name: str
    images: Mapping[str, str]
    hashes: Mapping[str, str]
    fields: pa.Schema
    order: str

    @property
    def recipes(self) -> str:
        """Name of the configuration that holds the samples whose pixels must stay behind."""
        return f"{self.name}_recipes"


class Area(NamedTuple):
    """A part of an image, pixels."""

    x: float
    y: float
    w: float
    h: float


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """Where an image's bytes are, the sha256 they have there, what made the image, and the heads to blur in it."""

    source: str
    path: str
    sha256: str
    medium: Medium
    backend: str = ""
    areas: tuple[Area, ...] = ()

    @property
    def extension(self) -> str:
        """The released file's extension, lower case, ``jpg`` for every spelling of it; what is blurred is a PNG."""
        if self.areas:
            return "png"
        suffix = self.path.rpartition(".")[2].lower()
        return "jpg" if suffix in ("jpg", "jpeg", "jpe") else suffix


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its columns without pixels, where its pixels are, whether they may be passed on, whose they are.

    ``parents`` are the ids of the photographs that it shows or comes from.
    """

    id: str
    split: str
    fields: dict[str, Any]
    pictures: dict[str, Picture]
    redistributable: bool
    parents: tuple[str, ...]


# datasets reads list<struct> columns back only where nothing inside is marked non-null.
POINTS = pa.list_(pa.struct([pa.field("x", pa.float64()), pa.field("y", pa.float64())]))
BOXES = pa.list_(pa.struct([pa.field(name, pa.float64()) for name in "xywh"]))
CROP = pa.struct([pa.field(name, pa.int32()) for name in ("x", "y", "w", "h")])
# of synthesised images by the backend of their maker; what a model was prompted for is synthesised
MEDIA: dict[str, Medium] = {"composite": "composite", "rendered": "rendered"}
PEOPLE = "indices in the photograph's row of table detections"


def _columns(*columns: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema([column(name, kind, meaning, nullable=True) for name, kind, meaning in columns])


RANKED_PAIRS = Product(
    "ranked_pairs",
    {"image_more": "more", "image_fewer": "fewer"},
    {"image_more": "more_sha256", "image_fewer": "fewer_sha256"},
    _columns(
        ("id", pa.string(), "id of the pair: hash of both members' ids and windows"),
        ("kind", pa.string(), "what was paired: real-edited, edited-edited, sham-equal, nested-crop, ..."),
        (
            "relation",
            pa.string(),
            "more: image_more shows more people; at-least: as many or more; equal: as many, in no particular order",
        ),
        ("delta", pa.int32(), "people in image_more that image_fewer lacks; null when only the order is known"),
        ("removed", pa.list_(pa.int32()), f"those people: {PEOPLE}"),
        ("weight", pa.float32(), "weight in training, 0..1"),
        ("split", pa.string(), "train, val or test"),
        ("scene", pa.string(), "scene group; a scene is in one split only"),
        ("width", pa.int32(), "width of both images, pixels"),
        ("height", pa.int32(), "height of both images, pixels"),
        ("more_id", pa.string(), "id of image_more: its photograph or its edit"),
        ("more_sha256", pa.string(), "sha256 of image_more's file as released, hex"),
        ("more_crop", CROP, "window of image_more that is meant, pixels; null: all of it"),
        ("more_removed", pa.list_(pa.int32()), f"people removed from the photograph in image_more: {PEOPLE}"),
        ("fewer_id", pa.string(), "id of image_fewer"),
        ("fewer_sha256", pa.string(), "sha256 of image_fewer's file as released, hex"),
        ("fewer_crop", CROP, "window of image_fewer that is meant, pixels; null: all of it"),
        ("fewer_removed", pa.list_(pa.int32()), f"people removed from the photograph in image_fewer: {PEOPLE}"),
        ("parent_id", pa.string(), "id of the photograph that both images show"),
        ("parent_source", pa.string(), "source of the photograph"),
        ("parent_path", pa.string(), "path of the photograph in its source"),
        ("parent_sha256", pa.string(), "sha256 of the photograph's file in its source, hex"),
        ("licence", pa.string(), "licence of the photograph"),
        ("detector", pa.string(), "backend that found the people"),
        ("remover", pa.string(), "backends that made the edits; empty when neither image is one"),
    ),
    order="parent_id",
)

FIXED_COUNT = Product(
    "fixed_count",
    {"image": ""},
    {"image": "sha256"},
    _columns(
        ("id", pa.string(), "id of the image: hash of its prompt and maker"),
        ("requested", pa.int32(), "requested number of people; null where a density was requested"),
        ("density", pa.string(), "requested density: none, sparse or dense; empty where a count was requested"),
        ("count", pa.float32(), "people in the image: exact where count_exact, else calibrated from all that is known"),
        ("count_std", pa.float32(), "standard deviation of the count, people; 0 where exact"),
        ("count_exact", pa.bool_(), "whether the count is known from how the image was made"),
        ("count_detected", pa.int32(), "people that a detector sees; null without one"),
        ("count_predicted", pa.float32(), "people that a trained counter sees; null without one"),
        ("weight", pa.float32(), "weight in training, 0 to 1: how sure the count is"),
        ("points", POINTS, "head points, 0-based pixels, origin at the top-left pixel's centre; null when unknown"),
        ("boxes", BOXES, "visible boxes, pixels, in the points' order; null when unknown"),
        (
            "masks",
            pa.list_(pa.string()),
            "COCO run-length strings of visible pixels, in the points' order; null when unknown",
        ),
        ("density_class", pa.int32(), "density class, 0 the emptiest; null when unlabelled"),
        ("density_class_name", pa.string(), "name of the density class; null when unlabelled"),
        ("density_score", pa.float64(), "the labelling method's score; null when unlabelled"),
        ("density_method", pa.string(), "labelling method and its mode; null when unlabelled"),
        ("prompt", pa.string(), "the prompt"),
        ("negative_prompt", pa.string(), "what a prompted model is kept from drawing; empty: nothing"),
        ("template", pa.string(), "name of the prompt's template"),
        ("viewpoint", pa.string(), "viewpoint in the prompt; empty when it has none"),
        ("conditions", pa.string(), "time and weather in the prompt; empty when it has none"),
        ("wording", pa.string(), "how the prompt says the count: figures or words; empty when it does not"),
        ("repeat", pa.int32(), "which of the images of one text, from 0"),
        ("seed", pa.uint64(), "the image's own seed"),
        ("split", pa.string(), "train, val or test"),
        ("scene", pa.string(), "scene group: the background's"),
        ("width", pa.int32(), "width, pixels"),
        ("height", pa.int32(), "height, pixels"),
        ("sha256", pa.string(), "sha256 of the image's file as released, hex"),
        ("background_id", pa.string(), "id of the background's photograph; empty without one"),
        ("parents", pa.list_(pa.string()), "ids of all photographs whose pixels are in the image"),
        ("licence", pa.string(), "licence of the image, the strictest among its parents and its model"),
        ("maker", pa.string(), "maker of the image in section synthesize"),
        ("backend", pa.string(), "backend of the maker"),
        ("options", pa.string(), "the maker's options as JSON: model, steps, ...; empty when none"),
    ),
    order="id",
)

REQUESTED_DENSITY = Product(
    "requested_density",
    {"image": ""},
    {"image": "sha256"},
    _columns(
        ("id", pa.string(), "id of the image: hash of generator, label, seed and truncation"),
        ("label_kind", pa.string(), "what was asked for: class, score, vector, or none"),
        ("label", pa.list_(pa.float64()), "requested label: a class's number, a score, a vector, or nothing"),
        ("label_name", pa.string(), "the class's name, or the label as text; empty where none is asked for"),
        ("generator", pa.string(), "sha256 of the generator's file, hex"),
        ("gan", pa.string(), "name of the generator in section train_gan"),
        ("run", pa.string(), "which of its trainings"),
        ("seed", pa.uint64(), "the image's own seed: with generator, label and truncation it makes the image again"),
        ("seed_index", pa.int32(), "which of the images of its label, from 0"),
        ("truncation", pa.float64(), "psi: 1 draws as trained, less keeps closer to the mean image"),
        ("split", pa.string(), "train: what a generator draws is never measured on"),
        ("scene", pa.string(), "images of one generator and one seed, which the label alone tells apart"),
        (
            "learnt_from",
            pa.list_(pa.string()),
            "splits that the generator's training images were of, as far as its file says",
        ),
        ("width", pa.int32(), "width, pixels"),
        ("height", pa.int32(), "height, pixels"),
        ("sha256", pa.string(), "sha256 of the image's file as released, hex"),
        ("licence", pa.string(), "terms of the image: the training images', or those of who allowed more"),
        ("permission", pa.string(), "who allowed passing it on though a training image's terms do not, or empty"),
        ("sampler", pa.string(), "sampler of the image in section sample_gan"),
        ("backend", pa.string(), "the generator's architecture"),
        ("config_hash", pa.string(), "hash of the configuration that the generator was trained with"),
    ),
    order="id",
)

DENSITY_LABELLED = Product(
    "density_labelled",
    {"image": ""},
    {"image": "sha256"},
    _columns(
        ("id", pa.string(), "id of the image in its table"),
        ("table", pa.string(), "table that holds the image: images or synthetic"),
        ("medium", pa.string(), "how the image came to be: photograph, rendered, composite or synthesised"),
        ("count", pa.float64(), "people in the window, calibrated where not exactly known; null when nobody knows"),
        ("points", POINTS, "head points in the whole image, 0-based pixels; null when unknown"),
        ("window", CROP, "the part of the image that is labelled, pixels"),
        ("density_class", pa.int32(), "density class, 0 the emptiest"),
        ("density_class_name", pa.string(), "name of the density class"),
        ("density_score", pa.float64(), "the labelling method's score"),
        ("density_method", pa.string(), "labelling method and its mode"),
        ("people_per_m2", pa.float64(), "people per square metre of ground; null where the ground is not known"),
        ("people_per_m2_low", pa.float64(), "lower end of its interval of 95 %"),
        ("people_per_m2_high", pa.float64(), "upper end of its interval of 95 %"),
        ("people_per_m2_p95", pa.float64(), "density that 95 % of the ground stays below, people per square metre"),
        ("area_m2", pa.float64(), "ground in the window, square metres"),
        ("level_of_service", pa.string(), "Fruin's level of service, A to F; null where the ground is not known"),
        ("hazard", pa.string(), "what the density means for people in it; null where the ground is not known"),
        ("scale", pa.string(), "what told how tall the people appear; empty where nothing did"),
        ("split", pa.string(), "train, val or test"),
        ("scene", pa.string(), "scene group; a scene is in one split only"),
        ("width", pa.int32(), "width, pixels"),
        ("height", pa.int32(), "height, pixels"),
        ("sha256", pa.string(), "sha256 of the image's file as released, hex"),
        ("source", pa.string(), "source of a photograph; empty for a made image"),
        ("path", pa.string(), "path of a photograph in its source; empty for a made image"),
        ("source_sha256", pa.string(), "sha256 of the photograph's file in its source, hex; empty for a made image"),
        ("maker", pa.string(), "maker of the image in section synthesize; empty for a photograph"),
        ("backend", pa.string(), "backend of the maker; empty for a photograph"),
        ("parents", pa.list_(pa.string()), "ids of all photographs whose pixels are in the image, its own included"),
        ("licence", pa.string(), "licence of the image"),
    ),
    order="id",
)
# columns that tell what a source's annotations say, which a recipe of a closed photograph must not repeat
ANNOTATED = tuple(
    name
    for name in DENSITY_LABELLED.fields.names
    if name in ("count", "points", "area_m2", "level_of_service", "hazard", "scale")
    or name.startswith(("density_", "people_"))
)

PRODUCTS = {product.name: product for product in (RANKED_PAIRS, FIXED_COUNT, DENSITY_LABELLED, REQUESTED_DENSITY)}
