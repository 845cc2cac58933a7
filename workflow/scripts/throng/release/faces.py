"""Heads in photographs made unrecognisable: where they are, and the blur."""

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from throng.images import decode, encode_png
from throng.release.containers import png
from throng.release.containers.files import container_of
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow

Rectangle = tuple[float, float, float, float]

CELLS = 4


def heads_of(image: ImageRow, detections: DetectionRow | None) -> list[Rectangle]:
    """Return the areas (x, y, w, h in pixels) of all known heads of an image: annotated, and of detected people."""
    annotated = [person["head"] for person in image.people or [] if person["head"]]
    heads = [(box["x"], box["y"], box["w"], box["h"]) for box in annotated]
    detected = detections.people if detections else []
    return heads + [top_of((one["x"], one["y"], one["w"], one["h"])) for one in detected]


def top_of(person: Rectangle) -> Rectangle:
    """Return the part of a person's box that holds the head: the upper fifth, or half where only a bust is seen."""
    x, y, w, h = person
    return x, y, w, min(h, max(h / 5, 0.55 * w))


def blurred(data: bytes, areas: Sequence[Rectangle]) -> bytes:
    """Return an image file as PNG with the areas blurred, its colour profile kept and all other pixels as decoded."""
    profile = container_of(data).icc_profile(data)
    made = encode_png(blur(decode(data), areas))
    return png.with_profile(made, profile) if profile else made


def blur(image: np.ndarray, areas: Iterable[Rectangle]) -> np.ndarray:
    """Return an (H, W, 3) uint8 image in which each area, an ellipse through its corners, keeps 4 x 4 mean colours.

    What is lost is lost: all that a blurred head still tells are the means of 16 cells of the ellipse's bounding box.
    Every area is computed from the image as given and from its own pixels alone, so that two images that are equal in
    an area are so after blurring.
    """
    made = image.copy()
    for x, y, w, h in sorted(areas):
        grown_w, grown_h = math.sqrt(2) * w, math.sqrt(2) * h
        left, top = x + (w - grown_w) / 2, y + (h - grown_h) / 2
        x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
        x1, y1 = min(image.shape[1], math.ceil(left + grown_w)), min(image.shape[0], math.ceil(top + grown_h))
        if x1 <= x0 or y1 <= y0:
            continue
        part = image[y0:y1, x0:x1]
        small = cv2.resize(part, (min(CELLS, x1 - x0), min(CELLS, y1 - y0)), interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        rows, columns = np.mgrid[y0:y1, x0:x1]
        across = (columns + 0.5 - left - grown_w / 2) / (grown_w / 2)
        down = (rows + 0.5 - top - grown_h / 2) / (grown_h / 2)
        inside = across**2 + down**2 <= 1
        made[y0:y1, x0:x1][inside] = smooth[inside]
    return made
