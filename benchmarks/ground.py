"""The ground plane against rendered truth: camera height, horizon, people per square metre, and whether intervals hold.

    python benchmarks/ground.py [--scenes 240] [--seed 11]

Scenes have known cameras 2.4 to 7.5 m high, focal lengths of 0.75 to 1.25 longer sides, and people 1.72 m tall on
average, while 1.685 m is assumed. What is known of the people varies: exact full boxes, boxes with an annotator's or a
detector's errors, heads alone, points with detections. Each is measured with the focal length known and with the prior.
The true density is the same area around the people, taken with their true places and the true camera.

Cameras that look down are planted, not rendered: people are points of shoes and heads in space, projected by a rotated
pinhole camera 3 to 10 m high, and measured as level and as tilted cameras. Figures go to standard output and to
benchmarks/results/ground.json.
"""

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.density.area import occupied_m2, people_per_m2
from throng.density.camera import CameraKind
from throng.density.crowd import Crowd
from throng.density.ground import Ground
from throng.density.people import Settings, photographed, synthesised
from throng.manifest import OK
from throng.render.archives import Style, people_in_frame
from throng.render.camera import Camera
from throng.render.scene import People, make_scene, render_frame
from throng.tables.detections import Detection, DetectionRow
from throng.tables.images import Box, ImageRow, Person, Point
from throng.tables.synthetic import SyntheticRow

RESULTS = Path(__file__).parent / "results"
WIDTH, HEIGHT = 1024, 768
SETTINGS = Settings()
EMPTY = np.zeros((0, 2)), np.full(1, 1.72)
ANNOTATOR, DETECTOR = 0.02, 0.04  # standard deviation of a box's edges, of its height
TILTS = (0, 10, 20, 30, 40)
MIDDLE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
LEAST_SEEN = 0.4  # share of a body that a detector needs
FOUND = 0.85  # share of those that it finds


@dataclasses.dataclass(frozen=True)
class Shot:
    """The truth of a rendered image, without its pixels."""

    name: str
    camera: Camera
    people: People
    persons_per_m2: float

    @property
    def count(self) -> int:
        """Return how many people an annotator would mark."""
        return int(self.people.counted.sum())

    @property
    def focal_px(self) -> float:
        """Return the true focal length."""
        return self.camera.focal_px

    @property
    def ground(self) -> Ground:
        """Return the true camera before the ground."""
        camera = self.camera
        exact = (camera.height_m, camera.height_m), (camera.focal_px, camera.focal_px)
        stature = float(self.people.stature_m.mean())
        return Ground(camera.horizon_px, camera.centre_px, camera.height_m, camera.focal_px, *exact, stature)

    @property
    def metres(self) -> np.ndarray:
        """Return (N, 2) places of the people who count."""
        return self.people.ground_m[self.people.counted]

    @property
    def points(self) -> np.ndarray:
        """Return (N, 2) head points of the people who count."""
        return self.people.head_point[self.people.counted]


