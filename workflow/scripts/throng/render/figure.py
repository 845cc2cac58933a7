"""A walking or standing person as a cloud of ellipsoids, each of one material.

Axes of the body: x to the person's left, y up, z forward; the unit is the stature, so the top of the head is at
y = 1 and the soles at y = 0. Limbs are spheres swept along bones, the trunk and clothes are flat ellipsoids stacked
along the spine.
"""

from dataclasses import dataclass

import numpy as np

SKIN, HAIR, TOP, BOTTOM, SHOES, EXTRA = range(6)
PLAIN, STRIPES, OPEN_JACKET, PRINT, CHECK = range(5)

WALKING = ("walk-0", "walk-1", "walk-2", "walk-3", "walk-4")
STANDING = ("stand", "pockets", "phone", "crossed", "wave")


@dataclass(frozen=True)
class Figure:
    """Ellipsoids of one person: centres and radii (n, 3), materials and head membership (n,), head centre (3,)."""

    centres: np.ndarray
    radii: np.ndarray
    materials: np.ndarray
    is_head: np.ndarray
    head_centre: np.ndarray
    pattern: int


@dataclass(frozen=True)
class Build:
    """What a person wears and how they are built; widths are factors of the average."""

    shoulders: float
    girth: float
    hips: float
    sleeves: str
    legs: str
    coat: float
    hair: str
    hat: str
    bag: str
    pattern: int


class _Clay:
    """Collects ellipsoids while a figure is built."""

    def __init__(self) -> None:
        self.centres: list[np.ndarray] = []
        self.radii: list[np.ndarray] = []
        self.materials: list[np.ndarray] = []
        self.heads: list[np.ndarray] = []

    def add(
        self, centre: np.ndarray, radii: float | tuple[float, float, float], material: int, head: bool = False
    ) -> None:
        self._stack(np.zeros((1, 3)) + centre, np.zeros((1, 3)) + radii, material, head)

    def sweep(self, path: list, radii: list, material: int, head: bool = False) -> None:
        """Sweep an ellipsoid along a polyline; ``radii`` holds one number or three per corner of the path."""
        corners = [np.asarray(point, np.float64) for point in path]
        sizes = [np.broadcast_to(np.asarray(size, np.float64), (3,)) for size in radii]
        for a, b, ra, rb in zip(corners[:-1], corners[1:], sizes[:-1], sizes[1:], strict=True):
            step = 0.25 * min(ra[1], rb[1])
            count = max(2, int(np.ceil(np.linalg.norm(b - a) / step)) + 1)
            t = np.linspace(0, 1, count)[:, None]
            self._stack(a + t * (b - a), ra + t * (rb - ra), material, head)

    def _stack(self, centres: np.ndarray, radii: np.ndarray, material: int, head: bool) -> None:
        self.centres.append(centres)
        self.radii.append(radii)
        self.materials.append(np.full(len(centres), material))
        self.heads.append(np.full(len(centres), head))


def draw_build(rng: np.random.Generator) -> Build:
    """Draw a build and an outfit."""
    slender = rng.random() < 0.5
    legs = rng.choice(
        ["trousers", "slim", "shorts", "skirt", "dress"],
        p=[0.3, 0.35, 0.08, 0.15, 0.12] if slender else [0.7, 0.18, 0.12, 0, 0],
    )
    hair = rng.choice(
        ["short", "long", "bun", "bald"], p=[0.15, 0.6, 0.24, 0.01] if slender else [0.86, 0.05, 0.01, 0.08]
    )
    return Build(
        shoulders=rng.uniform(0.88, 0.98) if slender else rng.uniform(0.98, 1.1),
        girth=rng.uniform(0.82, 1.1) if slender else rng.uniform(0.92, 1.25),
        hips=rng.uniform(1.0, 1.12) if slender else rng.uniform(0.9, 1.0),
        sleeves=str(rng.choice(["long", "short"], p=[0.66, 0.34])),
        legs=str(legs),
        coat=float(rng.choice([0.0, 0.1, 0.24], p=[0.5, 0.3, 0.2])) if legs != "dress" else 0.0,
        hair=str(hair),
        hat=str(rng.choice(["none", "cap", "brim", "beanie"], p=[0.82, 0.08, 0.04, 0.06])),
        bag=str(rng.choice(["none", "backpack", "shoulder", "hand"], p=[0.55, 0.17, 0.16, 0.12])),
        pattern=int(rng.choice([PLAIN, STRIPES, OPEN_JACKET, PRINT, CHECK], p=[0.5, 0.1, 0.24, 0.1, 0.06])),
    )


