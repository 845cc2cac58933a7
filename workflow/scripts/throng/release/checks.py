"""What must hold of every released row, whoever wrote it."""

import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Any

from throng.errors import ThrongError
from throng.ranking.crops import contains
from throng.ranking.kinds import RELATIONS
from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, PRODUCTS, RANKED_PAIRS, REQUESTED_DENSITY
from throng.tables.ranked_pairs import AT_LEAST, EQUAL, MORE, Crop

Row = Mapping[str, Any]
BOX_TOLERANCE = 1.0


def check_ranked_pair(row: Row, where: str) -> None:
    """Raise ThrongError unless relation, difference, removed people and windows agree with each other."""
    if RELATIONS.get(row["kind"]) != row["relation"]:
        raise ThrongError(f"{where}: relation is {row['relation']!r}, which is not that of kind {row['kind']!r}")
    if not 0 <= row["weight"] <= 1:
        raise ThrongError(f"{where}: weight is {row['weight']}, expected 0 to 1")
    _check_difference(row, where)
    _check_windows(row, where)


def _check_difference(row: Row, where: str) -> None:
    more, fewer, removed = (set(row[name]) for name in ("more_removed", "fewer_removed", "removed"))
    if row["delta"] is None:
        if removed or row["relation"] == EQUAL:
            raise ThrongError(f"{where}: delta is unknown, but its relation or its removed people say what it is")
        return
    if row["delta"] != len(row["removed"]) or (row["delta"] > 0) != (row["relation"] == MORE):
        raise ThrongError(
            f"{where}: delta is {row['delta']}, but {len(row['removed'])} removed people are listed and the relation "
            f"is {row['relation']!r}"
        )
    if not more <= fewer or fewer - more != removed:
        raise ThrongError(f"{where}: the removed people of its two images do not differ by column removed")


def _check_windows(row: Row, where: str) -> None:
    for side in ("more", "fewer"):
        crop = row[f"{side}_crop"]
        if crop is not None and (min(crop["w"], crop["h"]) < 1 or not contains(_frame(row), crop)):
            raise ThrongError(
                f"{where}: {side}_crop ({crop['x']}, {crop['y']}, {crop['w']}, {crop['h']}) is empty or outside its "
                f"frame of {row['width']}x{row['height']}"
            )
    outer, inner = (row[f"{side}_crop"] or _frame(row) for side in ("more", "fewer"))
    if row["more_id"] == row["fewer_id"] and (outer == inner or not contains(outer, inner)):
        raise ThrongError(f"{where}: both windows are of one image, but fewer_crop is not inside more_crop")
    if row["relation"] == AT_LEAST and row["more_id"] != row["fewer_id"]:
        raise ThrongError(f"{where}: its relation is {AT_LEAST!r}, but its windows are of two images")


def _frame(row: Row) -> Crop:
    return Crop(x=0, y=0, w=row["width"], h=row["height"])


def check_fixed_count(row: Row, where: str) -> None:
    """Raise ThrongError unless points, boxes and masks are as many as the count, and the first two inside the frame."""
    if row["count_exact"] != (row["count_std"] == 0):
        raise ThrongError(f"{where}: count_exact is {row['count_exact']}, but count_std {row['count_std']}")
    for name in ("points", "boxes", "masks"):
        if row[name] is not None and len(row[name]) != row["count"]:
            raise ThrongError(f"{where}: count is {row['count']:g}, but {len(row[name])} {name} are listed")
    _check_points(row, where)
    for box in row["boxes"] or []:
        inside = (
            min(box["x"], box["y"]) >= -BOX_TOLERANCE
            and min(box["w"], box["h"]) > 0
            and box["x"] + box["w"] <= row["width"] + BOX_TOLERANCE
            and box["y"] + box["h"] <= row["height"] + BOX_TOLERANCE
        )
        if not inside:
            raise ThrongError(
                f"{where}: box ({box['x']:g}, {box['y']:g}, {box['w']:g}, {box['h']:g}) is empty or outside its "
                f"frame of {row['width']}x{row['height']}"
            )


