"""Drawn material: photographs of flat colour with people of known outline, so that every figure can be checked."""

import dataclasses

import cv2
import numpy as np

from tests.rows import removal_row
from throng import rle
from throng.images import ImageStore, encode_png, image_id
from throng.synthesizers.ground import GroundPlane
from throng.synthesizers.protocol import Material
from throng.tables.detections import Detection, DetectionRow
from throng.tables.images import ImageRow
from throng.tables.prompts import PromptRow

PLANE = GroundPlane(slope=0.5, horizon=40.0)


def draw_person(pixels, foot, height, colour):
    """Draw a head, a body and legs, feet at ``foot`` (x, y), and return the bool mask."""
    mask = np.zeros(pixels.shape[:2], np.uint8)
    x, y = foot
    top = y - height + 1
    head = (x, round(top + 0.08 * height)), (max(2, round(0.06 * height)), round(0.08 * height))
    cv2.ellipse(mask, *head, 0, 0, 360, 1, -1)
    for wide, upper, lower in ((0.13, 0.15, 0.55), (0.07, 0.5, 1.0)):
        left, right = x - round(wide * height), x + round(wide * height)
        cv2.rectangle(mask, (left, round(top + upper * height)), (right, min(y, round(top + lower * height))), 1, -1)
    pixels[mask == 1] = colour
    return mask == 1


def image_row(name, source, path, shape, split="train", **known):
    row = ImageRow(
        id=name, source=source, path=path, sha256="", bytes=0, format="png", width=shape[1], height=shape[0],
        channels=3, split=split, scene=f"{source}/{name}", licence="CC0-1.0", redistributable=True, count=None,
        points=None, people=None, erratum="", status="ok", reason="",
    )  # fmt: skip
    return dataclasses.replace(row, **known)


def prompt(count, name="0123456789abcdef", seed=5, split="train", **said):
    row = PromptRow(
        id=name, count=count, density="", fewest=count or 0, most=count or 0, template="people", viewpoint="",
        conditions="", wording="figures", repeat=0, text=f"{count} people", negative="", seed=seed, split=split,
    )  # fmt: skip
    return dataclasses.replace(row, **said)


def ground_colour(rng, shape):
    return np.clip(rng.normal(rng.uniform(90, 150), 6, (*shape, 3)), 0, 255).astype(np.uint8)


@dataclasses.dataclass
class Drawing:
    """Writes photographs below a folder and keeps their rows."""

    folder: object
    seed: int = 0

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)
        self.images, self.detections, self.removals = [], [], []
        (self.folder / "results").mkdir(parents=True)
        (self.folder / "source").mkdir()

    @property
    def roots(self):
        return {"source": self.folder / "source", "results": self.folder / "results"}

    def photograph(self, feet=(), heights=None, *, shape=(192, 256), split="train", emptied=True, masks=True, **known):
        """Add a photograph with people at ``feet`` as tall as PLANE says, and its edit without anybody."""
        empty = ground_colour(self.rng, shape)
        pixels = empty.copy()
        people = []
        for index, foot in enumerate(feet):
            height = round(PLANE.height_at(foot[1])) if heights is None else heights[index]
            mask = draw_person(pixels, foot, height, self.rng.integers(0, 255, 3))
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            people.append(
                Detection(
                    x=float(columns[0]),
                    y=float(rows[0]),
                    w=float(np.ptp(columns) + 1),
                    h=float(np.ptp(rows) + 1),
                    score=1.0,
                    mask=rle.encode(mask, height=shape[0], width=shape[1]) if masks else None,
                )
            )
        data = encode_png(pixels)
        name = image_id(data)
        (self.folder / "source" / f"{name}.png").write_bytes(data)
        self.images.append(image_row(name, "source", f"{name}.png", shape, split, **known))
        self.detections.append(DetectionRow(name, "drawn", people, "ok", ""))
        if people and emptied:
            (self.folder / "results" / f"{name}.png").write_bytes(encode_png(empty))
            everybody = list(range(len(people)))
            self.removals.append(
                removal_row(
                    id=name,
                    parent_id=name,
                    removed=everybody,
                    detected_count=len(people),
                    path=f"{name}.png",
                    width=shape[1],
                    height=shape[0],
                    backend="drawn",
                )
            )
        return name

    def material(self):
        """Return everything as the stage would hand it on, were all of it for training."""
        return Material(
            {row.id: row for row in self.images},
            {row.id: row for row in self.detections},
            {row.parent_id: row for row in self.removals},
            ImageStore(self.roots),
        )


FEET = [(30, 150), (80, 170), (130, 140), (180, 160), (225, 180), (55, 130), (205, 128)]


def town(folder, photographs=3, **known):
    """Return a drawing of several photographs with seven people each."""
    drawing = Drawing(folder)
    for _ in range(photographs):
        drawing.photograph(FEET, **known)
    return drawing
