"""Whether calibrated counts are nearer to the truth than requested ones; run: python benchmarks/calibration.py.

    python benchmarks/calibration.py [--images 30] [--counter counter.safetensors]

Scenes are rendered with about as many people as requested: the true count is the requested one times a lognormal factor
of a known spread, the same for all buckets. models/rendered_people really counts them (imgsz 640, confidence 0.3), and
so does a counter where one is given. Printed and stored in benchmarks/results/calibration.json: mean relative error
|count - true| / (1 + true) and MAE of requested, detected and calibrated counts, with photographs of known count
(other rendered scenes) and without, the ratio of calibrated to requested, how many true counts lie within two standard
deviations, and whether images that weigh more are nearer to the truth. Nothing is timed.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import numpy as np  # noqa: E402

from throng import detectors  # noqa: E402
from throng.calibration.buckets import Bucket  # noqa: E402
from throng.calibration.estimation import estimate  # noqa: E402
from throng.calibration.gathering import Gathered, Known, Shown  # noqa: E402
from throng.calibration.looking import TrainedCounter  # noqa: E402
from throng.detectors.protocol import Detector, Photograph  # noqa: E402
from throng.errors import ThrongError  # noqa: E402
from throng.images import encode_png  # noqa: E402
from throng.render.scene import Frame, make_scene, render_frame  # noqa: E402
from throng.sections.calibrate_counts import CalibrateCounts  # noqa: E402
from throng.sections.detectors import Ultralytics  # noqa: E402
from throng.tables.images import ImageRow  # noqa: E402

MODEL = ROOT / "models" / "rendered_people" / "detector.onnx"
REQUESTED = (1, 2, 5, 10, 20, 40, 80)
NOISE = (0.1, 0.3, 0.6)
REFERENCES = (0, 8, 64)
SEED, SIZE, MOST = 21, (512, 384), 160
Seen = tuple[int, int, float | None]  # true, detected, predicted


class Counted:
    """Renders scenes and counts them."""

    def __init__(self, detector: Detector, counter: TrainedCounter | None) -> None:
        self._detector, self._counter, self._scene = detector, counter, 0

    def of(self, people: int) -> Seen:
        """Return true, detected and predicted count of the next scene in which so many people find room."""
        while True:
            self._scene += 1
            try:
                return self._count(render_frame(make_scene(SEED, self._scene, *SIZE), 0, people))
            except ThrongError as error:
                if "fit into" not in str(error):
                    raise

    def _count(self, frame: Frame) -> Seen:
        blank: dict[str, Any] = dict.fromkeys(ImageRow.__dataclass_fields__)
        row = ImageRow(**blank | {"id": "", "width": SIZE[0], "height": SIZE[1]})
        (found,) = self._detector.detect([Photograph(row, frame.image)])
        predicted = self._counter.count(encode_png(frame.image)) if self._counter else None
        return frame.count, len(found.people), predicted


def gathered(requested: Sequence[int], seen: Sequence[Seen], known: Sequence[Seen]) -> Gathered:
    """Return the counts as stage calibrate_counts has them, the true ones of ``seen`` withheld."""
    images = [
        Shown(
            id=hashlib.sha256(str(index).encode()).hexdigest()[:16],
            bucket=Bucket("rendered", number, number, str(number)),
            exact=None,
            detected=detected,
            predicted=predicted,
            score=None,
            path="",
            text="",
            redistributable=True,
            made=True,
            looked=True,
            reason="",
        )
        for index, (number, (_, detected, predicted)) in enumerate(zip(requested, seen, strict=True))
    ]
    references = [Known("photograph", true, detected, predicted) for true, detected, predicted in known]
    nothing = np.zeros((len(images), 0), np.float32)
    return Gathered(images, nothing, np.zeros(len(images), np.uint64), references, nothing[: len(known)])


def errors(counts: np.ndarray, true: np.ndarray) -> dict[str, float]:
    return {
        "relative": round(float(np.mean(np.abs(counts - true) / (1 + true))), 4),
        "mae": round(float(np.mean(np.abs(counts - true))), 3),
    }


def halves(weights: np.ndarray, off: np.ndarray) -> dict[str, float]:
    """Return the root mean square relative error of the half of the images that weigh more, and of the other half."""
    order = np.argsort(-weights, kind="stable")
    half = len(order) // 2
    parts = {"heavier_half_rms": order[:half], "lighter_half_rms": order[half:]}
    return {name: round(float(np.sqrt(np.mean(off[part] ** 2))), 3) for name, part in parts.items()}


def measure(requested: Sequence[int], seen: Sequence[Seen], known: Sequence[Seen]) -> dict[str, Any]:
    """Return the errors of every way of knowing the counts."""
    true, asked = np.array([one[0] for one in seen]), np.array(requested)
    ways = {"requested": asked, "detected": np.array([one[1] for one in seen])}
    if seen[0][2] is not None:
        ways["predicted"] = np.array([one[2] for one in seen])
    record: dict[str, Any] = {name: errors(counts, true) for name, counts in ways.items()}
    for number in REFERENCES:
        some = gathered(requested, seen, known[:number])
        found = estimate(some, np.ones(len(seen), bool), CalibrateCounts(transfer_std=0.0))
        mine = errors(found.counts, true)
        record[f"calibrated, {number} references"] = mine | {
            "ratio_to_requested": round(mine["relative"] / record["requested"]["relative"], 3),
            "mae_ratio_to_requested": round(mine["mae"] / record["requested"]["mae"], 3),
            "within_two_std": round(float(np.mean(np.abs(found.counts - true) <= 2 * found.stds)), 3),
            **halves(found.weights, (found.counts - true) / (1 + true)),
        }
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=30, help="of every requested count and size of noise")
    parser.add_argument("--counter", type=Path, default=None, help="a trained counter that counts too")
    options = parser.parse_args()
    random = np.random.default_rng(SEED)
    report: dict[str, Any] = {"images_per_bucket": options.images, "requested": list(REQUESTED), "noise": {}}
    with tempfile.TemporaryDirectory() as scratch:
        section = Ultralytics(imgsz=640, confidence=0.3)
        counter = TrainedCounter(options.counter, "whole", "cpu") if options.counter else None
        counted = Counted(detectors.load(section, MODEL, Path(scratch)), counter)
        known = [counted.of(int(people)) for people in random.integers(0, 100, max(REFERENCES))]
        for spread in NOISE:
            requested = [number for number in REQUESTED for _ in range(options.images)]
            factors = np.exp(spread * random.standard_normal(len(requested)))
            people = np.minimum(np.rint(np.array(requested) * factors), MOST).astype(int)
            record = measure(requested, [counted.of(int(number)) for number in people], known)
            report["noise"][str(spread)] = record
            print(f"noise {spread}", flush=True)
            for name, values in record.items():
                print(f"  {name:28} " + "  ".join(f"{key} {value:g}" for key, value in values.items()), flush=True)
    target = ROOT / "benchmarks" / "results" / "calibration.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
