"""Trains an ultralytics detector from samples in memory, exactly resumable, and exports it.

The library's own trainer does the work. It is given its images without copies on disk, its random numbers per sample
and epoch, so that neither workers nor a kill change the result, and checkpoints without a pickle. Import this module
only after ``throng.detectors.library.import_yolo``.
"""

import dataclasses
import io
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import onnx
import torch
from ultralytics.data.build import build_dataloader
from ultralytics.data.dataset import YOLODataset
from ultralytics.engine.exporter import Exporter
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel, guess_model_task, load_checkpoint, yaml_model_load

from throng.detectors.examples import Example, ignored_pixels
from throng.errors import ThrongError
from throng.files import atomic_path, write_bytes
from throng.sections.train_detector import TrainDetector
from throng.seeds import sample_seed
from throng.torch_files import save
from throng.trust import check_trusted
from throng.workdir import Ticker

log = logging.getLogger(__name__)

PERSON = "person"
GREY = 114  # what the library pads with
CHECKPOINT = "checkpoint.pt"
KEPT_METADATA = (
    "args",
    "author",
    "batch",
    "channels",
    "docs",
    "end2end",
    "imgsz",
    "license",
    "names",
    "stride",
    "task",
)
Read = Callable[[Example], np.ndarray]
Tensors = dict[str, torch.Tensor]


def fit(
    training: Sequence[Example],
    validation: Sequence[Example],
    read: Read,
    config: TrainDetector,
    *,
    base: Path | None,
    seed: int,
    work: Path,
) -> tuple[DetectionModel, list[dict[str, float]]]:
    """Return the model of the epoch that was best on ``validation``, and one row of losses and metrics per epoch.

    ``read`` returns an example's (H, W, 3) uint8 RGB pixels. A run that was killed goes on from the last whole epoch
    that ``work`` holds. Raises ThrongError when the architecture, the base or the device does not fit, or the loss
    is not finite.
    """
    definition, weights = start(config, base)
    _check_device(config)
    job = _Job(training, validation, read, config, definition, weights, seed, work / CHECKPOINT)
    done = _load(job.checkpoint)
    if done is None or done["epoch"] < config.epochs:
        _trainer_of(job).train()
        done = _load(job.checkpoint)
    assert done is not None
    model: Any = DetectionModel(definition, ch=3, nc=1, verbose=False)  # pyright: ignore[reportArgumentType]
    model.load_state_dict(done["best"])
    model.names = {0: PERSON}
    log.info("train_detector: epoch %d of %d was best on validation", done["best_epoch"], config.epochs)
    return model.eval(), done["history"]


def start(config: TrainDetector, base: Path | None) -> tuple[dict[str, Any], Any]:
    """Return the definition of the network and the weights it starts from, None for random ones.

    Only the head that needs suppression is kept: an end-to-end head has a limit of people per image.
    """
    if base is not None:
        weights = _base(base, config.trusted)
        definition: dict[str, Any] = dict(weights.yaml)
        named = f"train_detector.base: {base}"
    else:
        weights, definition = None, _architecture(config)
        named = f"train_detector.architecture: {config.architecture}"
    if guess_model_task(definition) != "detect" or definition["head"][-1][2] != "Detect":
        raise ThrongError(f"{named} is no plain detection model; choose one such as yolo11n")
    return definition | {"nc": 1, "end2end": False, "channels": 3}, weights


def _base(path: Path, trusted: str | None) -> Any:
    if path.suffix != ".pt":
        raise ThrongError(f"train_detector.base: {path} is no .pt; other formats cannot be trained further")
    if not path.is_file():
        raise ThrongError(
            f"train_detector.base: {path} not found; name a .pt, or an architecture to start from scratch"
        )
    check_trusted(path, trusted, "train_detector.trusted")
    try:
        model, _ = load_checkpoint(path)
    except Exception as error:  # whatever a foreign file makes the library raise
        raise ThrongError(f"train_detector.base: {path} cannot be read as an ultralytics model: {error}") from error
    if model.task != "detect":
        raise ThrongError(f"train_detector.base: {path} is a {model.task} model; a detect model is needed")
    return model


