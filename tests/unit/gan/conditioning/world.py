"""A world of dots: each stands for a person, so that everybody's count is known."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

SIDE = 32
CLASSES = ["few", "some", "many"]
PER_CLASS = ((0, 4), (5, 11), (12, 20))


def picture(people: int, random: np.random.Generator, ground: np.ndarray | None = None) -> np.ndarray:
    """A grey ground with so many 2 x 2 white dots on it, none upon another."""
    image = np.full((SIDE, SIDE, 3), random.integers(40, 120, 3)) if ground is None else ground.copy()
    places = random.permutation((SIDE // 4) ** 2)[:people]
    for place in places.tolist():
        y, x = 4 * (place // (SIDE // 4)) + 1, 4 * (place % (SIDE // 4)) + 1
        image[y : y + 2, x : x + 2] = 255
    return image.astype(np.uint8)


def dots(pixels: np.ndarray) -> np.ndarray:
    """The true number of dots in (B, SIDE, SIDE, 3) pixels."""
    return (pixels == 255).all(-1).sum((1, 2)) / 4


class Exact:
    """A judge that counts the dots."""

    name, says, unit = "exact", "counts dots", "people"
    model: Mapping[str, Any] = {}

    def count(self, pixels):
        return dots(pixels)


def people_of_class(number: int, random: np.random.Generator) -> int:
    low, high = PER_CLASS[number]
    return int(random.integers(low, high + 1))


def real_set(number: int, seed: int = 0, classes: int = 3) -> SimpleNamespace:
    """A training set of dots in classes by their number."""
    random = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    counts = np.array([people_of_class(int(label), random) for label in labels])
    images = [picture(int(count), random) for count in counts]
    return SimpleNamespace(
        ids=[f"{index:04x}" for index in range(number)],
        labels=labels.astype(float),
        kind="class",
        classes=CLASSES[:classes],
        counts=counts.astype(float),
        licence="CC0-1.0",
        redistributable=True,
        resolution=SIDE,
        pixels=lambda index: images[index],
    )


def obedient(scenes: int, *, heeds: bool = True, seed: int = 1) -> np.ndarray:
    """(scenes, 3, SIDE, SIDE, 3) pixels of scenes under every class, on one ground each."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(scenes):
        ground = np.full((SIDE, SIDE, 3), random.integers(40, 120, 3))
        asked = range(3) if heeds else random.integers(0, 3, 3).tolist()
        found.append([picture(people_of_class(one, random), random, ground) for one in asked])
    return np.array(found)
