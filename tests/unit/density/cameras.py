"""Planted cameras and people for the tests of the ground."""

import numpy as np

from throng.density.ground import HEAD_CENTRE, HEAD_OF_STATURE, Ground
from throng.tables.images import Box, ImageRow, Person, Point

WIDTH, HEIGHT = 1024, 768
FOCAL, CAMERA, HORIZON = 1000.0, 5.0, 150.0
STATURE = 1.685


def ground(camera: float = CAMERA, horizon: float = HORIZON, focal: float = FOCAL) -> Ground:
    exact = (camera, camera), (focal, focal)
    return Ground(horizon, (WIDTH - 1) / 2, camera, focal, *exact, STATURE)


def places(number: int, seed: int = 0) -> np.ndarray:
    """Return (N, 2) metres of people of whom the whole body is in the image, on a lattice that is not quite one."""
    rng = np.random.default_rng(seed)
    away = np.linspace(9.0, 28.0, number)
    return np.stack([rng.uniform(-0.3, 0.3, number) * away, away], 1)


def boxes(metres: np.ndarray, over: Ground, statures: np.ndarray | float = 1.0) -> np.ndarray:
    """Return (N, 4) x, y, w, h of people on the ground, flat as cardboard: their boxes end where they stand."""
    feet = over.to_pixels(metres)
    tall = over.heights_at(feet) * statures
    return np.stack([feet[:, 0] - tall / 6 + 0.5, feet[:, 1] - tall + 0.5, tall / 3, tall], 1)


def heads(full: np.ndarray) -> np.ndarray:
    """Return (N, 4) boxes of the heads of full boxes."""
    tall = HEAD_OF_STATURE * full[:, 3]
    return np.stack([full[:, 0] + full[:, 2] / 2 - tall / 2, full[:, 1], tall, tall], 1)


def points(full: np.ndarray) -> np.ndarray:
    """Return (N, 2) centres of the heads of full boxes."""
    return np.stack(
        [full[:, 0] + full[:, 2] / 2 - 0.5, full[:, 1] - 0.5 + (1 - HEAD_CENTRE) * full[:, 3]],
        1,
    )


def box(numbers) -> Box:
    x, y, w, h = (float(number) for number in numbers)
    return Box(x=x, y=y, w=w, h=h)


def person(full=None, head=None, visible=None, *, tag: str = "person", ignore: bool = False) -> Person:
    return Person(
        tag=tag, box_id=None, head=None if head is None else box(head),
        visible=None if visible is None else box(visible), full=None if full is None else box(full), ignore=ignore,
        head_ignore=False, occluded=None, unsure=None, head_occluded=None, head_unsure=None,
    )  # fmt: skip


def image_row(head_points, people: list[Person] | None, focal: float | None = FOCAL) -> ImageRow:
    found = None if head_points is None else [Point(x=float(x), y=float(y)) for x, y in head_points]
    return ImageRow(
        id="id", source="town", path="a.jpg", sha256="", bytes=0, format="jpeg", width=WIDTH, height=HEIGHT,
        channels=3, split="train", scene="", licence="", redistributable=True,
        count=None if found is None else len(found), points=found, people=people, erratum="", status="ok", reason="",
        focal_px=focal,
    )  # fmt: skip