def _architecture(config: TrainDetector) -> dict[str, Any]:
    name = str(config.architecture)
    try:
        if Path(name).name != name or Path(name).suffix != ".yaml":
            raise FileNotFoundError
        definition: Any = yaml_model_load(name)
    except (FileNotFoundError, OSError) as error:
        raise ThrongError(
            f"train_detector.architecture: {name} is none that ultralytics defines; choose one such as yolo11n.yaml, "
            f"yolo26n-p2.yaml or yolov8n.yaml"
        ) from error
    if config.depth is None and config.width is None:
        return definition
    scale = definition["scale"] or next(iter(definition["scales"]))
    depth, width, widest = definition["scales"][scale]
    changed = [depth if config.depth is None else config.depth, width if config.width is None else config.width, widest]
    return definition | {"scale": scale, "scales": {scale: changed}}


def _check_device(config: TrainDetector) -> None:
    if "," in config.device:
        raise ThrongError(f"train_detector.device: {config.device!r}: training uses one device, such as cuda:0")
    if config.device != "cpu" and not torch.cuda.is_available():
        raise ThrongError(f"train_detector.device: {config.device!r} was asked for but no GPU is usable; choose cpu")


@dataclasses.dataclass(frozen=True)
class _Job:
    training: Sequence[Example]
    validation: Sequence[Example]
    read: Read
    config: TrainDetector
    definition: dict[str, Any]
    weights: Any
    seed: int
    checkpoint: Path


