"""Training a counter: photographs and head points in, a counter with its recipe out.

Points are the labels. A crop moves the points, and the density map is made from them on the device at the network's
stride, so its sum is exact whatever the crop, mirror or stride.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.collapse import CollapseDetector
from throng.counting.crops import Batch, Crops
from throng.counting.inference import predict_map
from throng.counting.interval import CountInterval, fit_interval
from throng.counting.losses import Labels, build_loss
from throng.counting.losses.labels import Truth
from throng.counting.network import Counter
from throng.counting.options import CounterOptions
from throng.counting.registry import build
from throng.counting.samples import Pair, SampleCache, Samples, mean_of
from throng.errors import ThrongError
from throng.evaluation.metrics import count_metrics
from throng.files import sha256_file
from throng.training import LoopOptions, train

LEVEL = 0.9  # of the interval that every count is given


def train_counter(
    samples_train: Samples,
    samples_val: Samples,
    options: CounterOptions,
    work_folder: Path,
    device: str = "cpu",
    *,
    shares: Sequence[float] | None = None,
    pairs: Sequence[Pair] = (),
    backbone: Path | None = None,
    workers: int = 1,
    cache_gigabytes: float = 4.0,
    checkpoint_seconds: float = 60.0,
) -> tuple[Counter, dict[str, Any], list[dict[str, float]]]:
    """Train a counter and return it with the weights of its best validation MAE, its recipe and its history.

    An epoch shows every training sample as often as its share in ``shares`` says, in the mean (None: once), and the
    ranked ``pairs`` of them. Validation counts every image of ``samples_val`` whole each ``val_every`` steps; its
    truth is the number of points. ``backbone`` is a file of ImageNet weights. Decoded pictures are kept in memory up to
    ``cache_gigabytes``; ``workers``, the cache and ``checkpoint_seconds`` do not change the result. A killed run
    that is started again with the same arguments and ``work_folder`` goes on where its last checkpoint was, to the
    same result. Raises ThrongError when there is nothing to learn from (no images, no people), on a collapse, or as
    :func:`throng.training.train` does.
    """
    if len(samples_train) == 0 or len(samples_val) == 0:
        raise ThrongError(
            f"a counter needs training and validation images; got {len(samples_train)} and {len(samples_val)}"
        )
    origin = sha256_file(backbone) if backbone is not None else None
    torch.manual_seed(options.seed)
    model = build(options.model, options.in_channels, **_builder_options(options, backbone))
    model.input_spec = replace(model.input_spec, image_scale=options.image_scale)
    cached_train = SampleCache(samples_train, model.input_spec, cache_gigabytes / 2, options.sigma)
    cached_val = SampleCache(samples_val, model.input_spec, cache_gigabytes / 2, options.sigma)
    mean = mean_of(cached_train, options.crop, shares)
    if mean.people == 0:
        raise ThrongError("no training image has a head point: check the labels, or choose other images")
    if options.start_at_mean:
        model.set_initial_density(mean.density * model.stride**2)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    criterion = build_loss(options.losses, target_scale=model.target_scale)

    def loss_of(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        images = model.input_spec.normalise(batch.images)
        if options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        predicted = network(images)
        labels = Labels(
            batch.points,
            options.crop,
            model.stride,
            sigma=batch.sigmas,
            counts=batch.counts,
            stds=batch.stds,
            weights=batch.weights,
            pairs=batch.pairs,
            margins=batch.margins,
        )
        loss, parts = criterion(predicted, labels)
        return loss, parts | map_statistics(predicted, labels)

    def validate(network: torch.nn.Module) -> dict[str, float]:
        assert isinstance(network, Counter)
        items = [cached_val[index] for index in range(len(cached_val))]
        counts = [float(predict_map(network, item.image, scheme=options.val_scheme).sum()) for item in items]
        truth = np.array([item.people for item in items])
        metrics = count_metrics(counts, truth)
        return {"mae": metrics["mae"], "rmse": metrics["rmse"], "reach": fit_interval(counts, truth, LEVEL).quantile}

    loop = LoopOptions(**{name: getattr(options, name) for name in LoopOptions.__dataclass_fields__})
    detector = CollapseDetector(max(1, options.collapse_steps // options.log_every))
    progress = train(
        model,
        Crops(cached_train, options, shares, pairs),
        loss_of,
        loop,
        work_folder,
        device=device,
        validate=validate,
        watch={"collapse": detector},
        on_log=detector if options.collapse_steps else None,
        identity={**asdict(options), "training_images": len(samples_train), "backbone": origin},
        workers=workers,
        checkpoint_seconds=checkpoint_seconds,
        title=f"training {options.model}",
    )
    interval = CountInterval(LEVEL, _best(progress.history, "val_reach", progress.best_step), len(samples_val))
    recipe = {
        "options": asdict(options),
        "backbone_sha256": origin,
        "training_images": len(samples_train),
        "validation_images": len(samples_val),
        "mean_training_count": mean.count,
        "best_step": progress.best_step,
        "validation_mae": progress.best_score,
        "interval": asdict(interval),
    }
    return model.eval(), recipe, progress.history


def _best(history: list[dict[str, float]], name: str, step: int) -> float:
    (value,) = [row[name] for row in history if row["step"] == step and name in row]
    return value


def _builder_options(options: CounterOptions, backbone: Path | None) -> dict[str, Any]:
    given = dict(options.model_options)
    if options.target_scale is not None:
        given["target_scale"] = options.target_scale
    if backbone is not None:
        given["weights"] = str(backbone)
    return given


@torch.no_grad()
def map_statistics(predicted: torch.Tensor, labels: Labels) -> dict[str, torch.Tensor]:
    """Return counts per crop and the spread over cells of predicted and true maps (B, 1, h, w), scalars each."""
    true = Truth(labels, predicted.float()).density
    share = 1 / len(predicted)
    return {
        "predicted_count": predicted.sum() * share,
        "true_count": true.sum() * share,
        "predicted_spread": predicted.std(),
        "true_spread": true.std(),
    }
