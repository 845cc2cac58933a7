"""Stage ``evaluate``: every counter on every labelled image of one split, beside the mean-count baseline."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from throng.errors import ThrongError
from throng.files import sha256_file, write_bytes, write_text
from throng.images import ImageStore
from throng.manifest import OK, read_table, write_table
from throng.sections.evaluate import Evaluate
from throng.stage import Context, Files
from throng.tables.images import TABLE as IMAGES
from throng.tables.predictions import TABLE as PREDICTIONS
from throng.tables.predictions import PredictionRow
from throng.workdir import process

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: Evaluate, context: Context) -> None:
    """Count, measure, plot; the truth of an image is its number of head points."""
    import torch

    torch.set_num_threads(context.threads)
    measured, training_counts = labelled_images(inputs.one("images"), config.split)
    work = context.workdir()
    rows: list[PredictionRow] = []
    for name, model in counters(inputs, config):
        log.info("%s counts %d images of split %s", name, len(measured), config.split)
        rows += predict(name, model, measured, config, context)
    table = outputs.one("predictions")
    write_table(table, PREDICTIONS, rows, context.provenance(backend=config.scheme, model=published_hashes(inputs)))
    metrics = measure(rows, training_counts, config)
    write_text(outputs.one("metrics"), json.dumps(metrics, indent=1, sort_keys=True) + "\n")
    plot(rows, inputs.many("history")[0], outputs, config)
    work.remove()


def labelled_images(path: Path, split: str) -> tuple[list[Record], list[int]]:
    """Return the labelled images of the measured split by id, and the counts of the training images."""
    columns = ["id", "source", "path", "count", "split", "status"]
    images = read_table(path, IMAGES, columns)
    usable = images.filter((pc.field("status") == OK) & pc.field("count").is_valid())
    measured = usable.filter(pc.field("split") == split).sort_by("id").to_pylist()
    training = usable.filter(pc.field("split") == "train")["count"].to_pylist()
    if not measured or not training:
        raise ThrongError(
            f"evaluate needs labelled images: found {len(measured)} in split {split!r} and {len(training)} in 'train'; "
            f"add a labelled source, or measure another split (evaluate.split)"
        )
    return measured, training


def counters(inputs: Files, config: Evaluate) -> Iterator[tuple[str, Any]]:
    """Yield (name, model on the device) of every run of our counters and of the published ones."""
    from throng.counting.registry import build, load_counter, load_hdf5

    for path in inputs.many("weights"):
        model, recipe = load_counter(path)
        yield f"{recipe['counter']} {recipe['run']}", model.to(config.device)
    for counter, path in zip(config.published, inputs.many("published"), strict=True):
        model = build(counter.architecture, counter.channels)
        load_hdf5(model, path)
        yield counter.name, model.eval().to(config.device)


def published_hashes(inputs: Files) -> dict[str, str]:
    """Return the sha256 of every published counter's weights by file name."""
    return {path.name: sha256_file(path) for path in inputs.many("published")}


def predict(name: str, model: Any, images: list[Record], config: Evaluate, context: Context) -> list[PredictionRow]:
    """Return one row per image; what an earlier attempt counted is not counted again."""
    from throng.counting.inference import decode_for, predict_count

    store = ImageStore(context.roots)

    def count(image: Record) -> tuple[Record, dict[str, bytes]]:
        pixels = decode_for(model, store.read_bytes(image["source"], image["path"]))
        predicted, _ = predict_count(model, pixels, scheme=config.scheme)
        known = {key: image[key] for key in ("id", "source", "split", "count")}
        return {"counter": name, "predicted": predicted, **known}, {}

    # one at a time: torch spreads each image over the job's threads
    items = {f"{name}-{image['id']}": image for image in images}
    made = process(context.workdir(), items, count, threads=1, stage=f"evaluate {name}")
    return [PredictionRow(**row) for row in made.values()]


def measure(rows: list[PredictionRow], training_counts: list[int], config: Evaluate) -> list[Record]:
    """Return one record per counter, the mean-count baseline first."""
    from throng.evaluation.metrics import bin_errors, count_metrics, mae_interval, mean_predictor

    by_counter = group(rows)
    truth = [row.count for row in next(iter(by_counter.values()))]
    baseline = mean_predictor(training_counts, truth)
    records: list[Record] = [{"counter": "mean-count baseline", "split": config.split, **baseline}]
    for name, mine in by_counter.items():
        predicted, true = [row.predicted for row in mine], [row.count for row in mine]
        low, high = mae_interval(predicted, true, resamples=config.bootstrap)
        records.append(
            {
                "counter": name,
                "split": config.split,
                "scheme": config.scheme,
                **count_metrics(predicted, true),
                "mae_interval_95": [low, high],
                "bins": [asdict(error) for error in bin_errors(predicted, true, config.bins)],
            }
        )
    for record in records:
        log.info("%s: MAE %.2f, RMSE %.2f on %d images", *(record[k] for k in ("counter", "mae", "rmse", "images")))
    return records


def group(rows: list[PredictionRow]) -> dict[str, list[PredictionRow]]:
    """Return the rows of each counter, in the counters' order."""
    grouped: dict[str, list[PredictionRow]] = {}
    for row in rows:
        grouped.setdefault(row.counter, []).append(row)
    return grouped


def plot(rows: list[PredictionRow], history: Path, outputs: Files, config: Evaluate) -> None:
    """Draw our counter's counts against the truth, its errors by density, and its training."""
    from throng.evaluation.metrics import bin_errors
    from throng.evaluation.plots import bin_plot, scatter_plot, training_plot

    mine = next(iter(group(rows).values()))
    predicted, true = [row.predicted for row in mine], [row.count for row in mine]
    write_bytes(outputs.one("scatter"), scatter_plot(predicted, true, f"{len(mine)} images of split {config.split}"))
    write_bytes(outputs.one("bins"), bin_plot(bin_errors(predicted, true, config.bins), "errors by true count"))
    steps = [json.loads(line) for line in history.read_text().splitlines()]
    write_bytes(outputs.one("curves"), training_plot(steps, "training"))
