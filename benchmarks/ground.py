"""The ground plane against rendered truth: camera height, horizon, people per square metre, and whether intervals hold.

    python benchmarks/ground.py [--scenes 240] [--seed 11]

Scenes have known cameras 2.4 to 7.5 m high, focal lengths of 0.75 to 1.25 longer sides, and people 1.72 m tall on
average, while 1.685 m is assumed. What is known of the people varies: exact full boxes, boxes with an annotator's or a
detector's errors, heads alone, points with detections. Each is measured with the focal length known and with the prior.
The true density is the same area around the people, taken with their true places and the true camera. Figures go to
standard output and to benchmarks/results/ground.json.
"""

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.density.area import occupied_m2, people_per_m2
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
ANNOTATOR, DETECTOR = 0.02, 0.04  # standard deviation of a box's edges, of its height
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


Given = Callable[[Shot, float | None, np.random.Generator], Crowd]


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
    figures["scenes"] = {"number": len(frames), "width": WIDTH, "height": HEIGHT}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ground.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def measure(frames: list[Shot], given: Given, known: bool) -> dict[str, Any]:
    """Return and print the errors of every scene's ground and density, and how often their intervals hold."""
    rows, reasons = [], Counter[str]()
    for number, frame in enumerate(frames):
        crowd = given(frame, frame.camera.focal_px if known else None, np.random.default_rng(number))
        found = people_per_m2(crowd)
        if found is None or crowd.ground is None:
            reasons[crowd.ground_reason.split(":")[0]] += 1
            continue
        camera, ground, truth = frame.camera, crowd.ground, true_density(frame)
        low, high = ground.camera_height_range_m
        rows.append(
            (
                ground.camera_height_m / camera.height_m,
                low <= camera.height_m <= high,
                (ground.horizon - camera.horizon_px) / HEIGHT,
                found.people_per_m2 / truth,
                found.low <= truth <= found.high,
                found.high / found.low,
                found.people_per_m2,
                frame.persons_per_m2,
                truth,
            )
        )
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
    print(f"\n{given.__name__}, focal length {'known' if known else 'by the prior'}", flush=True)
    for name, value in figures.items():
        print(f"  {name:56s} {value if isinstance(value, dict | int) else f'{value:.3f}'}", flush=True)
    return figures


def median_error(ratios: np.ndarray) -> float:
    return float(np.median(np.abs(ratios - 1)))


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.asarray(spearmanr(first, second))[0])


def true_density(frame: Shot) -> float:
    """Return the people who count over the ground they occupy, by their true places and the true camera."""
    camera, people = frame.camera, frame.people
    exact = (camera.height_m, camera.height_m), (camera.focal_px, camera.focal_px)
    stature = float(people.stature_m.mean())
    ground = Ground(camera.horizon_px, camera.centre_px, camera.height_m, camera.focal_px, *exact, stature)
    feet = ground.to_pixels(people.ground_m[people.counted])
    return len(feet) / occupied_m2(ground, feet, WIDTH, HEIGHT)


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
    found = [Detection(x=x, y=y, w=w, h=h, score=0.9, mask=None) for x, y, w, h in boxes.tolist()]
    return photographed(image_row(frame, focal_px, None), DetectionRow("id", "ultralytics", found, OK, ""), SETTINGS)


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
        Person(
            tag="person", box_id=None, head=box_of(face), visible=None, full=box_of(body), ignore=not counted,
            head_ignore=False, occluded=None, unsure=None, head_occluded=None, head_unsure=None,
        )
        for (body, face), counted in zip(pairs, frame.people.counted.tolist(), strict=True)
    ]  # fmt: skip
    return photographed(image_row(frame, focal_px, people), None, SETTINGS)


def box_of(box: list[float]) -> Box | None:
    x, y, w, h = box
    return Box(x=x, y=y, w=w, h=h) if w > 0 else None


def points_of(frame: Shot) -> list[Point]:
    return [Point(x=x, y=y) for x, y in frame.people.head_point[frame.people.counted].tolist()]


def image_row(frame: Shot, focal_px: float | None, people: list[Person] | None) -> ImageRow:
    return ImageRow(
        id="id", source="rendered", path=frame.name, sha256="", bytes=0, format="jpeg", width=WIDTH,
        height=HEIGHT, channels=3, split="train", scene=frame.name, licence="", redistributable=True,
        count=frame.count, points=points_of(frame), people=people, erratum="", status=OK, reason="", focal_px=focal_px,
    )  # fmt: skip


if __name__ == "__main__":
    main()
