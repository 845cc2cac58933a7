"""Table ``converted``: what every image became in a dataset for training GANs."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class ConvertedRow:
    """One image of a converted dataset, or why it is not there; see SCHEMA."""

    name: str
    id: str
    table: str
    source: str
    path: str
    split: str
    crop_x: int
    crop_y: int
    crop_w: int
    crop_h: int
    density_class: int | None
    class_name: str
    scores: list[float]
    sha256: str
    licence: str
    redistributable: bool
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("name", pa.string(), "name in the dataset, e.g. 00000/img00000000.png; empty when rejected"),
        column("id", pa.string(), "id of the image; empty when its file could not be read"),
        column("table", pa.string(), "table that holds the image: images or synthetic; files where no table does"),
        column("source", pa.string(), "name of the source; results for a synthetic image, empty without a table"),
        column("path", pa.string(), "path of the original below the source's root; may run through a .zip"),
        column("split", pa.string(), "train, val or test; empty without a table"),
        column("crop_x", pa.int32(), "left end of the part that is kept, pixels of the original as shown"),
        column("crop_y", pa.int32(), "top of the part that is kept, pixels of the original as shown"),
        column("crop_w", pa.int32(), "width of the part that is kept, pixels; 0 where it is not known"),
        column("crop_h", pa.int32(), "height of the part that is kept, pixels; 0 where it is not known"),
        column("density_class", pa.int32(), "class, 0 the emptiest; null without one", nullable=True),
        column("class_name", pa.string(), "name of the class; empty without one"),
        column("scores", pa.list_(pa.float64()), "label as numbers: the labeller's score; empty without any"),
        column("sha256", pa.string(), "sha256 of the written file, hex; empty when rejected"),
        column("licence", pa.string(), "licence of the pixels, SPDX id or the source's own words"),
        column("redistributable", pa.bool_(), "whether the terms allow passing the pixels on"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("converted", 1, SCHEMA, key=("table", "id", "path"), stage="convert_dataset")
