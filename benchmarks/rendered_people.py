"""How well models/rendered_people finds people in the demo's own scenes, which it never saw in training.

Renders the demo (seed 0), loads the model as stage detect does, and reports recall by how much of a person is seen.
Nothing is timed. Run: python benchmarks/rendered_people.py [--model FILE]
"""

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from throng import detectors
from throng.detectors.protocol import Photograph
from throng.evaluation.detection import Matched, detection_errors, match_boxes
from throng.images import ImageStore, decode
from throng.render.archives import write_archives
from throng.sections.detectors import Ultralytics
from throng.sections.render import Render
from throng.tables.images import ImageRow

ROOT = Path(__file__).parents[1]
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
HEIGHTS = (0, 16, 32, 64, 1000)
CONFIDENCES = (0.2, 0.25, 0.3, 0.4, 0.5)
SEEN = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "rendered_people" / "detector.onnx")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "rendered_people.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(arguments.model, Path(folder))
    arguments.out.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    print(json.dumps(report, indent=1, sort_keys=True))


def measure(model: Path, folder: Path) -> dict[str, Any]:
    demo = Render().model_dump(exclude={"folder"})
    write_archives(folder / "scenes", seed=0, **demo)
    truth = pq.read_table(folder / "scenes" / "truth.parquet").to_pylist()
    section = Ultralytics(model=model.name, confidence=SEEN, imgsz=640, batch=1)
    detector = detectors.load(section, model, folder / "scratch")
    store = ImageStore({"scenes": folder / "scenes"})
    matched = [_matched(detector, store, row) for row in truth]
    counted = [np.array(row["counted"], bool) for row in truth]
    shares = np.concatenate([np.array(row["visible_share"])[c] for row, c in zip(truth, counted, strict=True)])
    boxes = [np.array(row["visible_boxes"]).reshape(-1, 4)[c] for row, c in zip(truth, counted, strict=True)]
    heights = np.concatenate(boxes)[:, 3]
    found_at = np.concatenate([one.found_at for one in matched])
    return {
        "what": "the demo's 144 rendered scenes of seed 0, boxes that an annotator would mark, IoU 0.5",
        "at_confidence": {str(limit): dataclasses.asdict(detection_errors(matched, limit)) for limit in CONFIDENCES},
        "recall_by_visible_share_at_0.3": _by(shares, found_at, SHARES),
        "recall_by_box_height_at_0.3": _by(heights, found_at, HEIGHTS),
    }


def _matched(detector: detectors.Detector, store: ImageStore, row: dict[str, Any]) -> Matched:
    pixels = decode(store.read_bytes("scenes", row["path"]))
    blank = dict.fromkeys(ImageRow.__dataclass_fields__) | {"height": row["height"], "width": row["width"], "id": ""}
    (answer,) = detector.detect([Photograph(ImageRow(**blank), pixels)])  # pyright: ignore[reportArgumentType]
    if answer.rejection:
        raise SystemExit(answer.rejection)
    boxes = np.array([[person[side] for side in "xywh"] for person in answer.people]).reshape(-1, 4)
    scores = np.array([person["score"] for person in answer.people])
    visible = np.array(row["visible_boxes"]).reshape(-1, 4)
    counted = np.array(row["counted"], bool)
    ignored = np.concatenate([visible[~counted], np.array(row["lookalikes"]).reshape(-1, 4)])
    return match_boxes(boxes, scores, visible[counted], ignored=ignored)


def _by(values: np.ndarray, found_at: np.ndarray, edges: tuple[float, ...]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for index, low in enumerate(edges[:-1]):
        high = edges[index + 1]
        inside = (values >= low) & ((values < high) | (high == edges[-1]))
        rows[f"{low}-{high}"] = {
            "people": int(inside.sum()),
            "recall": float((found_at[inside] >= 0.3).mean()) if inside.any() else None,
        }
    return rows


if __name__ == "__main__":
    main()