class _Samples(YOLODataset):
    """The library's dataset without files: labels and pixels come from examples, random numbers from each sample."""

    epoch = 0

    def __init__(self, examples: Sequence[Example], job: _Job, hyp: Any, *, augment: bool, batch: int, stride: int):
        self._examples = {example.id: example for example in examples}
        self._read, self._seed = job.read, job.seed
        self._fill = augment and job.config.ignored == "fill"
        self._decoded: dict[str, np.ndarray] = {}
        self._room = job.config.cache_gigabytes * 1e9
        self._longer = int(hyp.imgsz)
        super().__init__(
            img_path="",
            imgsz=hyp.imgsz,
            cache="ram",  # so that a mosaic's partners are drawn from all images, whatever was loaded before
            augment=augment,
            hyp=hyp,
            rect=not augment,
            batch_size=batch,
            stride=stride,
            pad=0.0 if augment else 0.5,
            data={"names": {0: PERSON}, "channels": 3},
        )

    def get_img_files(self, img_path: str | list[str]) -> list[str]:
        """Return the ids that stand for file names."""
        return list(self._examples)

    def get_labels(self) -> list[dict[str, Any]]:
        """Return the library's labels: centres and sizes as shares of the image."""
        return [_label(example) for example in self._examples.values()]

    def check_cache_ram(self, safety_margin: float = 1.0) -> bool:
        """Decline to load everything first: ``load_image`` keeps what has room."""
        return False

    def load_image(
        self, i: int, rect_mode: bool = True, resize_short: bool = False
    ) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
        """Return the image, longer side ``imgsz``, as the library does: (H, W, 3) uint8 BGR, its size before, after."""
        example = self._examples[self.im_files[i]]
        image = self._decoded.get(example.id)
        if image is None:
            image = self._resized(example)
            if image.nbytes <= self._room:
                self._room -= image.nbytes
                self._decoded[example.id] = image
        return image.copy(), (example.height, example.width), (image.shape[0], image.shape[1])

    def _resized(self, example: Example) -> np.ndarray:
        image = np.ascontiguousarray(self._read(example)[..., ::-1])
        if self._fill:
            image[ignored_pixels(example)] = GREY
        ratio = self._longer / max(example.width, example.height)
        if ratio == 1:
            return image
        wide, high = (min(int(np.ceil(side * ratio)), self._longer) for side in (example.width, example.height))
        return cv2.resize(image, (wide, high), interpolation=cv2.INTER_LINEAR)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a sample that depends on the seed, the epoch and the image alone."""
        seed = sample_seed(self._seed, f"epoch-{self.epoch}", self.im_files[index])
        random.seed(seed)
        np.random.seed(seed % 2**32)
        return super().__getitem__(index)


def _label(example: Example) -> dict[str, Any]:
    boxes = np.asarray(example.people, np.float64).reshape(-1, 4)
    size = np.array([example.width, example.height])
    centred = np.concatenate([(boxes[:, :2] + boxes[:, 2:] / 2) / size, boxes[:, 2:] / size], 1)
    return {
        "im_file": example.id,
        "shape": (example.height, example.width),
        "cls": np.zeros((len(boxes), 1), np.float32),
        "bboxes": centred.astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }


class _Fit(DetectionTrainer):
    """The library's trainer on examples; its name must not hold ``Trainer``, or experiment trackers hook into it."""

    # the library declares them None until training begins
    model: Any
    ema: Any
    optimizer: Any
    train_loader: Any
    loss: Any
    fitness: Any
    best_fitness: Any

    def __init__(self, job: _Job, overrides: Mapping[str, Any]) -> None:
        self.job = job
        self.history: list[dict[str, float]] = []
        self.best_weights: Tensors = {}
        self.best_epoch = 0
        super().__init__(overrides=dict(overrides))
        self.add_callback("on_train_start", _Fit._count_batches)
        self.add_callback("on_train_epoch_start", _Fit._begin_epoch)
        self.add_callback("on_train_batch_end", lambda _: self.ticker.advance())

    def get_dataset(self) -> dict[str, Any]:
        """Return the description of the data, which names no files."""
        return {"train": "train", "val": "val", "names": {0: PERSON}, "nc": 1, "channels": 3}

    def setup_model(self) -> None:
        """Build the network, and start it from the base where there is one."""
        self.model = self.get_model(cfg=self.job.definition, weights=self.job.weights, verbose=False)

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Return the loader of the training or the validation samples."""
        learnt = mode == "train"
        examples = self.job.training if learnt else self.job.validation
        samples = _Samples(examples, self.job, self.args, augment=learnt, batch=batch_size, stride=self.stride)
        workers = self.args.workers
        return build_dataloader(
            samples, batch=batch_size, workers=workers, shuffle=learnt, rank=rank, device=self.device
        )

    def resume_training(self, ckpt: Any) -> None:
        """Go on where the checkpoint is, when there is one."""
        del ckpt
        state = _load(self.job.checkpoint)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["average"])
        self.ema.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_fitness, self.best_epoch = state["best_fitness"], state["best_epoch"]
        self.best_weights, self.history = state["best"], state["history"]
        self.start_epoch = state["epoch"]
        log.info("train_detector: resuming after epoch %d of %d", self.start_epoch, self.epochs)

    def _count_batches(self) -> None:
        batches = len(self.train_loader)
        self.ticker = Ticker("train_detector", done=self.start_epoch * batches, total=self.epochs * batches)

    def _begin_epoch(self) -> None:
        self.train_loader.dataset.epoch = self.epoch
        self.train_loader.generator.manual_seed(sample_seed(self.job.seed, "order", str(self.epoch)) >> 1)
        self.train_loader.reset()

    def save_metrics(self, metrics: Mapping[str, float]) -> None:
        """Add the epoch's row to the history and say it."""
        row = {"epoch": self.epoch + 1} | {name: float(value) for name, value in metrics.items()}
        self.history.append(row)
        log.info("train_detector: %s", ", ".join(f"{name} {value:.4g}" for name, value in row.items()))

    def save_model(self) -> Literal[True]:
        """Write the checkpoint of a whole epoch."""
        fitness = float(self.fitness)
        if not self.best_weights or fitness > self._best_before:
            self.best_weights, self.best_epoch = _copied(self.ema.ema), self.epoch + 1
        state = {
            "epoch": self.epoch + 1,
            "model": _copied(self.model),
            "average": _copied(self.ema.ema),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "best": self.best_weights,
            "best_epoch": self.best_epoch,
            "best_fitness": float(self.best_fitness),
            "history": self.history,
        }
        with atomic_path(self.job.checkpoint) as temporary, temporary.open("wb") as handle:
            save(state, handle)
        return True

    def validate(self) -> Any:
        """Validate the moving average, remembering how good the best was before."""
        self._best_before = -np.inf if self.best_fitness is None else float(self.best_fitness)
        return super().validate()

    def _handle_nan_recovery(self, epoch: int) -> bool:
        if not torch.isfinite(self.loss).all():
            raise ThrongError(
                f"train_detector: the loss is not finite in epoch {epoch + 1}; lower train_detector.learning_rate, or "
                f"train in fp32"
            )
        return False

    def final_eval(self) -> None:
        """Leave the final measurement to the exported model."""


