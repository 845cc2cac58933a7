"""Where people stand and walk: flows along and across the street, gatherings and strollers, all in small groups."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from throng.errors import ThrongError
from throng.render.camera import Camera, Ground, visible_area

FLOW, GATHERING, STROLL = range(3)
GROUP_SIZES = (0.36, 0.36, 0.16, 0.08, 0.04)
SHORTEST_M, TALLEST_M = 1.55, 1.95
SPACING_M = 0.48
HEAD_CENTRE = 0.93
CRUSH_PER_M2 = 8.0


@dataclass(frozen=True)
class Flows:
    """How a scene's people move; positions and widths in metres.

    ``lanes`` rows are centre, half width, slope, 1 for across the view, and the share that walks away;
    ``gatherings`` rows are X, Z and spread. ``depth_power`` shapes the spread over depth: 2 is uniform on the ground.
    """

    lanes: np.ndarray
    gatherings: np.ndarray
    shares: tuple[float, float, float]
    depth_power: float


@dataclass(frozen=True)
class Places:
    """Ground positions X, Z (N, 2) in metres, headings in radians (0 towards the camera), walking, stature (N,)."""

    ground_m: np.ndarray
    heading: np.ndarray
    walking: np.ndarray
    stature_m: np.ndarray


def draw_flows(camera: Camera, ground: Ground, near_m: float, rng: np.random.Generator) -> Flows:
    """Draw the lanes and gatherings of a scene."""
    reach = ground.far_m - near_m
    lanes = []
    for _ in range(int(rng.integers(2, 5))):
        across = rng.random() < 0.4
        middle = near_m + rng.uniform(0.2, 0.9) * reach
        half = min(float(camera.half_width_m(middle)), ground.right_m)
        centre = middle if across else rng.uniform(-0.7, 0.7) * half
        lanes.append((centre, rng.uniform(0.5, 1.8), rng.uniform(-0.15, 0.15), float(across), rng.beta(0.6, 0.6)))
    gatherings = []
    for _ in range(int(rng.integers(1, 4))):
        z = near_m + rng.uniform(0.25, 0.95) * reach
        half = min(float(camera.half_width_m(z)), ground.right_m)
        gatherings.append((rng.uniform(-0.8, 0.8) * half, z, rng.uniform(0.06, 0.16) * reach + 1.0))
    shares = rng.dirichlet((5, 3.5, 2))
    return Flows(np.array(lanes), np.array(gatherings), (shares[0], shares[1], shares[2]), float(rng.uniform(0.9, 1.7)))


def place(camera: Camera, ground: Ground, flows: Flows, near_m: float, count: int, rng: np.random.Generator) -> Places:
    """Place ``count`` people so that every head's centre is in the image.

    Raises ThrongError above 8 people per square metre of visible ground, where a crowd is crushed.
    """
    most = int(CRUSH_PER_M2 * visible_area(camera, ground))
    if count > most:
        raise ThrongError(_crowded(camera, most, count))
    kept = np.zeros((0, 5))
    spacing = SPACING_M
    for _ in range(60):
        candidates = _candidates(camera, ground, flows, near_m, max(count, 8), rng)
        fits = _fits(camera, ground, near_m, candidates)
        kept = _settle(kept, candidates[fits], spacing, count)
        if len(kept) == count:
            return Places(kept[:, :2], kept[:, 2], kept[:, 3] > 0.5, kept[:, 4])
        spacing *= 0.93
    raise ThrongError(_crowded(camera, len(kept), count))


def _crowded(camera: Camera, most: int, count: int) -> str:
    return (
        f"only {most} of {count} people fit into a {camera.width}x{camera.height} scene: "
        f"ask for fewer people or a larger image"
    )


def _fits(camera: Camera, ground: Ground, near_m: float, candidates: np.ndarray) -> np.ndarray:
    x, z, stature = candidates[:, 0], np.maximum(candidates[:, 1], 1e-3), candidates[:, 4]
    head = camera.project(np.stack([x, HEAD_CENTRE * stature, z], axis=1))
    edge = 0.075 * camera.focal_px / z
    return (
        (candidates[:, 1] >= near_m) & (z <= ground.far_m) & (x >= ground.left_m) & (x <= ground.right_m)
        & (head[:, 0] >= edge) & (head[:, 0] <= camera.width - 1 - edge)
        & (head[:, 1] >= edge) & (head[:, 1] <= camera.height - 1 - edge)
    )  # fmt: skip


def _candidates(
    camera: Camera, ground: Ground, flows: Flows, near_m: float, groups: int, rng: np.random.Generator
) -> np.ndarray:
    """Return (M, 5) X, Z, heading, walking, stature of the members of ``groups`` groups, group by group."""
    power = flows.depth_power
    z = (near_m**power + rng.random(groups) * (ground.far_m**power - near_m**power)) ** (1 / power)
    half = np.asarray(camera.half_width_m(z))
    left, right = np.maximum(-half, ground.left_m), np.minimum(half, ground.right_m)
    x = left + rng.random(groups) * (right - left)
    kind = rng.choice(3, groups, p=flows.shares)
    heading = rng.uniform(-np.pi, np.pi, groups)
    lane = flows.lanes[rng.integers(len(flows.lanes), size=groups)]
    scatter = lane[:, 1] * rng.standard_normal(groups)
    across = (kind == FLOW) & (lane[:, 3] > 0.5)
    along = (kind == FLOW) & ~across
    x = np.where(along, lane[:, 0] + scatter + lane[:, 2] * (z - near_m), x)
    z = np.where(across, lane[:, 0] + scatter + lane[:, 2] * x, z)
    back = rng.random(groups) < lane[:, 4]
    drift = rng.normal(0, 0.12, groups)
    heading = np.where(along, np.where(back, np.pi, 0.0) - lane[:, 2] + drift, heading)
    heading = np.where(across, np.where(back, -np.pi / 2, np.pi / 2) + drift, heading)
    spot = flows.gatherings[rng.integers(len(flows.gatherings), size=groups)]
    gather = kind == GATHERING
    x = np.where(gather, spot[:, 0] + spot[:, 2] * rng.standard_normal(groups), x)
    z = np.where(gather, spot[:, 1] + spot[:, 2] * rng.standard_normal(groups), z)
    walking = (kind == FLOW) | ((kind == STROLL) & (rng.random(groups) < 0.65))
    return _members(x, z, heading, walking, rng)


def _members(
    x: np.ndarray, z: np.ndarray, heading: np.ndarray, walking: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Walkers go side by side; people who stand form a ring and face its middle."""
    size = 1 + rng.choice(len(GROUP_SIZES), len(x), p=GROUP_SIZES)
    group = np.repeat(np.arange(len(x)), size)
    member = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    n, walks, course = size[group], walking[group], heading[group]
    aside = (member - (n - 1) / 2) * 0.62
    angle = 2 * np.pi * member / n + course
    ring = np.where(n > 1, 0.22 + 0.14 * n, 0.0)
    jitter = rng.normal(0, 0.09, (2, len(group)))
    dx = np.where(walks, aside * np.cos(course), ring * np.sin(angle)) + jitter[0]
    dz = np.where(walks, aside * np.sin(course), ring * np.cos(angle)) + jitter[1]
    facing = np.where(walks, course, np.where(n > 1, np.arctan2(-dx, dz), course)) + rng.normal(0, 0.15, len(group))
    stature = np.clip(rng.normal(1.72, 0.085, len(group)), SHORTEST_M, TALLEST_M)
    return np.stack([x[group] + dx, z[group] + dz, facing, walks.astype(float), stature], axis=1)


@njit(cache=True, nogil=True)
def _settle(kept, candidates, spacing, count):
    """Take candidates in order while none is nearer than ``spacing`` metres to one taken before, up to ``count``."""
    taken = np.empty((count, 5))
    total = min(len(kept), count)
    taken[:total] = kept[:total]
    for index in range(len(candidates)):
        if total == count:
            break
        free = True
        for other in range(total):
            dx = taken[other, 0] - candidates[index, 0]
            dz = taken[other, 1] - candidates[index, 1]
            if dx * dx + dz * dz < spacing * spacing:
                free = False
                break
        if free:
            taken[total] = candidates[index]
            total += 1
    return taken[:total]
