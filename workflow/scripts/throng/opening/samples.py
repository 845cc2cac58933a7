"""What a released sample's ``json`` says, as far as the datasets use it."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from throng.errors import ThrongError
from throng.images import decode
from throng.tables.ranked_pairs import Crop

JSON = "json"
T = TypeVar("T", bound=msgspec.Struct)


class RankedPictures(NamedTuple):
    """A ranked pair: two pictures of one place, (h, w, 3) uint8 RGB each.

    ``more`` shows more people than ``fewer``, or as many or more where ``relation`` is at-least, or as many where it is
    equal. ``delta`` is by how many, NaN where only the order is known; ``weight`` is between 0 and 1.
    """

    more: np.ndarray
    fewer: np.ndarray
    relation: str
    delta: float
    weight: float
    kind: str
    id: str


class DensityPicture(NamedTuple):
    """A picture, (H, W, 3) uint8 RGB, with its density class (0 the emptiest), that class's name and the score.

    ``people`` are those in the picture and ``per_m2`` those on a square metre of its ground, NaN where unknown.
    """

    image: np.ndarray
    density_class: int
    class_name: str
    score: float
    method: str
    people: float
    per_m2: float
    id: str


class Point(msgspec.Struct):
    """A head, 0-based pixels, origin at the centre of the top-left pixel."""

    x: float
    y: float


class Counted(msgspec.Struct):
    """What is known of the people in an image; products without a column have its default.

    Points are those of the whole image, the count is that of the window (None: of the whole image).
    """

    count: float | None = None
    count_std: float | None = None
    weight: float = 1.0
    points: list[Point] | None = None
    window: Crop | None = None

    @property
    def heads(self) -> np.ndarray | None:
        """The head points (N, 2) x, y in pixels, None where nobody knows them."""
        if self.points is None:
            return None
        return np.array([(point.x, point.y) for point in self.points], np.float64).reshape(-1, 2)


class Labelled(msgspec.Struct):
    """The density label of an image."""

    density_class: int
    density_class_name: str
    density_score: float
    density_method: str
    count: float | None = None
    people_per_m2: float | None = None
    window: Crop | None = None


class Ranked(msgspec.Struct):
    """How the two images of a pair are ranked, and which windows of them are meant."""

    relation: str
    delta: int | None
    weight: float
    kind: str
    more_crop: Crop | None
    fewer_crop: Crop | None


def picture(files: dict[str, bytes], prefix: str, key: str, window: Crop | None = None) -> np.ndarray:
    """Return a window (None: all) of the image whose extension starts with ``prefix``, decoded, (h, w, 3) uint8 RGB.

    Raises ThrongError when there is no such image, none that can be decoded, or the window leaves it.
    """
    data = next((data for name, data in files.items() if name != JSON and name.startswith(prefix)), None)
    if data is None:
        raise ThrongError(f"sample {key!r} has no image; check the release with throng verify")
    try:
        image = decode(data)
    except ThrongError as error:
        raise ThrongError(f"sample {key!r}: {error}") from error
    if window is None:
        return image
    x, y, right, bottom = window["x"], window["y"], window["x"] + window["w"], window["y"] + window["h"]
    if not (0 <= x < right <= image.shape[1] and 0 <= y < bottom <= image.shape[0]):
        raise ThrongError(f"sample {key!r}: its window {window} leaves its {image.shape[1]}x{image.shape[0]} pixels")
    return image[y:bottom, x:right]


def said(kind: type[T], files: dict[str, bytes], key: str) -> T:
    """Return a sample's fields; raises ThrongError when its ``json`` lacks one or spells it differently."""
    try:
        return msgspec.json.decode(files[JSON], type=kind)
    except (KeyError, msgspec.DecodeError) as error:
        raise ThrongError(f"sample {key!r}: its json does not say what it should ({error})") from error