def make_figure(pose: str, build: Build) -> Figure:
    """Return the ellipsoids of a person of stature 1 in a pose (one of WALKING or STANDING) and a build."""
    clay = _Clay()
    lean = 0.02 if pose in WALKING else 0.0
    _legs(clay, pose, build)
    _trunk(clay, build, lean)
    hands = _arms(clay, pose, build, lean)
    head = _head(clay, build, lean)
    _bag(clay, build, hands, lean)
    return _normalised(clay, head, build.pattern)


def _normalised(clay: _Clay, head: np.ndarray, pattern: int) -> Figure:
    centres, radii = np.concatenate(clay.centres), np.concatenate(clay.radii)
    is_head = np.concatenate(clay.heads)
    sole = (centres[:, 1] - radii[:, 1]).min()
    stature = (centres[is_head, 1] + radii[is_head, 1]).max() - sole
    shift = np.array([0, sole, 0])
    return Figure(
        (centres - shift) / stature,
        radii / stature,
        np.concatenate(clay.materials),
        is_head,
        (head - shift) / stature,
        pattern,
    )


def _phase(pose: str) -> float:
    return WALKING.index(pose) * 2 * np.pi / len(WALKING) + 0.35


def _legs(clay: _Clay, pose: str, build: Build) -> None:
    hip_x = 0.088 * build.hips
    bare = build.legs in ("shorts", "skirt", "dress")
    wide = {"trousers": 1.14, "slim": 0.95, "shorts": 1.0}.get(build.legs, 0.82) * (0.7 + 0.3 * build.girth)
    cloth = BOTTOM if not bare else SKIN
    knees = []
    for side in (-1, 1):
        if pose in WALKING:
            angle = 0.42 * np.sin(_phase(pose) + (np.pi if side > 0 else 0))
            bend = 0.12 + 0.75 * max(0.0, np.cos(_phase(pose) + (np.pi if side > 0 else 0)))
            spread = 0.0
        else:
            angle, bend, spread = 0.03 * side, 0.05, 0.03
        hip = np.array([side * hip_x, 0.92, 0.0])
        knee = hip + 0.42 * np.array([side * spread, -np.cos(angle), np.sin(angle)])
        ankle = knee + 0.42 * np.array([side * spread, -np.cos(angle - bend), np.sin(angle - bend)])
        knees.append(knee)
        clay.sweep([hip, knee], [0.088 * wide, 0.062 * wide], BOTTOM if build.legs == "shorts" else cloth)
        calf = knee + 0.4 * (ankle - knee)
        hem = 0.05 if build.legs == "trousers" else 0.037
        clay.sweep([knee, calf, ankle], [0.06 * wide, 0.056 * wide, hem], cloth)
        heel = ankle + np.array([side * 0.005, -0.045, 0.0])
        toe = np.array([side * 0.02, -0.012, 0.15 * np.cos(angle - bend)])
        toe[1] += 0.1 * np.sin(min(0.0, angle - bend))
        clay.sweep([heel, heel + 0.6 * toe, heel + toe], [0.042, 0.042, 0.032], SHOES)
    if build.legs in ("skirt", "dress"):
        low = 0.5 if build.legs == "skirt" else 0.46
        reach = max(abs(knee[2]) for knee in knees)
        material = BOTTOM if build.legs == "skirt" else TOP
        flare = 0.19 * build.hips
        clay.sweep(
            [(0, 0.98, 0), (0, 0.85, 0), (0, low, 0)],
            [(0.15 * build.hips, 0.03, 0.1), (0.18 * build.hips, 0.03, 0.14), (flare, 0.03, 0.14 + 0.9 * reach)],
            material,
        )


