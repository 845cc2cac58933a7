"""Cameras that look down, by rotating points in space and nothing else, and people before them."""

import math
from dataclasses import dataclass

import numpy as np

from tests.unit.density.cameras import HEIGHT, STATURE, WIDTH
from throng.density.ground import Ground

MIDDLE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])


@dataclass(frozen=True)
class Tilted:
    """A pinhole camera ``height_m`` over the ground that looks down by ``degrees``; its axis meets the middle."""

    degrees: float
    height_m: float = 6.0
    focal: float = 1000.0

    @property
    def radians(self) -> float:
        return math.radians(self.degrees)

    @property
    def ground(self) -> Ground:
        """Return what the library should find out."""
        horizon = float(MIDDLE[1] - self.focal * math.tan(self.radians))
        exact = (self.height_m, self.height_m), (self.focal, self.focal)
        return Ground(horizon, float(MIDDLE[0]), self.height_m, self.focal, *exact, STATURE, axis=float(MIDDLE[1]))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) pixels of (N, 3) metres: aside, over the ground, ahead."""
        x, y, z = points.T
        seen = np.stack([x, self.height_m - y, z])  # right, down, ahead of a level camera
        cos, sin = math.cos(self.radians), math.sin(self.radians)
        right, down, ahead = np.array([(1, 0, 0), (0, cos, -sin), (0, sin, cos)]) @ seen
        return MIDDLE + self.focal * np.stack([right, down], 1) / ahead[:, None]

    def standing(self, metres: np.ndarray, over: np.ndarray | float = 0.0) -> np.ndarray:
        """Return (N, 2) pixels of points ``over`` the (N, 2) places."""
        return self.project(np.stack([metres[:, 0], np.full(len(metres), over), metres[:, 1]], 1))

    def places(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Return (N, 2) metres of people whose feet and heads are in the image, evenly by the rows of their feet."""
        rows = np.sort(rng.uniform(max(0.06 * HEIGHT, self.ground.horizon + 70), 0.95 * HEIGHT, 8 * number))
        columns = rng.uniform(0.1 * WIDTH, 0.9 * WIDTH, 8 * number)
        line = np.stack([(columns - MIDDLE[0]), rows - MIDDLE[1], np.full(len(rows), self.focal)])
        cos, sin = math.cos(self.radians), math.sin(self.radians)
        right, down, ahead = np.array([(1, 0, 0), (0, cos, sin), (0, -sin, cos)]) @ line
        metres = (np.stack([right, ahead]) * self.height_m / down).T
        crowns = self.standing(metres, 1.9)
        inside = (crowns > 0).all(axis=1) & (crowns < (WIDTH, HEIGHT)).all(axis=1)
        return rng.permutation(metres[inside])[:number]

    def boxes(self, metres: np.ndarray, statures: np.ndarray | float = STATURE, shoe: float = 0.152 / 2) -> np.ndarray:
        """Return (N, 4) x, y, w, h of bodies from the tips of their shoes, towards the camera, to their crowns."""
        statures = np.broadcast_to(statures, len(metres))
        nothing = np.zeros(len(metres))
        tips = np.stack([metres[:, 0], nothing, metres[:, 1] - shoe * statures], 1)
        crowns = np.stack([metres[:, 0], statures, metres[:, 1]], 1)
        ends = np.stack([self.project(points) for points in (tips, crowns)])
        wide = self.focal * 0.5 / np.hypot(metres[:, 1], self.height_m)
        left, right = ends[..., 0].min(axis=0) - wide / 2, ends[..., 0].max(axis=0) + wide / 2
        return np.stack([left + 0.5, ends[1, :, 1] + 0.5, right - left, ends[0, :, 1] - ends[1, :, 1]], 1)

    def head_boxes(self, metres: np.ndarray, statures: np.ndarray | float = STATURE) -> np.ndarray:
        """Return (N, 4) x, y, w, h of heads: ellipsoids 0.135 of the stature tall, 0.76 of that deep and wide."""
        turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        lifts = np.linspace(-np.pi / 2, np.pi / 2, 25)
        across, up = np.outer(np.cos(lifts), np.cos(turns)).ravel(), np.repeat(np.sin(lifts), len(turns))
        deep = np.outer(np.cos(lifts), np.sin(turns)).ravel()
        found = []
        for (x, z), tall in zip(metres, np.broadcast_to(statures, len(metres)), strict=True):
            size = 0.0675 * tall
            ball = np.stack([x + 0.76 * size * across, 0.9325 * tall + size * up, z + 0.76 * size * deep], 1)
            pixels = self.project(ball)
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            found.append((*(low + 0.5), *(high - low)))
        return np.array(found)
