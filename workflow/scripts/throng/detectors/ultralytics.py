"""Backend ``ultralytics``: a YOLO model looks at each photograph whole, or at overlapping tiles of it as well."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from throng import rle
from throng.detectors.library import import_yolo
from throng.detectors.network import Answer, Network
from throng.detectors.protocol import Detector, Found, Photograph
from throng.detectors.slicing import Window, cut_off, merge, tiles
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.detectors import Ultralytics
from throng.tables.detections import Detection
from throng.trust import check_trusted

FILE_SUFFIXES = (".pt", ".onnx")
OPENVINO_SUFFIX = "_openvino_model"
GREY = 114  # what the library letterboxes with


def make(config: Ultralytics, model: Path | None, scratch: Path) -> Detector:
    """Load the model; raises ThrongError when it or the library is missing or is of another kind than configured."""
    if model is None or not model.exists():
        raise ThrongError(f"detect.model: {model or config.model} not found; name a .pt, .onnx or OpenVINO folder")
    if not (model.name.endswith(OPENVINO_SUFFIX) if model.is_dir() else model.suffix in FILE_SUFFIXES):
        raise ThrongError(f"detect.model: {model} is no .pt, .onnx or folder *{OPENVINO_SUFFIX}; export it as one")
    if model.suffix == ".pt":
        check_trusted(model, config.trusted, "trusted beside model")
    return UltralyticsDetector(config, model, Network(config, model, import_yolo(scratch)))


def model_digest(model: Path) -> str:
    """Return the hex sha256 of a model file, or of the names and hashes of an OpenVINO folder's files, sorted."""
    if model.is_file():
        return sha256_file(model)
    files = sorted(path for path in model.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(model).as_posix()} {sha256_file(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Look:
    """A window of a photograph and its pixels as the network takes them, made from ``shown``, height and width.

    That is the window, and beside it what keeps a small one from being enlarged too much.
    """

    window: Window
    pixels: np.ndarray
    shown: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one look found, in the photograph's pixels."""

    look: Look
    boxes: np.ndarray
    scores: np.ndarray
    masks: np.ndarray | None
    candidates: int


class UltralyticsDetector:
    """A loaded YOLO model that answers with people only."""

    reads_pixels = True

    def __init__(self, config: Ultralytics, model: Path, network: Network) -> None:
        self.model: Mapping[str, str] | None = {"file": model.name, "sha256": model_digest(model)}
        # the tiles of one photograph fill a forward pass by themselves
        self.batch = 1 if config.slices else config.batch
        self._config, self._network = config, network

    def prepare(self, photograph: Photograph) -> Photograph:
        """Cut and letterbox the windows that the network will look at."""
        if photograph.pixels is None:
            raise ValueError(f"image {photograph.row.id} was given without pixels to a detector that reads them")
        looks = [self._cut(photograph.pixels, window) for window in self._windows(*photograph.pixels.shape[:2])]
        return Photograph(photograph.row, None, (photograph.pixels.shape[:2], looks))

    def _cut(self, pixels: np.ndarray, window: Window) -> Look:
        part = pixels[window.top : window.top + window.height, window.left : window.left + window.width]
        if self._config.enlarge is not None:
            part = _beside_grey(part, math.ceil(self._config.imgsz / self._config.enlarge))
        return Look(window, self._network.letterbox(part), part.shape[:2])

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        """Return the people of each photograph; one that reaches ``max_det`` is rejected."""
        ready = [photograph if photograph.prepared else self.prepare(photograph) for photograph in photographs]
        seen = iter(self._look([look for photograph in ready for look in photograph.prepared[1]]))
        return [self._found(shape, [next(seen) for _ in looks]) for shape, looks in (one.prepared for one in ready)]

    def _windows(self, height: int, width: int) -> list[Window]:
        frame, slices = Window(0, 0, width, height), self._config.slices
        if slices is None:
            return [frame]
        parts = tiles(height, width, slices.tile, slices.overlap)
        return [frame, *parts] if slices.whole and len(parts) > 1 else parts

    def _look(self, looks: Sequence[Look]) -> list[Seen]:
        """Return what each look found; one forward pass takes ``batch`` looks of one shape."""
        seen: dict[int, Seen] = {}
        for shape in dict.fromkeys(look.pixels.shape for look in looks):
            same = [index for index, look in enumerate(looks) if look.pixels.shape == shape]
            for start in range(0, len(same), self._config.batch):
                some = same[start : start + self._config.batch]
                answers = self._network.find([looks[index].pixels for index in some])
                seen |= {index: _place(looks[index], answer) for index, answer in zip(some, answers, strict=True)}
        return [seen[index] for index in range(len(looks))]

    def _found(self, shape: tuple[int, int], seen: Sequence[Seen]) -> Found:
        height, width = shape
        limit = self._config.max_det
        if (most := max(one.candidates for one in seen)) >= limit:
            return Found([], f"cap: {most} people reach detect.max_det; raise it, or detect.confidence")
        owners = [(one, index) for one in seen for index in range(len(one.scores))]
        boxes = np.concatenate([one.boxes for one in seen])
        scores = np.concatenate([one.scores for one in seen])
        kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(1))
        if self._config.slices and len(seen) > 1:
            slices = self._config.slices
            cut = np.concatenate([cut_off(one.boxes, one.look.window, height, width) for one in seen])
            chosen = merge(boxes[kept], scores[kept], cut[kept], iou=slices.iou, contained=slices.contained)
            kept = kept[chosen]
        if len(kept) >= limit:
            return Found([], f"cap: {len(kept)} people reach detect.max_det; raise it, or detect.confidence")
        people: list[Detection] = []
        for index in kept:
            left, top, right, bottom = boxes[index].tolist()
            seen_by, place = owners[index]
            mask = _mask(seen_by, place, height, width)
            people.append(
                Detection(x=left, y=top, w=right - left, h=bottom - top, score=float(scores[index]), mask=mask)
            )
        return Found(people)


def _beside_grey(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return the pixels with grey on the right or below, so that their longer side is at least ``side``."""
    height, width = pixels.shape[:2]
    below, right = (0, max(side - width, 0)) if width >= height else (max(side - height, 0), 0)
    return cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))


def _place(look: Look, answer: Answer) -> Seen:
    """Bring boxes from the letterboxed pixels of a look to the photograph, cut at the look's window."""
    (gain_x, gain_y), (pad_x, pad_y) = _fit(look)
    window = look.window
    boxes = (answer.boxes - (pad_x, pad_y, pad_x, pad_y)) / (gain_x, gain_y, gain_x, gain_y)
    corner, size = np.array([window.left, window.top] * 2), np.array([window.width, window.height] * 2)
    boxes = boxes.clip(0, size) + corner
    return Seen(look, boxes, answer.scores, answer.masks, answer.candidates)


def _fit(look: Look) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return by how much, x and y, letterboxing scaled a window and what it put left of and above it."""
    rows, columns = look.pixels.shape[:2]
    height, width = look.shown
    gain = min(rows / height, columns / width)
    high, wide = max(round(height * gain), 1), max(round(width * gain), 1)
    pads = round((columns - wide) / 2 - 0.1), round((rows - high) / 2 - 0.1)
    return (wide / width, high / height), pads


def _mask(seen: Seen, index: int, height: int, width: int) -> str | None:
    """Return the COCO RLE, at its place in the photograph, of the part of a mask that lies in its box."""
    if seen.masks is None:
        return None
    (gain_x, gain_y), (pad_x, pad_y) = _fit(seen.look)
    left, top = np.floor(seen.boxes[index, :2]).astype(int).tolist()
    right, bottom = np.ceil(seen.boxes[index, 2:]).astype(int).tolist()
    right, bottom = min(right, width), min(bottom, height)
    from_x, from_y = left - seen.look.window.left, top - seen.look.window.top
    move = np.array(
        [
            [gain_x, 0, (from_x + 0.5) * gain_x + pad_x - 0.5],
            [0, gain_y, (from_y + 0.5) * gain_y + pad_y - 0.5],
        ]
    )
    crop = cv2.warpAffine(
        seen.masks[index].astype(np.float32),
        move,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    inside = crop > 0.5
    return rle.encode(inside, height=height, width=width, left=left, top=top) if inside.any() else None