def _trunk(clay: _Clay, build: Build, lean: float) -> None:
    g, s = build.girth, build.shoulders
    top = 1.42
    spine = [(0, 0.9, 0), (0, 1.06, lean * 0.3), (0, 1.27, lean * 0.7), (0, top - 0.03, lean)]
    rings = [
        (0.162 * build.hips * (0.5 + 0.5 * g), 0.04, 0.112 * g),
        (0.142 * g, 0.04, 0.1 * g),
        (0.168 * s * (0.6 + 0.4 * g), 0.04, 0.118 * (0.5 + 0.5 * g)),
        (0.15 * s, 0.04, 0.085),
    ]
    clay.sweep(spine[:2], rings[:2], TOP if build.legs == "dress" else BOTTOM if build.coat == 0 else TOP)
    clay.sweep([(0, 0.97, lean * 0.1), *spine[1:]], [(0.156 * g, 0.04, 0.108 * g), *rings[1:]], TOP)
    clay.sweep(
        [(-0.165 * s, top - 0.02, lean), (0, top + 0.012, lean), (0.165 * s, top - 0.02, lean)],
        [0.056, 0.06, 0.056],
        TOP,
    )
    clay.sweep([(0, 1.42, lean), (0, 1.53, lean + 0.015)], [0.054, 0.05], SKIN)
    if build.coat:
        low = 0.92 - build.coat - 0.05
        clay.sweep(
            [(0, 1.05, 0), (0, low, 0)],
            [(0.162 * g, 0.03, 0.125 * g), (0.195 * max(g, build.hips), 0.03, 0.185 * g)],
            TOP,
        )


def _direction(side: int, swing: float, out: float) -> np.ndarray:
    return np.array([side * np.sin(out), -np.cos(out) * np.cos(swing), np.cos(out) * np.sin(swing)])


def _arm_angles(pose: str, side: int) -> tuple[float, float, float, float]:
    """Return swing and abduction of the upper arm, then of the forearm, radians."""
    if pose in WALKING:
        swing = 0.42 * np.sin(_phase(pose) + (0 if side > 0 else np.pi))
        return swing, 0.1, swing + 0.3, 0.06
    if pose == "pockets":
        return -0.3, 0.28, 0.45, -0.12
    if pose == "phone" and side > 0:
        return 0.35, 0.12, 2.0, -0.35
    if pose == "wave" and side < 0:
        return 2.7, 0.35, 3.0, 0.1
    if pose == "crossed":
        return 0.3, 0.14, 1.45, -1.05 + 0.1 * side
    return 0.04, 0.1, 0.16, 0.04


def _arms(clay: _Clay, pose: str, build: Build, lean: float) -> list[np.ndarray]:
    hands = []
    thick = 0.6 + 0.4 * build.girth
    for side in (-1, 1):
        upper, out_upper, lower, out_lower = _arm_angles(pose, side)
        shoulder = np.array([side * 0.182 * build.shoulders, 1.395, lean])
        elbow = shoulder + 0.285 * _direction(side, upper, out_upper)
        wrist = elbow + 0.235 * _direction(side, lower, out_lower)
        hand = wrist + 0.06 * _direction(side, lower + 0.1, out_lower)
        sleeve = shoulder + 0.6 * (elbow - shoulder)
        if build.sleeves == "long":
            clay.sweep([shoulder, elbow, wrist], [0.058 * thick, 0.047 * thick, 0.038], TOP)
        else:
            clay.sweep([shoulder, sleeve], [0.06 * thick, 0.056 * thick], TOP)
            clay.sweep([sleeve, elbow, wrist], [0.046 * thick, 0.04 * thick, 0.029], SKIN)
        clay.sweep([wrist, hand], [0.03, 0.037], SKIN)
        if pose == "phone" and side > 0:
            clay.add(hand + np.array([0, 0.05, 0.02]), (0.035, 0.06, 0.012), SHOES)
        hands.append(hand)
    return hands


