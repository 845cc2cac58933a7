"""Training a counter: photographs and head points in, a counter with its recipe out.

Points are the labels. A crop moves the points, and the density map is made from them on the device at the network's
stride, so its sum is exact whatever the crop, mirror or stride.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch

from throng.counting.inference import Scheme, predict_map
from throng.counting.inputs import InputSpec
from throng.counting.losses import count_loss, map_loss
from throng.counting.network import Counter
from throng.counting.registry import build
from throng.density.maps import adaptive_sigmas, density_maps
from throng.errors import ThrongError
from throng.evaluation.metrics import count_metrics
from throng.training import LoopOptions, train


class Sample(NamedTuple):
    """A labelled photograph: (H, W, 3) uint8 RGB pixels or the bytes of an image file, and head points (N, 2) x, y."""

    image: np.ndarray | bytes
    points: np.ndarray


class Samples(Protocol):
    """Any sequence of samples, such as a ``torch.utils.data.Dataset``."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample | tuple[np.ndarray | bytes, np.ndarray]:
        """Return one sample."""
        ...


@dataclass(frozen=True)
class CounterOptions:
    """What a trained counter depends on.

    ``image_scale`` resizes every picture, points along, in training and ever after; ``crop`` (H, W) and ``sigma``
    are in pixels after that. ``jitter`` is how far the brightness of a crop, and a third as far that of each colour,
    is multiplied up or down (0.2: by 0.8 to 1.2). ``sigma`` is a number or "adaptive" (from the neighbours in the whole
    photograph). ``pattern_weight`` is SANet's alpha_C, ``count_weight`` that of the crops' count error in people.
    ``target_scale`` multiplies both maps in the loss (None: the network's own). ``start_at_mean`` lets the first map
    hold the mean training count. ``val_scheme`` is whole or patches. A run fails when the predicted map stays constant
    or empty for ``collapse_steps`` steps (0: never).
    """

    model: str = "sanet-paper"
    in_channels: int = 3
    model_options: Mapping[str, Any] = field(default_factory=dict)
    target_scale: float | None = None
    start_at_mean: bool = True
    image_scale: float = 1.0
    crop: tuple[int, int] = (384, 512)
    mirror: bool = True
    jitter: float = 0.0
    sigma: float | Literal["adaptive"] = 4.0
    pattern_weight: float = 0.001
    count_weight: float = 0.0
    batch_size: int = 4
    steps: int = 1000
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = 50
    accumulate: int = 1
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = False
    val_every: int = 100
    val_scheme: Scheme = "whole"
    log_every: int = 20
    collapse_steps: int = 400
    seed: int = 0


