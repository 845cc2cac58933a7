"""Random crowds for the tests of the labellers."""

import dataclasses

import numpy as np

from throng.density.crowd import Crowd
from throng.density.floor import floor_of
from throng.density.ground import STATURE_M, Ground

REFERENCE = (0, 2, 2, 5, 9, 14, 14, 30, 45, 80, 120, 300)


def ground(width: int, height: int, rng: np.random.Generator) -> Ground:
    camera, focal = float(rng.uniform(1.5, 8)), float(max(width, height) * rng.uniform(0.6, 1.6))
    horizon = float(height * rng.uniform(-0.2, 0.4))
    return Ground(horizon, (width - 1) / 2, camera, focal, (camera, camera), (focal, focal))


def crowd_of(
    width: int, height: int, feet: np.ndarray, heights: np.ndarray, camera: Ground | None, count: float | None = None
) -> Crowd:
    heads = feet - np.stack([np.zeros(len(feet)), 0.93 * heights], 1)
    return Crowd(width, height, len(feet) if count is None else count, heads, feet, heights, "boxes", camera)


def random_crowd(seed: int, *, perspective: bool, most: int = 40) -> Crowd:
    """Return people in clusters and alone, of differing heights, on a ground or (else) without one."""
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(200, 2000)), int(rng.integers(200, 1200))
    count = int(rng.integers(0, most + 1))
    if perspective:
        camera = ground(width, height, rng)
        near = camera.focal_px * camera.camera_height_m / (height - camera.horizon)
        depth = near * np.exp(rng.uniform(0, 2.0, count))
        middle = rng.integers(0, max(1, count // 4) + 1, count)
        spread = rng.choice([0.3, 1.0, 4.0])
        aside = rng.uniform(-0.5, 0.5, count) * depth * width / camera.focal_px
        metres = np.stack([aside, depth], 1)
        if count:
            metres = metres[middle % count] + rng.normal(0, spread, (count, 2))
            metres[:, 1] = np.maximum(metres[:, 1], 0.5 * near)
        feet = camera.to_pixels(metres)
        tall = rng.normal(STATURE_M, 0.08, count) * camera.focal_px / metres[:, 1]
        return crowd_of(width, height, feet, tall, camera)
    tall = float(rng.uniform(10, 300)) * rng.uniform(0.5, 2, count)
    feet = rng.uniform(0, [width, height], (count, 2))
    if count:
        feet = feet[rng.integers(0, max(1, count // 4) + 1, count) % count]
        feet = feet + rng.normal(0, 0.5, (count, 2)) * tall.mean() * rng.choice([0.3, 1.0, 4.0])
    return crowd_of(width, height, feet, tall, None)


def standing(crowd: Crowd) -> tuple[np.ndarray, np.ndarray]:
    """Return the feet and the heights of a crowd that has them."""
    assert crowd.feet is not None
    assert crowd.heights is not None
    return crowd.feet, crowd.heights


def joined(crowd: Crowd, place: int) -> Crowd:
    """Return the crowd with one more where person ``place`` stands; of median height where there is no ground."""
    feet, heights = standing(crowd)
    return crowd_of(
        crowd.width,
        crowd.height,
        np.concatenate([feet, feet[place : place + 1]]),
        np.append(heights, heights[place]),
        crowd.ground,
    )


def as_tall_as_the_median(crowd: Crowd) -> Crowd:
    """Return a crowd whose last person has the median height of the others."""
    feet, heights = standing(crowd)
    return dataclasses.replace(crowd, heights=np.append(heights[:-1], np.median(heights[:-1])), feet=feet)


def shrunk(crowd: Crowd, share: float, *, on_ground: bool) -> Crowd:
    """Return the crowd drawn together towards its first person, on the ground in metres or in the image in pixels."""
    feet, heights = standing(crowd)
    floor = floor_of(crowd)
    if on_ground and floor is not None:
        metres = floor.to_metres(feet)
        feet = floor.to_pixels(metres[0] + share * (metres - metres[0]))
    else:
        feet = feet[0] + share * (feet - feet[0])
    return crowd_of(crowd.width, crowd.height, feet, heights, crowd.ground)


def resized(crowd: Crowd, factor: float) -> Crowd:
    """Return the crowd in the same image ``factor`` times as large."""
    feet, heights = standing(crowd)
    assert crowd.heads is not None
    camera = crowd.ground

    def moved(values: np.ndarray) -> np.ndarray:
        return (values + 0.5) * factor - 0.5

    if camera is not None:
        focal = camera.focal_px * factor
        camera = dataclasses.replace(
            camera,
            horizon=(camera.horizon + 0.5) * factor - 0.5,
            centre=(camera.centre + 0.5) * factor - 0.5,
            focal_px=focal,
            focal_range_px=(focal, focal),
        )
    return dataclasses.replace(
        crowd,
        width=round(crowd.width * factor),
        height=round(crowd.height * factor),
        heads=moved(crowd.heads),
        feet=moved(feet),
        heights=heights * factor,
        ground=camera,
    )