def _check_points(row: Row, where: str) -> None:
    right, bottom = row["width"] - 0.5, row["height"] - 0.5
    for point in row["points"] or []:
        if not (-0.5 <= point["x"] <= right and -0.5 <= point["y"] <= bottom):
            raise ThrongError(
                f"{where}: head point ({point['x']:g}, {point['y']:g}) is outside its frame of "
                f"{row['width']}x{row['height']}"
            )


def check_density_labelled(row: Row, where: str) -> None:
    """Raise ThrongError unless points and window are inside the frame and the densities are in order."""
    _check_points(row, where)
    window = row["window"]
    if min(window["w"], window["h"]) < 1 or not contains(_frame(row), window):
        raise ThrongError(
            f"{where}: window ({window['x']}, {window['y']}, {window['w']}, {window['h']}) is empty or outside its "
            f"frame of {row['width']}x{row['height']}"
        )
    low, value, high = (row[f"people_per_m2{end}"] for end in ("_low", "", "_high"))
    if value is not None and not low <= value <= high:
        raise ThrongError(f"{where}: {value:g} people per m2 are outside their interval of {low:g} to {high:g}")


LENGTHS = {"none": 0, "class": 1, "score": 1}


def check_requested_density(row: Row, where: str) -> None:
    """Raise ThrongError unless the label is of its kind, and the image one to learn from alone."""
    kind, label = row["label_kind"], row["label"]
    if kind not in (*LENGTHS, "vector") or len(label) != LENGTHS.get(kind, len(label)):
        raise ThrongError(f"{where}: label {label} is none of kind {kind!r}")
    if kind == "class" and (label[0] < 0 or label[0] != int(label[0])):
        raise ThrongError(f"{where}: label {label[0]:g} is no class's number")
    if bool(row["label_name"]) == (kind == "none"):
        raise ThrongError(f"{where}: label_name is {row['label_name']!r}, but label_kind is {kind!r}")
    if row["split"] != "train":
        raise ThrongError(f"{where}: drawn by a generator, but in split {row['split']!r}; only 'train' may hold it")
    if not row["truncation"] > 0:
        raise ThrongError(f"{where}: truncation is {row['truncation']}, expected more than 0")


CHECKS: dict[str, Callable[[Row, str], None]] = {
    RANKED_PAIRS.name: check_ranked_pair,
    FIXED_COUNT.name: check_fixed_count,
    DENSITY_LABELLED.name: check_density_labelled,
    REQUESTED_DENSITY.name: check_requested_density,
}
# the column that holds the promised sha256 of each image column.
HASHES = {name: product.hashes for name, product in PRODUCTS.items()}


def parents_of(product: str, row: Row) -> list[str]:
    """Return the ids of the photographs whose pixels a row's images show: none of what a generator draws."""
    if product == REQUESTED_DENSITY.name:
        return []
    return [row["parent_id"]] if product == RANKED_PAIRS.name else list(row["parents"])


class ImageCheck:
    """Checks images by content, decoding each distinct one once."""

    def __init__(self, decode: Callable[[bytes], tuple[int, int]]) -> None:
        self._decode = decode
        self._sizes: dict[str, tuple[int, int]] = {}

    @property
    def distinct(self) -> int:
        """Distinct images decoded so far."""
        return len(self._sizes)

    def check(self, data: bytes | None, sha256: str, size: tuple[int, int], where: str) -> None:
        """Raise ThrongError unless the bytes have this sha256 and decode to this (width, height)."""
        found = hashlib.sha256(data or b"").hexdigest()
        if data is None or found != sha256:
            raise ThrongError(f"{where}: the image's bytes have sha256 {found[:16]}..., its row says {sha256[:16]}...")
        if sha256 not in self._sizes:
            try:
                self._sizes[sha256] = self._decode(data)
            except (OSError, ValueError, SyntaxError) as error:
                raise ThrongError(f"{where}: the image cannot be decoded ({error})") from error
        if self._sizes[sha256] != size:
            raise ThrongError(f"{where}: the image is {self._sizes[sha256]} pixels, its row says {size}")


def pillow_size(data: bytes) -> tuple[int, int]:
    """Decode an image as ``datasets`` does, EXIF orientation applied, and return its (width, height)."""
    import PIL.Image
    import PIL.ImageOps

    with PIL.Image.open(io.BytesIO(data)) as image:
        image.load()
        return PIL.ImageOps.exif_transpose(image).size