@dataclasses.dataclass(frozen=True)
class Planted:
    """The truth before a camera that looks down, without an image: places, statures, boxes with a hand's errors."""

    name: str
    tilt: float
    height_m: float
    focal_px: float
    metres: np.ndarray
    statures: np.ndarray

    @property
    def count(self) -> int:
        """Return how many people there are."""
        return len(self.metres)

    @property
    def ground(self) -> Ground:
        """Return the true camera before the ground."""
        exact = (self.height_m, self.height_m), (self.focal_px, self.focal_px)
        horizon = float(MIDDLE[1] - self.focal_px * np.tan(self.tilt))
        stature = float(self.statures.mean())
        return Ground(horizon, float(MIDDLE[0]), self.height_m, self.focal_px, *exact, stature, axis=float(MIDDLE[1]))

    @property
    def persons_per_m2(self) -> float:
        """Return people over the ground on which they were planted."""
        sides = np.ptp(self.metres, axis=0)
        return self.count / float(max(sides.prod(), 1.0))

    @property
    def points(self) -> np.ndarray:
        """Return (N, 2) centres of heads."""
        return np.array([self.seen(self._head(n, np.zeros((1, 3))))[0] for n in range(self.count)])

    def boxes(self) -> np.ndarray:
        """Return (N, 4) boxes x, y, w, h from the crowns of heads, as ellipsoids, to the tips of the shoes."""
        balls = np.random.default_rng(0).standard_normal((400, 3))
        balls /= np.linalg.norm(balls, axis=1)[:, None]
        found = []
        for number, ((x, z), tall) in enumerate(zip(self.metres, self.statures, strict=True)):
            shoes = np.array([(x, 0.0, z), (x, 0.0, z - 0.076 * tall)])
            shoulders = np.array([(x - 0.12 * tall, 0.8 * tall, z), (x + 0.12 * tall, 0.8 * tall, z)])
            pixels = self.seen(np.concatenate([shoes, shoulders, self._head(number, balls)]))
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            found.append((*(low + 0.5), *(high - low)))
        return np.array(found)

    def _head(self, number: int, ball: np.ndarray) -> np.ndarray:
        tall, (x, z) = self.statures[number], self.metres[number]
        return np.array([x, 0.9325 * tall, z]) + 0.0675 * tall * ball * (0.76, 1, 0.76)

    def seen(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) pixels of (N, 3) metres aside, over the ground and ahead, by rotating them."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        down, ahead = self.height_m - points[:, 1], points[:, 2]
        along = down * sin + ahead * cos
        return MIDDLE + self.focal_px * np.stack([points[:, 0], down * cos - ahead * sin], 1) / along[:, None]


