"""A YOLO network behind one call: letterboxed images in, boxes, scores and masks in their pixels out."""

import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from throng.errors import ThrongError
from throng.sections.detectors import Ultralytics


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was found in one letterboxed image: (N, 4) x1, y1, x2, y2 and (N,) scores, float64, best first.

    ``masks`` is (N, H, W) bool for a segmentation model; ``candidates`` counts the people before those without any
    mask were dropped.
    """

    boxes: np.ndarray
    scores: np.ndarray
    masks: np.ndarray | None
    candidates: int


class Network:
    """A loaded model, checked against its configuration."""

    def __init__(self, config: Ultralytics, model: Path, yolo: Any) -> None:
        """Raise ThrongError when the file cannot be run or is of another kind than configured."""
        _check_precision(config, model)
        self._config = config
        self._classes: list[int] | None = None
        self._alarm = _TimeAlarm()
        logging.getLogger("ultralytics").addHandler(self._alarm)
        try:
            self._yolo = yolo(model, task=config.task)
            self._predict([np.zeros((config.imgsz, config.imgsz, 3), np.uint8)])
            loaded = self._yolo.predictor.model
            names = {name: index for index, name in self._yolo.names.items()}
        except Exception as error:  # whatever a foreign file makes the library raise
            raise ThrongError(
                f"detect.model: {model} cannot be run as an ultralytics {config.task} model on device "
                f"{config.device!r}: {_first_line(error)}"
            ) from error
        _check(config, model, loaded, loaded.task or self._yolo.task, names)
        self._classes = [names[name] for name in config.classes]
        if loaded.format == "openvino":
            _compile_again(loaded, model, config.precision)
        if loaded.format == "onnx":
            _start_again(loaded, model)
        self._letterbox = _letterbox(config.imgsz, loaded)
        self._candidates: list[int] = []
        self._count_before_masks()

    def letterbox(self, image: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB pixels as the network takes them: resized, padded, BGR; any thread may."""
        return self._letterbox(image=cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def find(self, images: list[np.ndarray]) -> list[Answer]:
        """Return the answer to each of the letterboxed images, all of one shape."""
        self._candidates.clear()
        self._alarm.rang = False
        results = self._predict(images)
        if self._alarm.rang and len(images) > 1:  # the library leaves the rest of a slow batch empty
            return [answer for image in images for answer in self.find([image])]
        return [_answer(result, count) for result, count in zip(results, self._candidates, strict=True)]

    def _predict(self, images: list[np.ndarray]) -> list[Any]:
        config = self._config
        return self._yolo.predict(
            images,
            conf=config.confidence,
            iou=config.iou,
            imgsz=config.imgsz,
            max_det=config.max_det,
            classes=self._classes,
            agnostic_nms=True,
            nms=None,  # of two heads the one-to-many: it is trained for recall and has no built-in limit of boxes
            quantize=16 if config.precision == "float16" else None,
            device=config.device,
            batch=len(images),
            save=False,
            verbose=False,
        )

    def _count_before_masks(self) -> None:
        """Note how many people the network found before the library drops those with an empty mask."""
        predictor = self._yolo.predictor
        construct = predictor.construct_result

        def counted(prediction: Any, *others: Any) -> Any:
            self._candidates.append(len(prediction))
            return construct(prediction, *others)

        predictor.construct_result = counted


def _check_precision(config: Ultralytics, model: Path) -> None:
    if config.precision == "float16" and (model.suffix != ".pt" or config.device == "cpu"):
        raise ThrongError(
            f"detect.precision float16 is for a .pt on a GPU, but detect.model is {model} on device "
            f"{config.device!r}: export the model in half precision, or set detect.precision to native"
        )


def _check(config: Ultralytics, model: Path, network: Any, task: str, names: Mapping[str, int]) -> None:
    if task != config.task:
        raise ThrongError(f"detect.model: {model} is a {task} model, detect.task says {config.task}")
    unknown = [name for name in config.classes if name not in names]
    if unknown:
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        raise ThrongError(
            f"detect.classes: {model} has no class {unknown[0]!r}; it knows {', '.join(list(names)[:20])}{more}"
        )
    if config.imgsz % network.stride:
        lower = max(config.imgsz // network.stride, 1) * network.stride
        raise ThrongError(
            f"detect.imgsz is {config.imgsz}, but {model} takes multiples of {network.stride}; set it to {lower} or "
            f"{lower + network.stride}"
        )
    if network.format == "pt":
        return
    if network.end2end or network.metadata.get("args", {}).get("nms"):
        raise ThrongError(
            f"detect.model: {model} was exported with its own limit of boxes per image, which would cut crowds short "
            f"in silence; export it anew without the options nms and end2end, or name the .pt"
        )
    sides = {int(side) for side in np.atleast_1d(network.imgsz)}
    if not network.dynamic and sides != {config.imgsz}:
        raise ThrongError(
            f"detect.imgsz is {config.imgsz}, but {model} was exported for {'x'.join(map(str, sorted(sides)))}; set "
            f"detect.imgsz to that or export it with dynamic=True"
        )


def _compile_again(network: Any, model: Path, precision: str) -> None:
    """Compile an OpenVINO graph with the configured precision and the job's threads; the library sets neither."""
    settings = network.compile_model.keywords["config"]
    if precision == "float32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    if threads := os.environ.get("OMP_NUM_THREADS"):
        settings["INFERENCE_NUM_THREADS"] = int(threads)
    graph = next(model.glob("*.xml"))
    network.backend.ov_compiled_model = network.compile_model(network.ov.Core().read_model(graph))


def _start_again(network: Any, model: Path) -> None:
    """Start ONNX Runtime with the job's threads; the library would take every core of the machine."""
    import onnxruntime

    if threads := os.environ.get("OMP_NUM_THREADS"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
        providers = network.backend.session.get_providers()
        network.backend.session = onnxruntime.InferenceSession(str(model), options, providers=providers)


def _letterbox(imgsz: int, network: Any) -> Any:
    from ultralytics.data.augment import LetterBox

    return LetterBox(imgsz, auto=network.format == "pt" or network.dynamic, stride=network.stride)


def _answer(result: Any, candidates: int) -> Answer:
    scores = result.boxes.conf.cpu().numpy().astype(np.float64)
    order = np.argsort(-scores, kind="stable")
    boxes = result.boxes.xyxy.cpu().numpy().astype(np.float64)[order]
    masks = None if result.masks is None else result.masks.data.cpu().numpy().astype(bool)[order]
    return Answer(boxes, scores[order], masks, candidates)


class _TimeAlarm(logging.Handler):
    """Notices the library's warning that suppression took too long."""

    rang = False

    def emit(self, record: logging.LogRecord) -> None:
        """Ring at that warning."""
        self.rang = self.rang or "NMS time limit" in record.getMessage()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
