"""Training a counter: photographs and head points in, a counter with its recipe out.

Points are the labels. A crop moves the points, and the density map is made from them on the device at the network's
stride, so its sum is exact whatever the crop, mirror or stride.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.apart import check_apart
from throng.counting.collapse import CollapseDetector, advice
from throng.counting.crops import Batch, Crops
from throng.counting.inference import predict_map
from throng.counting.interval import CountInterval, fit_interval
from throng.counting.losses import Labels, build_loss
from throng.counting.losses.labels import Truth, counts_of
from throng.counting.network import Counter
from throng.counting.options import CounterOptions
from throng.counting.registry import build
from throng.counting.samples import Pair, SampleCache, Samples, mean_of
from throng.counting.statistics import pixel_statistics
from throng.counting.warmup import ModuleWarmup
from throng.errors import ThrongError
from throng.evaluation.metrics import count_metrics
from throng.files import sha256_file
from throng.provenance import canonical_json, digest
from throng.training import LoopOptions, in_turns, train

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
    same result. In a torch.distributed group every process calls this alike and gets the same counter. Raises
    ThrongError when there is nothing to learn from (no images, no people), when a validation image is a training image
    too, on a crop too small for the network, on a collapse, or as :func:`throng.training.train` does.
    """
    if len(samples_train) == 0 or len(samples_val) == 0:
        raise ThrongError(
            f"a counter needs training and validation images; got {len(samples_train)} and {len(samples_val)}"
        )
    torch.manual_seed(options.seed)
    model = _built(options, backbone)
    warmup = ModuleWarmup(model, options.module_steps, options.steps) if options.module_steps else None
    cached_train = SampleCache(samples_train, model.input_spec, cache_gigabytes / 2, options.sigma)
    cached_val = SampleCache(samples_val, model.input_spec, cache_gigabytes / 2, options.sigma)
    mean = mean_of(cached_train, options.crop, shares, workers=workers)
    if mean.people == 0:
        raise ThrongError("no training image has a head point: check the labels, or choose other images")
    if options.normalisation == "dataset":
        centre, spread = pixel_statistics(cached_train, options.in_channels, shares, workers=workers)
        model.input_spec = replace(model.input_spec, mean=centre, std=spread)
    check_apart(samples_train, samples_val, workers=workers)
    if options.start_at_mean:
        model.set_initial_density(mean.density * model.stride**2)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    origin = sha256_file(backbone) if backbone is not None else None
    drawn = digest(canonical_json([shares, pairs]))
    loop = LoopOptions(**{name: getattr(options, name) for name in LoopOptions.__dataclass_fields__})
    detector = CollapseDetector(max(1, options.collapse_steps // options.log_every), advice(options))
    progress = train(
        model,
        Crops(cached_train, options, shares, pairs),
        _loss_of(model, options),
        loop,
        work_folder,
        device=device,
        validate=_validation(cached_val, options),
        watch={"collapse": detector},
        on_log=detector if options.collapse_steps else None,
        before_step=warmup,
        identity={**asdict(options), "training_images": len(samples_train), "backbone": origin, "drawn": drawn},
        workers=workers,
        checkpoint_seconds=checkpoint_seconds,
        title=f"training {options.model}",
    )
    interval = CountInterval(LEVEL, _best(progress.history, "val_reach", progress.best_step), len(samples_val))
    recipe = {
        "options": asdict(options),
        "backbone_sha256": origin,
        "training_images": len(samples_train) if shares is None else sum(share > 0 for share in shares),
        "validation_images": len(samples_val),
        "mean_training_count": mean.count,
        "best_step": progress.best_step,
        "validation_mae": progress.best_score,
        "interval": asdict(interval),
    }
    return model.eval(), recipe, progress.history


def _built(options: CounterOptions, backbone: Path | None) -> Counter:
    model = build(options.model, options.in_channels, **_builder_options(options, backbone))
    model.input_spec = replace(model.input_spec, image_scale=options.image_scale)
    if min(options.crop) < 2 * model.multiple:
        raise ThrongError(
            f"crop {options.crop[0]}x{options.crop[1]} is smaller than {options.model} takes: "
            f"at least {2 * model.multiple} pixels each way after resizing"
        )
    return model


def _loss_of(
    model: Counter, options: CounterOptions
) -> Callable[[torch.nn.Module, Batch], tuple[torch.Tensor, dict[str, torch.Tensor]]]:
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
        truth = Truth(labels, predicted)
        loss, parts = criterion(predicted, truth)
        return loss, parts | map_statistics(predicted, truth)

    return loss_of


def _validation(samples: SampleCache, options: CounterOptions) -> Callable[[torch.nn.Module], dict[str, float]]:
    truth = np.array([samples[index].people for index in range(len(samples))])
    if np.isnan(truth).any():
        raise ThrongError(f"nobody knows how many people validation sample {int(np.isnan(truth).argmax())} shows")

    def validate(network: torch.nn.Module) -> dict[str, float]:
        assert isinstance(network, Counter)
        counts = in_turns(
            lambda index: float(predict_map(network, samples[index].image, scheme=options.val_scheme).sum()),
            len(samples),
        )
        metrics = count_metrics(counts, truth)
        return {"mae": metrics["mae"], "rmse": metrics["rmse"], "reach": fit_interval(counts, truth, LEVEL).quantile}

    return validate


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
def map_statistics(predicted: torch.Tensor, truth: Truth) -> dict[str, torch.Tensor]:
    """Return people per crop and the spread over cells of predicted and true maps (B, 1, h, w), scalars each.

    People are means over the crops of known count, spreads those of the crops of known heads. A batch without any takes
    the spread over all of its crops, and for the true one the mean of its cells, below which no crowd's spread falls.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        maps = predicted.to(torch.promote_types(predicted.dtype, torch.float32))
        known = ~truth.counts.isnan()
        share = 1 / known.sum().clamp(min=1)
        true_count = truth.counts.nan_to_num().sum() * share
        if any(points is not None for points in truth.labels.points):
            spreads = _spread(maps, truth.located), _spread(truth.density, truth.located)
        else:
            spreads = maps.std(), true_count / maps[0].numel()
        return {
            "predicted_count": (counts_of(maps) * known).sum() * share,
            "true_count": true_count,
            "predicted_spread": spreads[0],
            "true_spread": spreads[1],
        }


def _spread(maps: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation over the cells of the chosen maps, without waiting for the device."""
    share = chosen.to(maps.dtype) / (chosen.sum() * maps[0].numel())
    mean = (maps.sum((1, 2, 3)) * share).sum()
    return (((maps - mean) ** 2).sum((1, 2, 3)) * share).sum().sqrt()