Given = Callable[[Any, float | None, np.random.Generator], Crowd]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=240)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    style = Style(options.seed, WIDTH, HEIGHT, 8, 200, 0.0)
    frames = []
    for number in range(options.scenes):
        scene = make_scene(options.seed, number, WIDTH, HEIGHT)
        frame = render_frame(scene, 0, people_in_frame(style, number, 0))
        frames.append(Shot(scene.name, frame.camera, frame.people, frame.persons_per_m2))
    figures = {
        f"{name}, focal length {focal}": measure(frames, given, known)
        for name, given in GIVEN.items()
        for focal, known in (("known", True), ("by the prior", False))
        if not (known and given is synthetic)
    }
    for degrees in TILTS:
        planted = [plant(options.seed, number, degrees) for number in range(options.scenes // 2)]
        for camera in ("level", "tilted"):
            for name, given in looking_down(camera).items():
                for focal, known in (("known", True), ("by the prior", False)):
                    title = f"{degrees} degrees down, camera {camera}, {name}, focal length {focal}"
                    figures[title] = measure(planted, given, known, title)
    figures["scenes"] = {"number": len(frames), "width": WIDTH, "height": HEIGHT}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ground.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def plant(seed: int, number: int, degrees: float) -> Planted:
    """Return 12 to 150 people in groups and alone whose feet and heads are before a camera that looks down."""
    rng = np.random.default_rng((seed, number, round(degrees)))
    focal = float(rng.uniform(0.75, 1.25)) * WIDTH
    empty = Planted(f"{degrees}-{number}", np.radians(degrees), float(rng.uniform(3, 10)), focal, *EMPTY)
    over = empty.ground
    rows = rng.uniform(max(40.0, over.horizon + 80), 0.95 * HEIGHT, 4000)
    metres = over.to_metres(np.stack([rng.uniform(50, WIDTH - 50, 4000), rows], 1))
    middles = metres[rng.integers(0, 4000, int(rng.integers(4, 16)))]
    grouped = middles[rng.integers(0, len(middles), 4000)] + rng.normal(0, 1.5, (4000, 2))
    metres = np.where(rng.random((4000, 1)) < rng.uniform(0, 0.8), grouped, metres)
    statures = 1.72 * np.exp(rng.normal(0, 0.045, 4000))
    heads = empty.seen(np.stack([metres[:, 0], 1.9 + 0 * rows, metres[:, 1]], 1))
    feet = over.to_pixels(metres)
    inside = ((heads > 0) & (feet > 0) & (heads < (WIDTH, HEIGHT)) & (feet < (WIDTH, HEIGHT - 3))).all(axis=1)
    inside &= feet[:, 1] - heads[:, 1] > 25
    number_of = int(np.exp(rng.uniform(np.log(12), np.log(150))))
    return dataclasses.replace(empty, metres=metres[inside][:number_of], statures=statures[inside][:number_of])


def measure(frames: Sequence[Any], given: Given, known: bool, title: str = "") -> dict[str, Any]:
    """Return and print the errors of every scene's ground and density, and how often their intervals hold."""
    rows, reasons = [], Counter[str]()
    for number, frame in enumerate(frames):
        crowd = given(frame, frame.focal_px if known else None, np.random.default_rng(number))
        found = people_per_m2(crowd)
        if found is None or crowd.ground is None:
            reasons[crowd.ground_reason.split(":")[0]] += 1
            continue
        true, ground, truth = frame.ground, crowd.ground, true_density(frame)
        low, high = ground.camera_height_range_m
        rows.append(
            (
                ground.camera_height_m / true.camera_height_m,
                low <= true.camera_height_m <= high,
                (ground.horizon - true.horizon) / HEIGHT,
                found.people_per_m2 / truth,
                found.low <= truth <= found.high,
                found.high / found.low,
                found.people_per_m2,
                frame.persons_per_m2,
                truth,
            )
        )
    if not rows:
        return {"grounds": 0, "abstained": 1.0, "reasons": dict(sorted(reasons.items()))}
    height, height_holds, horizon, ratio, holds, wide, density, overall, truth = np.array(rows, float).T
    figures = {
        "grounds": len(rows),
        "abstained": 1 - len(rows) / len(frames),
        "reasons": dict(sorted(reasons.items())),
        "camera height, median error": median_error(height),
        "camera height, bias": float(np.median(height)) - 1,
        "camera height, interval holds": float(height_holds.mean()),
        "horizon, median error in image heights": float(np.median(np.abs(horizon))),
        "density, median error": median_error(ratio),
        "density, bias": float(np.median(ratio)) - 1,
        "density, error of 90 %": float(np.percentile(np.abs(ratio - 1), 90)),
        "density, interval holds": float(holds.mean()),
        "density, median ratio of the interval's ends": float(np.median(wide)),
        "density, Spearman with the truth": rank_agreement(density, truth),
        "density, Spearman with people over all walkable ground": rank_agreement(density, overall),
    }
    print(f"\n{title or given.__name__ + ', focal length ' + ('known' if known else 'by the prior')}", flush=True)
    for name, value in figures.items():
        print(f"  {name:56s} {value if isinstance(value, dict | int) else f'{value:.3f}'}", flush=True)
    return figures


def median_error(ratios: np.ndarray) -> float:
    return float(np.median(np.abs(ratios - 1)))


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.asarray(spearmanr(first, second))[0])


def true_density(frame: Shot | Planted) -> float:
    """Return the people who count over the ground they occupy, by their true places and the true camera."""
    feet = frame.ground.to_pixels(frame.metres)
    return len(feet) / occupied_m2(frame.ground, feet, WIDTH, HEIGHT)


def looking_down(camera: CameraKind) -> dict[str, Given]:
    """Return what is known of planted people, for a camera taken for ``level`` or ``tilted``."""
    settings = dataclasses.replace(SETTINGS, camera=camera)

    def by_hand(frame: Planted, focal_px: float | None, rng: np.random.Generator) -> Crowd:
        people = [annotation(None, body, ignore=False) for body in jittered(frame.boxes(), ANNOTATOR, rng).tolist()]
        return photographed(image_row(frame, focal_px, people), None, settings)

    def detected(frame: Planted, focal_px: float | None, rng: np.random.Generator) -> Crowd:
        boxes = jittered(frame.boxes(), DETECTOR, rng)[rng.random(frame.count) < FOUND]
        return photographed(image_row(frame, focal_px, None), detections_of(boxes), settings)

    return {"full boxes, by hand": by_hand, "points and detections": detected}


def full_boxes(frame: Shot, focal_px: float | None, _rng: np.random.Generator) -> Crowd:
    return annotated(frame, focal_px, frame.people.full_box, frame.people.head_box)


def full_boxes_by_hand(frame: Shot, focal_px: float | None, rng: np.random.Generator) -> Crowd:
    return annotated(frame, focal_px, jittered(frame.people.full_box, ANNOTATOR, rng), None)


def head_boxes(frame: Shot, focal_px: float | None, _rng: np.random.Generator) -> Crowd:
    return annotated(frame, focal_px, None, frame.people.head_box)


def head_boxes_by_hand(frame: Shot, focal_px: float | None, rng: np.random.Generator) -> Crowd:
    return annotated(frame, focal_px, None, jittered(frame.people.head_box, 2 * ANNOTATOR, rng))


def points_and_detections(frame: Shot, focal_px: float | None, rng: np.random.Generator) -> Crowd:
    """Head points, and visible boxes of those whom a detector would find, with its errors."""
    people = frame.people
    chosen = (people.visible_share >= LEAST_SEEN) & (rng.random(len(people)) < FOUND)
    boxes = jittered(people.visible_box[chosen], DETECTOR, rng)
    return photographed(image_row(frame, focal_px, None), detections_of(boxes), SETTINGS)


def detections_of(boxes: np.ndarray) -> DetectionRow:
    """Return (N, 4) boxes x, y, w, h as a detector's."""
    found = [Detection(x=x, y=y, w=w, h=h, score=0.9, mask=None) for x, y, w, h in boxes.tolist()]
    return DetectionRow("id", "ultralytics", found, OK, "")


def synthetic(frame: Shot, _focal_px: float | None, _rng: np.random.Generator) -> Crowd:
    """Head points and visible boxes of a synthetic image, whose focal length no EXIF tells."""
    people = frame.people
    boxes = [box_of(box) for box in people.visible_box[people.counted].tolist()]
    row = SyntheticRow(
        id="id", prompt_id="", maker="", requested=None, density="", count=frame.count, points=points_of(frame),
        boxes=[box for box in boxes if box is not None], masks=None, path="", sha256="", width=WIDTH, height=HEIGHT,
        split="", scene="", background_id="", parents=[], licence="", redistributable=True, backend="", options="",
        status=OK, reason="",
    )  # fmt: skip
    return synthesised(row, frame.count, SETTINGS)


GIVEN: dict[str, Given] = {
    "full boxes, exact": full_boxes,
    "full boxes, by hand": full_boxes_by_hand,
    "head boxes, exact": head_boxes,
    "head boxes, by hand": head_boxes_by_hand,
    "points and detections": points_and_detections,
    "visible boxes of synthetic images": synthetic,
}


def jittered(boxes: np.ndarray, std: float, rng: np.random.Generator) -> np.ndarray:
    """Return (N, 4) boxes x, y, w, h whose edges are off by ``std`` of their height, standard deviation."""
    edges = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1).astype(float)
    edges += std * boxes[:, 3:] * rng.standard_normal(edges.shape)
    return np.concatenate([edges[:, :2], np.maximum(edges[:, 2:] - edges[:, :2], 1.0)], 1)


