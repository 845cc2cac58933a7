"""How well people are found: real YOLO weights on Penn-Fudan, and slices against whole frames on ShanghaiTech part B.

    THRONG_DATA=folder python benchmarks/detect_quality.py [--photographs 40] [--sweep]

Everything goes through the detect backend. On Penn-Fudan (ingested, boxes and masks from PedMasks): recall, precision
and average precision at IoU 0.5, mean mask IoU of the people found by the segmentation model. On part B, whose
annotations are head points, every n-th photograph of the training set: a detection is right when a head that no better
one has taken lies in the upper third of its box. ``--sweep`` adds settings around the defaults. Figures go to standard
output and to benchmarks/results/detect_quality.json.
"""

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng import detectors, rle
from throng.detectors.protocol import Photograph
from throng.evaluation.detection import Matched, detection_errors, mask_iou, match_boxes, match_heads
from throng.images import ImageStore, decode
from throng.sections.detectors import Slices, Ultralytics
from throng.sections.ingest import PennFudan, ShanghaiTech
from throng.sources import pennfudan, shanghaitech
from throng.sources.ingestion import ingest_one
from throng.sources.listing import list_files
from throng.sources.samples import Sample
from throng.tables.detections import Detection
from throng.tables.images import ImageRow

RESULTS = Path(__file__).parent / "results"
MAX_PIXELS = 10_000_000
PENN_FUDAN: Mapping[str, dict[str, Any]] = {
    "yolov8n int8 onnx": {"model": "yolov8n_int8_dynamic_640.onnx"},
    "yolo11n int8 openvino": {"model": "yolo11n_int8_openvino_model"},
    "yolov8n-seg int8 onnx, 320": {"model": "yolov8n-seg_int8_320.onnx", "task": "segment", "imgsz": 320},
}
PART_B = "yolo11n_int8_openvino_model"
LOOKS: Mapping[str, Slices | None] = {
    "whole frame": None,
    "tiles of 640": Slices(tile=640),
    "tiles of 320": Slices(tile=320),
    "tiles of 256": Slices(tile=256),
    "tiles of 256, pieces kept": Slices(tile=256, contained=1),
}
SWEEP: Mapping[str, Slices] = {
    "tiles of 192": Slices(tile=192),
    "tiles of 384": Slices(tile=384),
    "tiles of 256, without the whole frame": Slices(tile=256, whole=False),
    "tiles of 256, overlap 0.1": Slices(tile=256, overlap=0.1),
    "tiles of 256, overlap 0.35": Slices(tile=256, overlap=0.35),
    "tiles of 256, iou 0.4": Slices(tile=256, iou=0.4),
    "tiles of 256, iou 0.6": Slices(tile=256, iou=0.6),
    "tiles of 256, contained 0.6": Slices(tile=256, contained=0.6),
    "tiles of 256, contained 0.8": Slices(tile=256, contained=0.8),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=int, default=40, help="of part B")
    parser.add_argument("--sweep", action="store_true", help="the merge settings too")
    options = parser.parse_args()
    if "THRONG_DATA" not in os.environ:
        raise SystemExit("THRONG_DATA must name the folder with pennfudan, shanghaitech/part_B and weights")
    data = Path(os.environ["THRONG_DATA"])
    with tempfile.TemporaryDirectory() as scratch:
        figures = {
            "Penn-Fudan": {name: penn_fudan(data, Path(scratch), settings) for name, settings in PENN_FUDAN.items()}
        }
        photographs = list(part_b(data, options.photographs))
        looks = {**LOOKS, **(SWEEP if options.sweep else {})}
        figures["part B"] = {
            name: heads(photographs, Ultralytics(model=PART_B, slices=slices), data, Path(scratch), name)
            for name, slices in looks.items()
        }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "detect_quality.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def penn_fudan(data: Path, scratch: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the errors over all images at the default confidence."""
    config = Ultralytics(**settings)
    detector = detectors.load(config, data / "weights" / config.model, scratch)
    root = data / "pennfudan"
    matches: list[Matched] = []
    overlaps: list[float] = []
    for photograph in photographs_of(PennFudan(name="pf", root=str(root), format="pennfudan"), root):
        row = photograph.row
        (found,) = detector.detect([photograph])
        assert row.people is not None
        truth = np.array([list(person["visible"].values()) for person in row.people if person["visible"]])
        matched = match_boxes(boxes(found.people), scores(found.people), truth)
        matches.append(matched)
        mask_file = root / row.path.replace("PNGImages", "PedMasks").replace(".png", "_mask.png")
        mask = pennfudan.read_mask(mask_file.read_bytes(), row.width, row.height)
        numbers = [number for number in np.unique(mask) if number]
        for person, taken in zip(found.people, matched.taken, strict=True):
            if taken >= 0 and person["mask"]:
                overlaps.append(mask_iou(rle.decode(person["mask"], row.height, row.width), mask == numbers[taken]))
    figures = rounded(dataclasses.asdict(detection_errors(matches)))
    if overlaps:
        figures |= {"mean mask IoU": round(float(np.mean(overlaps)), 4), "masks": len(overlaps)}
    print(config.model, figures, flush=True)
    return figures


def part_b(data: Path, count: int) -> Iterator[Photograph]:
    root = data / "shanghaitech" / "part_B"
    source = ShanghaiTech(name="b", root=str(root), format="shanghaitech", part="B")
    return photographs_of(source, root, count)


def photographs_of(source: PennFudan | ShanghaiTech, root: Path, count: int | None = None) -> Iterator[Photograph]:
    """Yield ingested and decoded photographs: all, or ``count`` evenly spread over the training images by name."""
    store = ImageStore({source.name: root})

    def read(path: str) -> bytes:
        return store.read_bytes(source.name, path)

    files = list_files(root, 8 * MAX_PIXELS)
    listed: list[Sample] = (
        pennfudan.samples(files, read, source.split)
        if isinstance(source, PennFudan)
        else [sample for sample in shanghaitech.samples(files, read, source.part) if sample.split == "train"]
    )
    listed.sort(key=lambda sample: sample.key)
    for sample in listed[:: max(1, len(listed) // count)][:count] if count else listed:
        row: ImageRow = ingest_one(source, sample, read, MAX_PIXELS)
        yield Photograph(row, decode(read(row.path)))
    store.close()


def heads(photographs: list[Photograph], config: Ultralytics, data: Path, scratch: Path, name: str) -> dict[str, Any]:
    """Return the errors by head points, and the CPU milliseconds per photograph."""
    detector = detectors.load(config, data / "weights" / config.model, scratch)
    detector.detect(photographs[:1])
    matches = []
    started = time.process_time()
    answers = [detector.detect([photograph])[0] for photograph in photographs]
    spent = (time.process_time() - started) / len(photographs)
    for photograph, found in zip(photographs, answers, strict=True):
        points = np.array([[point["x"], point["y"]] for point in photograph.row.points or []])
        matches.append(match_heads(boxes(found.people), scores(found.people), points))
    figures = rounded(dataclasses.asdict(detection_errors(matches))) | {"CPU ms": round(1e3 * spent)}
    print(f"part B, {name}: {figures}", flush=True)
    return figures


def boxes(people: list[Detection]) -> np.ndarray:
    return np.array([[person["x"], person["y"], person["w"], person["h"]] for person in people]).reshape(-1, 4)


def scores(people: list[Detection]) -> np.ndarray:
    return np.array([person["score"] for person in people])


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


if __name__ == "__main__":
    main()
