"""Backend ``ultralytics``: a YOLO detection or segmentation model from a .pt, an .onnx or an OpenVINO folder.

Ultralytics is told, before it is imported, to stay off the network and to keep its settings in the scratch folder.
"""

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from throng import rle
from throng.detectors.protocol import Detector, Found, Photograph
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.detectors import Ultralytics
from throng.tables.detections import Detection

PERSON = "person"
FILE_SUFFIXES = (".pt", ".onnx")
OPENVINO_SUFFIX = "_openvino_model"


def make(config: Ultralytics, model: Path | None, scratch: Path) -> Detector:
    """Load the model; raises ThrongError when it or the library is missing or is of another kind than configured."""
    if model is None or not model.exists():
        raise ThrongError(f"detect.model: {model or config.model} not found; name a .pt, .onnx or OpenVINO folder")
    if not (model.name.endswith(OPENVINO_SUFFIX) if model.is_dir() else model.suffix in FILE_SUFFIXES):
        raise ThrongError(f"detect.model: {model} is no .pt, .onnx or folder *{OPENVINO_SUFFIX}; export it as one")
    return UltralyticsDetector(config, model, _import_yolo(scratch))


def model_digest(model: Path) -> str:
    """Return the hex sha256 of a model file, or of the names and hashes of an OpenVINO folder's files, sorted."""
    if model.is_file():
        return sha256_file(model)
    files = sorted(path for path in model.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(model).as_posix()} {sha256_file(path)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _import_yolo(scratch: Path) -> Any:
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_VERBOSE": "0", "YOLO_CONFIG_DIR": str(scratch)}
    try:
        import torchvision  # noqa: F401 - its presence decides which NMS ultralytics uses
        from ultralytics import YOLO
    except ImportError as error:
        raise ThrongError(
            f"detect.backend is ultralytics, but a library is missing ({error}): "
            f"pip install ultralytics-opencv-headless onnx onnxruntime openvino"
        ) from error
    return YOLO


class UltralyticsDetector:
    """A loaded YOLO model that answers with people only."""

    reads_pixels = True

    def __init__(self, config: Ultralytics, model: Path, yolo: Any) -> None:
        self.batch = config.batch
        self.model: Mapping[str, str] | None = {"file": model.name, "sha256": model_digest(model)}
        self._config = config
        self._alarm = _TimeAlarm()
        logging.getLogger("ultralytics").addHandler(self._alarm)
        try:
            self._yolo = yolo(model, task=config.task)
            self._predict([np.zeros((config.imgsz, config.imgsz, 3), np.uint8)], classes=None)
            network = self._yolo.predictor.model
            names = {name: index for index, name in self._yolo.names.items()}
        except Exception as error:  # whatever a foreign file makes the library raise
            raise ThrongError(
                f"detect.model: {model} cannot be run as an ultralytics {config.task} model on device "
                f"{config.device!r}: {_first_line(error)}"
            ) from error
        self._check(model, network, names)
        self._person = names[PERSON]
        self._candidates: list[int] = []
        self._count_before_masks()

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        """Return the people of each photograph; one that reaches ``max_det`` is rejected."""
        images = [_bgr(photograph) for photograph in photographs]
        self._candidates.clear()
        self._alarm.rang = False
        results = self._predict(images, classes=[self._person])
        if self._alarm.rang and len(photographs) > 1:  # the library leaves the rest of a slow batch empty
            return [found for photograph in photographs for found in self.detect([photograph])]
        return [self._found(result, candidates) for result, candidates in zip(results, self._candidates, strict=True)]

    def _predict(self, images: list[np.ndarray], classes: list[int] | None) -> list[Any]:
        config = self._config
        return self._yolo.predict(
            images,
            conf=config.confidence,
            iou=config.iou,
            imgsz=config.imgsz,
            max_det=config.max_det,
            classes=classes,
            device=config.device,
            batch=len(images),
            save=False,
            verbose=False,
        )

    def _check(self, model: Path, network: Any, names: Mapping[str, int]) -> None:
        task = network.task or self._yolo.task
        if task != self._config.task:
            raise ThrongError(f"detect.model: {model} is a {task} model, detect.task says {self._config.task}")
        if PERSON not in names:
            raise ThrongError(f"detect.model: {model} has no class {PERSON!r}, only {sorted(names)[:10]}")
        if network.format == "pt":
            return
        if network.end2end or network.metadata.get("args", {}).get("nms"):
            raise ThrongError(
                f"detect.model: {model} was exported with its own limit of boxes per image, which would cut crowds "
                f"short in silence; export it with nms=False and end2end=False, or name the .pt"
            )
        sides = {int(side) for side in np.atleast_1d(network.imgsz)}
        if not network.dynamic and sides != {self._config.imgsz}:
            raise ThrongError(
                f"detect.imgsz is {self._config.imgsz}, but {model} was exported for "
                f"{'x'.join(map(str, sorted(sides)))}; set detect.imgsz to that or export it with dynamic=True"
            )

    def _count_before_masks(self) -> None:
        """Note how many people the network found before the library drops those with an empty mask."""
        predictor = self._yolo.predictor
        construct = predictor.construct_result

        def counted(prediction: Any, *others: Any) -> Any:
            self._candidates.append(len(prediction))
            return construct(prediction, *others)

        predictor.construct_result = counted

    def _found(self, result: Any, candidates: int) -> Found:
        if candidates >= self._config.max_det:
            return Found([], f"cap: {candidates} people reach detect.max_det; raise it, or detect.confidence")
        height, width = result.orig_shape
        corners = result.boxes.xyxy.cpu().numpy().astype(np.float64)
        scores = result.boxes.conf.cpu().numpy().astype(np.float64)
        masks = None if result.masks is None else result.masks.data.cpu().numpy()
        people: list[Detection] = []
        for index in np.argsort(-scores, kind="stable"):
            left, top, right, bottom = corners[index].tolist()
            if right <= left or bottom <= top:
                continue
            mask = None if masks is None else _rle(masks[index], corners[index], height, width)
            people.append(
                Detection(x=left, y=top, w=right - left, h=bottom - top, score=float(scores[index]), mask=mask)
            )
        return Found(people)


def _bgr(photograph: Photograph) -> np.ndarray:
    if photograph.pixels is None:
        raise ValueError(f"image {photograph.row.id} was given without pixels to a detector that reads them")
    return np.ascontiguousarray(photograph.pixels[..., ::-1])


def _rle(mask: np.ndarray, corners: np.ndarray, height: int, width: int) -> str | None:
    """Bring one mask from the letterboxed frame that the network saw to its box in the image."""
    rows, columns = mask.shape
    gain = min(rows / height, columns / width)
    pad_x, pad_y = (columns - width * gain) / 2, (rows - height * gain) / 2
    left, top = np.floor(corners[:2]).astype(int)
    right, bottom = np.minimum(np.ceil(corners[2:]).astype(int), (width, height))
    move = np.array([[gain, 0, (left + 0.5) * gain + pad_x - 0.5], [0, gain, (top + 0.5) * gain + pad_y - 0.5]])
    crop = cv2.warpAffine(
        mask.astype(np.float32),
        move,
        (int(right - left), int(bottom - top)),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    inside = crop > 0.5
    return rle.encode(inside, height=height, width=width, left=int(left), top=int(top)) if inside.any() else None


class _TimeAlarm(logging.Handler):
    """Notices the library's warning that suppression took too long."""

    rang = False

    def emit(self, record: logging.LogRecord) -> None:
        """Ring at that warning."""
        self.rang = self.rang or "NMS time limit" in record.getMessage()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
