"""Stage ``train_detector``: a person detector from the boxes of CrowdHuman-format sources."""

import dataclasses
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from throng import detectors
from throng.detectors.examples import Example
from throng.detectors.library import import_yolo
from throng.detectors.protocol import Photograph
from throng.errors import ThrongError
from throng.evaluation.detection import Matched, detection_errors, match_boxes
from throng.files import sha256_file, write_text
from throng.images import ImageStore, decode
from throng.manifest import OK, read_rows
from throng.provenance import canonical_json
from throng.sections.detectors import Ultralytics
from throng.sections.train_detector import TrainDetector
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.tables.images import TABLE as IMAGES
from throng.tables.images import Box, ImageRow, Person
from throng.workdir import Workdir

log = logging.getLogger(__name__)
LOWEST_CONFIDENCE = 0.01  # average precision is over detections from here on
MATCH_IOU = 0.5


def run(inputs: Files, outputs: Files, config: TrainDetector, context: Context) -> None:
    """Train on the training rows, choose by the validation rows, write weights, ONNX, history and figures."""
    scratch = context.workdir()
    os.environ.setdefault("OMP_NUM_THREADS", str(context.threads))
    import_yolo(scratch.path / "settings")
    import torch

    from throng.detectors import fitting

    torch.set_num_threads(context.threads)
    rows = read_rows(inputs.one("images"), IMAGES, ImageRow)
    store = ImageStore(context.roots)
    base = next(iter(inputs.many("base")), None)
    training, skipped = readable(examples(rows, "train", config), store, context.threads)
    validation, more = readable(examples(rows, "val", config), store, context.threads)
    check(training, validation, config)
    log.info("training on %d images, validating on %d", len(training), len(validation))
    sha256 = sha256_file(base) if base is not None and base.is_file() else None
    work = Workdir(scratch.path / (sha256 or "scratch")[:16])
    # torch takes signed 64-bit seeds
    seed = sample_seed(context.seed, "train_detector", str(config.architecture)) >> 1
    model, history = fitting.fit(training, validation, Pixels(store), config, base=base, seed=seed, work=work.path)
    fitting.save_weights(model, outputs.one("weights"), config.imgsz)
    fitting.export_onnx(outputs.one("weights"), outputs.one("model"), config, work.path / "export")
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in history))
    figures = measure(outputs.one("model"), validation, store, config, work.path)
    footer = dataclasses.asdict(context.provenance(backend="ultralytics", model={"sha256": sha256} if sha256 else None))
    report = {
        "validation": figures,
        "training": {"images": len(training), "people": sum(len(example.people) for example in training)},
        "unreadable": dict(sorted((skipped + more).items())),
        "model": {"sha256": sha256_file(outputs.one("model")), "bytes": outputs.one("model").stat().st_size},
        "made_by": footer,
    }
    write_text(outputs.one("figures"), json.dumps(report, indent=1, sort_keys=True) + "\n")
    log.info("train_detector: %s", figures)
    scratch.remove()


class Pixels:
    """Reads an example's pixels; picklable, for processes that make samples."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def __call__(self, example: Example) -> np.ndarray:
        """Return the (H, W, 3) uint8 RGB pixels; raises ThrongError when they cannot be read."""
        return decode(self._store.read_bytes(example.source, example.path))


def examples(rows: Iterable[ImageRow], split: str, config: TrainDetector) -> list[Example]:
    """Return the annotated images of a split in order of their ids, each content once; empty ones are kept."""
    chosen: dict[str, Example] = {}
    for row in rows:
        wanted = config.sources is None or row.source in config.sources
        if row.status != OK or row.split != split or row.people is None or not wanted:
            continue
        people, ignored = boxes_of(row, config)
        example = Example(row.id, row.source, row.path, row.width, row.height, people, ignored)
        chosen.setdefault(row.id, example)
    return [chosen[key] for key in sorted(chosen)]


def boxes_of(row: ImageRow, config: TrainDetector) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, 4) float64 boxes to learn and (M, 4) to ignore, x, y, w, h in pixels, cut at the frame."""
    learnt: list[tuple[float, ...]] = []
    ignored: list[tuple[float, ...]] = []
    for person in row.people or []:
        box = _box(person, config)
        region = box or person["full"] or person["visible"]
        if region is None:
            continue
        x, y, w, h = _cut(region, row.width, row.height)
        if w <= 0 or h <= 0:
            continue
        usable = box is not None and not person["ignore"] and min(w, h) >= config.min_side
        if config.box == "head":
            usable = usable and not person["head_ignore"]
        (learnt if usable else ignored).append((x, y, w, h))
    return np.array(learnt, np.float64).reshape(-1, 4), np.array(ignored, np.float64).reshape(-1, 4)