def train_counter(
    samples_train: Samples,
    samples_val: Samples,
    options: CounterOptions,
    work_folder: Path,
    device: str = "cpu",
    *,
    workers: int = 1,
    cache_gigabytes: float = 4.0,
    checkpoint_seconds: float = 60.0,
) -> tuple[Counter, dict[str, Any], list[dict[str, float]]]:
    """Train a counter and return it with the weights of its best validation MAE, its recipe and its history.

    Validation counts every image of ``samples_val`` whole each ``val_every`` steps; its truth is the number
    of points. Decoded pictures are kept in memory up to ``cache_gigabytes``; ``workers``, the cache and
    ``checkpoint_seconds`` do not change the result. A killed run that is started again with the same
    arguments and ``work_folder`` goes on where its last checkpoint was, to the same result. Raises
    ThrongError when there is nothing to learn from (no images, no people), on a collapse, or as
    :func:`throng.training.train` does.
    """
    if len(samples_train) == 0 or len(samples_val) == 0:
        raise ThrongError(
            f"a counter needs training and validation images; got {len(samples_train)} and {len(samples_val)}"
        )
    torch.manual_seed(options.seed)
    model = build(
        options.model,
        options.in_channels,
        **options.model_options,
        **({} if options.target_scale is None else {"target_scale": options.target_scale}),
    )
    model.input_spec = replace(model.input_spec, image_scale=options.image_scale)
    cached_train = SampleCache(samples_train, model.input_spec, cache_gigabytes / 2, options.sigma)
    cached_val = SampleCache(samples_val, model.input_spec, cache_gigabytes / 2, options.sigma)
    people, density = mean_density(cached_train)
    if people == 0:
        raise ThrongError("no training image has a head point: check the labels, or choose other images")
    if options.start_at_mean:
        model.set_initial_density(density * model.stride**2)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def loss_of(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        images = model.input_spec.normalise(batch.images)
        if options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        predicted = network(images)
        true = density_maps(batch.points, options.crop, sigma=batch.sigmas, stride=model.stride)
        loss = map_loss(predicted, true, target_scale=model.target_scale, pattern_weight=options.pattern_weight)
        if options.count_weight:
            loss = loss + options.count_weight * count_loss(predicted, true)
        share = 1 / len(predicted)
        return loss, {
            "predicted_count": predicted.detach().sum() * share,
            "true_count": true.sum() * share,
            "predicted_spread": predicted.detach().std(),
            "true_spread": true.std(),
        }

    def validate(network: torch.nn.Module) -> dict[str, float]:
        assert isinstance(network, Counter)
        pairs = [cached_val[index] for index in range(len(cached_val))]
        counts = [float(predict_map(network, item.image, scheme=options.val_scheme).sum()) for item in pairs]
        metrics = count_metrics(counts, [len(item.points) for item in pairs])
        return {"mae": metrics["mae"], "rmse": metrics["rmse"]}

    loop = LoopOptions(**{name: getattr(options, name) for name in LoopOptions.__dataclass_fields__})
    detector = CollapseDetector(max(1, options.collapse_steps // options.log_every))
    progress = train(
        model,
        Crops(cached_train, options),
        loss_of,
        loop,
        work_folder,
        device=device,
        validate=validate,
        watch={"collapse": detector},
        on_log=detector if options.collapse_steps else None,
        identity={**asdict(options), "training_images": len(samples_train)},
        workers=workers,
        checkpoint_seconds=checkpoint_seconds,
        title=f"training {options.model}",
    )
    recipe = {
        "options": asdict(options),
        "training_images": len(samples_train),
        "validation_images": len(samples_val),
        "mean_training_count": people / len(samples_train),
        "best_step": progress.best_step,
        "validation_mae": progress.best_score,
    }
    return model.eval(), recipe, progress.history


class Prepared(NamedTuple):
    """A sample at the network's resolution, with one sigma per head in pixels."""

    image: np.ndarray
    points: np.ndarray
    sigmas: np.ndarray


class SampleCache:
    """Decoded samples at the network's resolution, kept in memory while the budget lasts; safe from many threads."""

    def __init__(self, samples: Samples, spec: InputSpec, gigabytes: float, sigma: float | Literal["adaptive"]) -> None:
        self._samples, self._spec, self._sigma = samples, spec, sigma
        self._left = int(gigabytes * 2**30)
        self._kept: dict[int, Prepared] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Prepared:
        if index in self._kept:
            return self._kept[index]
        prepared = self._prepare(*self._samples[index])
        with self._lock:
            if index not in self._kept and prepared.image.nbytes <= self._left:
                self._left -= prepared.image.nbytes
                self._kept[index] = prepared
        return prepared

    def _prepare(self, image: np.ndarray | bytes, points: np.ndarray) -> Prepared:
        if isinstance(image, bytes):
            from throng.images import decode

            image = decode(image)
        moved = self._spec.scaled_points(points, (image.shape[0], image.shape[1]))
        sigmas = adaptive_sigmas(moved) if isinstance(self._sigma, str) else np.full(len(moved), float(self._sigma))
        return Prepared(self._spec.scaled(image), moved, sigmas)


def mean_density(samples: SampleCache) -> tuple[int, float]:
    """Return the number of heads in all samples, and the mean over all their pixels in people per pixel."""
    people = pixels = 0
    for index in range(len(samples)):
        item = samples[index]
        people += len(item.points)
        pixels += item.image.shape[0] * item.image.shape[1]
    return people, people / max(1, pixels)


class Batch(NamedTuple):
    """A batch of crops: (B, 3, H, W) uint8 pixels, and per crop its points (N_i, 2) and sigmas (N_i,) in pixels."""

    images: torch.Tensor
    points: Sequence[torch.Tensor]
    sigmas: Sequence[torch.Tensor]


class Crops:
    """Random crops, mirrored or not, as a pure function of the batch's number.

    Each pass over the samples is a new permutation; a picture smaller than the crop is extended by repeating
    its edge.
    """

    def __init__(self, samples: SampleCache, options: CounterOptions) -> None:
        self._samples, self._options = samples, options

    def __call__(self, number: int) -> Batch:
        """Return batch ``number``."""
        rng = np.random.default_rng([self._options.seed, 1, number])
        first = number * self._options.batch_size
        crops = [
            self._crop(self._samples[self._index(first + offset)], rng) for offset in range(self._options.batch_size)
        ]
        images = torch.from_numpy(np.stack([crop.image for crop in crops])).permute(0, 3, 1, 2)
        return Batch(
            images,
            [torch.from_numpy(crop.points) for crop in crops],
            [torch.from_numpy(crop.sigmas) for crop in crops],
        )

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, len(self._samples))
        order = np.random.default_rng([self._options.seed, 0, epoch]).permutation(len(self._samples))
        return int(order[place])

    def _crop(self, item: Prepared, rng: np.random.Generator) -> Prepared:
        height, width = self._options.crop
        image = item.image
        short = max(0, height - image.shape[0]), max(0, width - image.shape[1])
        if any(short):
            image = np.pad(image, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
        top = int(rng.integers(0, image.shape[0] - height + 1))
        left = int(rng.integers(0, image.shape[1] - width + 1))
        window = image[top : top + height, left : left + width]
        points = item.points - (left, top)
        inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(1)
        points, sigmas = points[inside], item.sigmas[inside]
        if self._options.mirror and rng.random() < 0.5:
            window = window[:, ::-1]
            points = np.column_stack([width - 1 - points[:, 0], points[:, 1]])
        if self._options.jitter:
            window = _jittered(window, self._options.jitter, rng)
        return Prepared(np.ascontiguousarray(window), points, sigmas)


def _jittered(image: np.ndarray, jitter: float, rng: np.random.Generator) -> np.ndarray:
    gain = (1 + rng.uniform(-jitter, jitter)) * (1 + rng.uniform(-jitter / 3, jitter / 3, 3))
    levels = np.clip(np.arange(256)[:, None] * gain + 0.5, 0, 255).astype(np.uint8)
    return np.stack([levels[:, channel][image[..., channel]] for channel in range(3)], -1)


class CollapseDetector:
    """Fails a run whose map has become constant or empty, which density regression does without a word.

    It looks at logged rows; ``patience`` of them in a row with a map whose spread is below a hundredth of the true
    map's, or whose sum is below a fiftieth of the true count, is a collapse.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.dead_rows = 0

    def __call__(self, step: int, row: Mapping[str, float]) -> None:
        """Look at one logged row; raises ThrongError on a collapse."""
        if row["true_count"] == 0:
            return
        constant = row["predicted_spread"] < 0.01 * row["true_spread"]
        empty = row["predicted_count"] < 0.02 * row["true_count"]
        self.dead_rows = self.dead_rows + 1 if constant or empty else 0
        if self.dead_rows >= self.patience:
            raise ThrongError(
                f"the counter collapsed by step {step}: it predicts {row['predicted_count']:.3g} people per crop where "
                f"there are {row['true_count']:.3g}, {'a constant' if constant else 'an empty'} map; "
                f"use another seed, init he, last_activation softplus or linear, or a lower learning rate"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return how many dead rows came last."""
        return {"dead_rows": self.dead_rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore :meth:`state_dict`."""
        self.dead_rows = state["dead_rows"]