def _trainer_of(job: _Job) -> _Fit:
    """Return the trainer of a job, the library's switches set from the section and all that writes files off."""
    config = job.config
    return _Fit(
        job,
        {
            "model": "detector.yaml",
            "task": "detect",
            "imgsz": config.imgsz,
            "epochs": config.epochs,
            "batch": config.batch,
            "nbs": config.batch,  # one optimiser step per batch
            "optimizer": config.optimizer,
            "lr0": config.learning_rate,
            "lrf": config.final_rate,
            "cos_lr": True,
            "weight_decay": config.weight_decay,
            "warmup_epochs": config.warmup_epochs,
            "warmup_bias_lr": 0.0,  # the library's own choice when it chooses the optimiser
            "patience": 0,
            "mosaic": config.mosaic,
            "close_mosaic": config.close_mosaic,
            "scale": config.scale,
            "translate": config.translate,
            "degrees": config.degrees,
            "fliplr": config.fliplr,
            "hsv_h": config.hue,
            "hsv_s": config.saturation,
            "hsv_v": config.value,
            "augmentations": [],  # none of an installed library's own
            "amp": "bf16" if config.precision == "bf16" else False,
            "device": config.device,
            "workers": config.workers,
            "max_det": 3000,
            "seed": job.seed % 2**31,
            "deterministic": True,
            "plots": False,
            "verbose": False,
            "project": str(job.checkpoint.parent),
            "name": "library",
            "exist_ok": True,
        },
    )


def _load(checkpoint: Path) -> dict[str, Any] | None:
    return torch.load(checkpoint, map_location="cpu", weights_only=True) if checkpoint.is_file() else None


def _copied(model: torch.nn.Module) -> Tensors:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def save_weights(model: Any, path: Path, imgsz: int) -> None:
    """Write a .pt that ultralytics reads, equal weights giving equal bytes: no date, no folder, no optimiser."""
    model.args = {"task": "detect", "imgsz": imgsz}
    model.criterion = None
    buffer = io.BytesIO()
    torch.save({"epoch": -1, "model": model, "train_args": dict(model.args)}, buffer)
    write_bytes(path, buffer.getvalue())


def export_onnx(weights: Path, path: Path, config: TrainDetector, scratch: Path) -> None:
    """Write the ONNX of a .pt, suppression left out, equal weights giving equal bytes: no date, no folder."""
    model: Any = load_checkpoint(weights)[0]
    model.pt_path = str(scratch / "export.pt")
    scratch.mkdir(parents=True, exist_ok=True)
    export = Exporter(
        overrides={
            "format": "onnx",
            "imgsz": config.imgsz,
            "dynamic": config.dynamic,
            "simplify": False,
            "device": "cpu",
            "batch": 1,
        }
    )
    exported = onnx.load(export(model=model))
    kept = {item.key: item.value for item in exported.metadata_props if item.key in KEPT_METADATA}
    del exported.metadata_props[:]
    for key in sorted(kept):
        exported.metadata_props.add(key=key, value=kept[key])
    exported.doc_string = ""
    for node in exported.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    write_bytes(path, exported.SerializeToString(deterministic=True))