def _box(person: Person, config: TrainDetector) -> Box | None:
    if config.box == "head":
        return person["head"]
    first, second = ("visible", "full") if config.box == "visible" else ("full", "visible")
    return person[first] or person[second]


def _cut(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    left, top = max(box["x"], 0.0), max(box["y"], 0.0)
    right, bottom = min(box["x"] + box["w"], float(width)), min(box["y"] + box["h"], float(height))
    return left, top, right - left, bottom - top


def readable(wanted: Sequence[Example], store: ImageStore, threads: int) -> tuple[list[Example], Counter[str]]:
    """Return the examples whose pixels decode to the size that ingestion saw, and how many others there are by kind."""

    def problem(example: Example) -> str:
        try:
            pixels = Pixels(store)(example)
        except ThrongError as error:
            log.warning("%s/%s is left out: %s", example.source, example.path, error)
            return "unreadable"
        return "" if pixels.shape[:2] == (example.height, example.width) else "another size than at ingestion"

    with ThreadPoolExecutor(max(1, threads)) as pool:
        problems = list(pool.map(problem, wanted))
    kept = [example for example, found in zip(wanted, problems, strict=True) if not found]
    return kept, Counter(found for found in problems if found)


def check(training: Sequence[Example], validation: Sequence[Example], config: TrainDetector) -> None:
    """Raise ThrongError unless both splits have people to learn and to choose by."""
    people = {
        name: sum(len(example.people) for example in found)
        for name, found in (("train", training), ("val", validation))
    }
    if not all(people.values()):
        raise ThrongError(
            f"train_detector needs annotated people: {people['train']} {config.box} boxes in {len(training)} images of "
            f"split train, {people['val']} in {len(validation)} of split val; add a CrowdHuman-format source, name it "
            f"in train_detector.sources, or raise ingest.val_fraction"
        )


def measure(
    model: Path, wanted: Sequence[Example], store: ImageStore, config: TrainDetector, scratch: Path
) -> dict[str, Any]:
    """Return recall, precision and AP at IoU 0.5 of the exported model on examples, loaded as stage detect loads it."""
    section = Ultralytics(
        model=model.name,
        confidence=LOWEST_CONFIDENCE,
        iou=config.iou,
        imgsz=config.imgsz,
        batch=1,
        device=config.device,
    )
    detector = detectors.load(section, model, scratch)
    matched: list[Matched] = []
    for example in wanted:
        (found,) = detector.detect([Photograph(_row(example), Pixels(store)(example))])
        if found.rejection:
            raise ThrongError(f"train_detector: {example.source}/{example.path}: {found.rejection}")
        boxes = np.array([[person[side] for side in "xywh"] for person in found.people]).reshape(-1, 4)
        scores = np.array([person["score"] for person in found.people])
        matched.append(match_boxes(boxes, scores, example.people, MATCH_IOU, example.ignored))
    errors = dataclasses.asdict(detection_errors(matched, config.confidence))
    return errors | {"confidence": config.confidence, "iou": MATCH_IOU}


def _row(example: Example) -> ImageRow:
    return ImageRow(
        example.id, example.source, example.path, "", 0, "", example.width, example.height, 3, "", "", "", False,
        None, None, None, "", OK, "",
    )  # fmt: skip
