"""What the renderer knows of a photograph's window: who is there, how densely they stand, how crowded they feel."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.spatial import KDTree

from throng.density import ground as density
from throng.density.crowd import Crowd, Window
from throng.density.ground import STATURE_M
from throng.errors import ThrongError
from throng.render.camera import Camera, Ground
from throng.render.scene import make_place
from throng.roots import below
from throng.tables.images import ImageRow

REACH_M = 2.0
COLUMNS = [
    "path", "scene", "width", "height", "head_points", "ground_m", "stature_m", "camera_height_m", "focal_px",
]  # fmt: skip
Record = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """A window of a rendered photograph, hidden people included.

    ``crowd`` are the people whose head point is inside, at their true feet and heights before the true camera.
    ``per_m2`` is how many stand on the walkable ground that the window shows, over its area. ``felt`` is how crowded it
    is for those inside: the mean over them of the others of them within 2 m on the ground, over that disc's area; 0
    where nobody is. Densities are people per square metre.
    """

    crowd: Crowd
    per_m2: float
    felt: float
    camera: Camera
    scene: str

    @property
    def people(self) -> int:
        """Return the number of people inside."""
        return round(self.crowd.count)


class RenderedTruth:
    """The table of truth beside rendered archives, looked up by photograph."""

    def __init__(self, path: Path, seed: int, roots: Mapping[str, Path]) -> None:
        """Read ``truth.parquet``; raises ThrongError when it is no such table, or no source lies beside it."""
        self._path, self._seed = path, seed
        self._frames = {row["path"]: row for row in _read(path)}
        self._below = below(path.parent, roots)
        if not self._below:
            raise ThrongError(
                f"{path}: knows none of the sources; give the truth of the folder that they are read from"
            )

    def of(self, photograph: ImageRow, window: Window) -> Truth | None:
        """Return what is true in a window of a rendered photograph, None for a photograph of any other source.

        Raises ThrongError when the table lacks a photograph of a source beside it, or has another camera for it.
        """
        folder = self._below.get(photograph.source)
        if folder is None:
            return None
        row = self._frames.get(f"{folder}/{photograph.path}".removeprefix("./"))
        if row is None:
            raise ThrongError(
                f"{self._path}: does not know {photograph.path} of source {photograph.source!r}: it is the truth of "
                f"other images; run the rule render again, then ingest"
            )
        camera, ground = make_place(self._seed, int(row["scene"].rpartition("-")[2]), row["width"], row["height"])
        if (camera.height_m, camera.focal_px) != (row["camera_height_m"], row["focal_px"]):
            raise ThrongError(
                f"{self._path}: {photograph.path} was rendered with another seed or release of throng than this; run "
                f"the rule render again"
            )
        return window_truth(row, camera, ground, window)


def window_truth(row: Record, camera: Camera, ground: Ground, window: Window) -> Truth:
    """Return what is true in a window of a frame: ``row`` has its head points, ground positions and statures."""
    metres = np.array(row["ground_m"], np.float64).reshape(-1, 2)
    crowd = _crowd(row, camera, metres).within(window)
    view = View.of(camera, ground, window)
    area, standing = view.area, int(view.shows(metres).sum())
    inside = np.zeros((0, 2)) if crowd.feet is None or crowd.ground is None else crowd.ground.to_metres(crowd.feet)
    return Truth(crowd, standing / area if area > 0 else 0.0, crowding(inside), camera, row["scene"])


def _crowd(row: Record, camera: Camera, metres: np.ndarray) -> Crowd:
    heads, stature = np.array(row["head_points"], np.float64).reshape(-1, 2), np.array(row["stature_m"], np.float64)
    mean = float(stature.mean()) if len(stature) else STATURE_M
    exact = (camera.height_m, camera.height_m), (camera.focal_px, camera.focal_px)
    plane = density.Ground(camera.horizon_px, camera.centre_px, camera.height_m, camera.focal_px, *exact, mean)
    feet, heights = plane.to_pixels(metres), camera.focal_px * stature / metres[:, 1]
    return Crowd(camera.width, camera.height, float(len(heads)), heads, feet, heights, "truth", plane)


def crowding(metres: np.ndarray) -> float:
    """Return the mean over (N, 2) ground positions of the others within 2 m, per square metre; 0 for N = 0."""
    if len(metres) == 0:
        return 0.0
    tree = KDTree(metres)
    others = int(tree.count_neighbors(tree, REACH_M)) - len(metres)
    return others / len(metres) / (np.pi * REACH_M**2)


@dataclass(frozen=True)
class View:
    """The walkable ground in a window: at depth Z from ``left`` Z to ``right`` Z and within ``ground``, metres."""

    left: float
    right: float
    near_m: float
    far_m: float
    ground: Ground

    @classmethod
    def of(cls, camera: Camera, ground: Ground, window: Window) -> "View":
        """Return what a level camera's window shows of a ground; its edges are those of its outermost pixels."""
        left, right = ((x - 0.5 - camera.centre_px) / camera.focal_px for x in (window.x, window.x + window.w))
        top, bottom = (y - 0.5 - camera.horizon_px for y in (window.y, window.y + window.h))
        reach = camera.focal_px * camera.height_m
        near, far = (reach / below_horizon if below_horizon > 0 else np.inf for below_horizon in (bottom, top))
        return cls(left, right, min(near, ground.far_m), min(far, ground.far_m), ground)

    @property
    def area(self) -> float:
        """Return the area in square metres: a polygon, integrated exactly."""
        sides = [
            bound / slope for bound in (self.ground.left_m, self.ground.right_m) for slope in self._slopes if slope
        ]
        kinks = [depth for depth in sides if self.near_m < depth < self.far_m]
        depths = np.unique([self.near_m, self.far_m, *kinks])
        width = np.minimum(self.right * depths, self.ground.right_m) - np.maximum(
            self.left * depths, self.ground.left_m
        )
        return float(np.trapezoid(np.maximum(width, 0.0), depths))

    def shows(self, metres: np.ndarray) -> np.ndarray:
        """Tell of (N, 2) ground positions whether they lie in it."""
        x, z = metres[:, 0], metres[:, 1]
        inside = (z >= self.near_m) & (z <= self.far_m) & (x >= self.left * z) & (x <= self.right * z)
        return inside & (x >= self.ground.left_m) & (x <= self.ground.right_m)

    @property
    def _slopes(self) -> tuple[float, float]:
        return self.left, self.right


def _read(path: Path) -> list[Record]:
    try:
        return pq.read_table(path, columns=COLUMNS).to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise ThrongError(f"{path}: no table of rendered truth ({error}); run the rule render again") from error