def annotated(frame: Shot, focal_px: float | None, full: np.ndarray | None, head: np.ndarray | None) -> Crowd:
    nothing = np.zeros((len(frame.people), 4))
    pairs = zip((nothing if full is None else full).tolist(), (nothing if head is None else head).tolist(), strict=True)
    people = [
        annotation(face, body, ignore=not counted)
        for (body, face), counted in zip(pairs, frame.people.counted.tolist(), strict=True)
    ]
    return photographed(image_row(frame, focal_px, people), None, SETTINGS)


def annotation(face: list[float] | None, body: list[float], *, ignore: bool) -> Person:
    return Person(
        tag="person", box_id=None, head=None if face is None else box_of(face), visible=None, full=box_of(body),
        ignore=ignore, head_ignore=False, occluded=None, unsure=None, head_occluded=None, head_unsure=None,
    )  # fmt: skip


def box_of(box: list[float]) -> Box | None:
    x, y, w, h = box
    return Box(x=x, y=y, w=w, h=h) if w > 0 else None


def points_of(frame: Shot | Planted) -> list[Point]:
    return [Point(x=x, y=y) for x, y in frame.points.tolist()]


def image_row(frame: Shot | Planted, focal_px: float | None, people: list[Person] | None) -> ImageRow:
    return ImageRow(
        id="id", source="rendered", path=frame.name, sha256="", bytes=0, format="jpeg", width=WIDTH,
        height=HEIGHT, channels=3, split="train", scene=frame.name, licence="", redistributable=True,
        count=frame.count, points=points_of(frame), people=people, erratum="", status=OK, reason="", focal_px=focal_px,
    )  # fmt: skip


if __name__ == "__main__":
    main()