def _head(clay: _Clay, build: Build, lean: float) -> np.ndarray:
    z = lean + 0.025
    centre = np.array([0, 1.63, z])
    clay.add(centre, (0.076, 0.112, 0.094), SKIN, head=True)
    clay.add(centre + np.array((0, -0.055, 0.022)), (0.058, 0.064, 0.066), SKIN, head=True)
    clay.add(centre + np.array((0, -0.015, 0.095)), (0.013, 0.022, 0.02), SKIN, head=True)
    for side in (-1, 1):
        clay.add(centre + np.array((side * 0.077, -0.015, -0.005)), (0.012, 0.026, 0.018), SKIN, head=True)
        clay.add(centre + np.array((side * 0.031, 0.012, 0.083)), (0.013, 0.008, 0.012), HAIR, head=True)
    _hair(clay, build, centre)
    _hat(clay, build, centre)
    return centre


def _hair(clay: _Clay, build: Build, centre: np.ndarray) -> None:
    if build.hair == "bald":
        return
    clay.add(centre + np.array((0, 0.028, -0.018)), (0.083, 0.1, 0.096), HAIR, head=True)
    clay.add(centre + np.array((0, 0.06, 0.02)), (0.074, 0.062, 0.078), HAIR, head=True)
    if build.hair == "long":
        clay.sweep(
            [
                centre + np.array((0, 0, -0.04)),
                centre + np.array((0, -0.16, -0.06)),
                centre + np.array((0, -0.28, -0.075)),
            ],
            [(0.088, 0.06, 0.066), (0.095, 0.06, 0.055), (0.08, 0.05, 0.04)],
            HAIR,
        )
    if build.hair == "bun":
        clay.add(centre + np.array((0, 0.07, -0.11)), 0.045, HAIR, head=True)


def _hat(clay: _Clay, build: Build, centre: np.ndarray) -> None:
    if build.hat == "none":
        return
    clay.add(centre + np.array((0, 0.06, -0.008)), (0.088, 0.075, 0.102), EXTRA, head=True)
    if build.hat == "cap":
        clay.add(centre + np.array((0, 0.052, 0.11)), (0.068, 0.012, 0.07), EXTRA, head=True)
    if build.hat == "brim":
        clay.add(centre + np.array((0, 0.05, 0)), (0.155, 0.014, 0.165), EXTRA, head=True)


def _bag(clay: _Clay, build: Build, hands: list[np.ndarray], lean: float) -> None:
    if build.bag == "backpack":
        clay.sweep([(0, 1.06, -0.15), (0, 1.33, -0.15 + lean)], [(0.13, 0.07, 0.085), (0.12, 0.07, 0.07)], EXTRA)
        for side in (-1, 1):
            clay.sweep([(side * 0.1, 1.44, 0.03), (side * 0.11, 1.18, 0.112)], [0.022, 0.022], EXTRA)
    if build.bag == "shoulder":
        clay.sweep([(0.235, 0.9, 0.0), (0.235, 0.98, 0.0)], [(0.05, 0.07, 0.12), (0.045, 0.05, 0.11)], EXTRA)
        clay.sweep([(-0.12, 1.44, 0.06), (0.05, 1.2, 0.125), (0.2, 1.0, 0.09)], [0.016, 0.016, 0.016], EXTRA)
    if build.bag == "hand":
        hand = hands[0]
        clay.sweep(
            [hand + np.array((0, -0.14, 0)), hand + np.array((0, -0.26, 0))],
            [(0.035, 0.05, 0.11), (0.045, 0.06, 0.13)],
            EXTRA,
        )
        clay.sweep([hand, hand + np.array((0, -0.12, 0))], [0.014, 0.014], EXTRA)
