"""Stage ``ladder``: every rung counts the photographs of a split, the one place where labels of split test are read."""

import itertools
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.errors import ThrongError
from throng.evaluation.counted import Counted
from throng.files import write_bytes, write_text
from throng.images import ImageStore
from throng.ladder import page
from throng.ladder.climbers import Climber, Constant, Counters, Detections, Fits
from throng.ladder.photographs import mean_synthetic_count, measured
from throng.ladder.plot import ladder_plot
from throng.ladder.standings import Standing, standings
from throng.manifest import write_table
from throng.sections.ladder import Ladder, Rung
from throng.stage import Context, Files
from throng.tables import ladder_predictions
from throng.tables.images import ImageRow
from throng.tables.ladder_predictions import LadderRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Ladder, context: Context) -> None:
    """Write what every run counts, the figures as JSON and CSV, the plot and the page."""
    import torch

    os.environ.setdefault("OMP_NUM_THREADS", str(context.threads))
    torch.set_num_threads(context.threads)
    photographs, training_counts = measured(inputs.one("images"), config.split)
    scratch = context.workdir()
    rungs: list[Standing] = []
    models: dict[str, str] = {}
    for rung, climber in climbers(inputs, config, context, scratch):
        log.info("rung %r: %d runs count %d images of %s", rung.name, len(climber.runs), len(photographs), config.split)
        predicted = counts(rung.name, climber, photographs, scratch)
        true = np.array([row.count for row in photographs], np.float64)
        answered = Counted(rung.name, climber.runs, true, predicted)
        rungs.append(
            Standing(answered, rung.kind, rung.says, climber.cost.parameters, climber.cost.steps, rung.against)
        )
        if isinstance(climber, Detections) and climber.model:
            models[rung.name] = climber.model["sha256"]
    rows = [row for rung in rungs for row in rows_of(rung.counts, photographs)]
    provenance = context.provenance(model=models or None)
    write_table(outputs.one("predictions"), ladder_predictions.TABLE, rows, provenance)
    write_figures(rungs, training_counts, outputs, config)
    scratch.remove()


def climbers(inputs: Files, config: Ladder, context: Context, scratch: Workdir) -> Iterator[tuple[Rung, Climber]]:
    """Yield every rung and whoever stands on it, one loaded at a time."""
    store = ImageStore(context.roots)
    models = iter(inputs.many("models"))
    for number, rung in enumerate(config.rungs):
        if rung.kind == "prior":
            yield rung, Constant(mean_synthetic_count(inputs.many("synthetic"), inputs.one("calibrated")))
        elif rung.kind == "detector":
            yield rung, Detections(rung, next(models, None), store, scratch.path / f"library-{number}")
        elif rung.kind == "fit":
            yield rung, Fits(rung, runs_of(rung.fit, inputs.many("fits")), store, config.device)
        else:
            yield rung, Counters(rung, runs_of(rung.counter, inputs.many("counters")), store, config.device)


def runs_of(name: str, paths: Sequence[Path]) -> list[Path]:
    """Return the files of one counter's runs, which lie in folders of its name; raises ThrongError without any."""
    own = sorted({path for path in paths if path.parent.parent.name == name})
    if not own:
        raise ThrongError(f"no file of {name!r} is among the ladder's inputs: run its stage, or correct ladder.rungs")
    return own


def counts(name: str, climber: Climber, photographs: Sequence[ImageRow], scratch: Workdir) -> np.ndarray:
    """Return the (R, N) people that a rung's runs count; what an earlier attempt counted is not counted again."""

    def count(rows: Sequence[ImageRow]) -> Made:
        return {"counts": dict(zip((row.id for row in rows), climber.count(rows), strict=True))}, {}

    work = Workdir(scratch.path / climber.key)
    made = process(work, batches(photographs, climber.batch), count, threads=1, stage=f"rung {name}")
    by_image: dict[str, list[float]] = {}
    for row in made.values():
        by_image |= row["counts"]
    return np.array([by_image[row.id] for row in photographs], np.float64).T


def batches(photographs: Sequence[ImageRow], size: int) -> dict[str, list[ImageRow]]:
    """Cut photographs into batches of one size; they depend on the rows alone, so that a resumed job makes the same."""
    ordered = sorted(photographs, key=lambda row: (row.height, row.width, row.id))
    made: dict[str, list[ImageRow]] = {}
    for _, group in itertools.groupby(ordered, key=lambda row: (row.height, row.width)):
        same = list(group)
        for start in range(0, len(same), size):
            made[f"{len(made):06d}"] = same[start : start + size]
    return made


def rows_of(mine: Counted, photographs: Sequence[ImageRow]) -> list[LadderRow]:
    """Return one row per run and photograph."""
    return [
        LadderRow(mine.name, run, row.id, row.source, row.split, row.count or 0, float(people))
        for run, predicted in zip(mine.runs, mine.predicted, strict=True)
        for row, people in zip(photographs, predicted, strict=True)
    ]


def write_figures(rungs: Sequence[Standing], training_counts: Sequence[int], outputs: Files, config: Ladder) -> None:
    """Write JSON, CSV, plot and page, and log the lines that matter."""
    found: dict[str, Any] = standings(rungs, training_counts, bins=config.bins, resamples=config.bootstrap)
    found |= {"split": config.split, "bootstrap": config.bootstrap, "marks": dict(config.marks)}
    found["upstream_labels"] = config.upstream_labels
    write_text(outputs.one("ladder"), json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    write_text(outputs.one("table"), page.table(found))
    figure = ladder_plot(found, config.marks, config.title)
    write_bytes(outputs.one("figure"), figure)
    write_text(outputs.one("page"), page.render(found, figure, config.title))
    for record in found["rungs"]:
        low, high = record["mae_95"]
        said = (record["rung"], record["mae"], low, high, record["rmse"], record["images"], record["runs"])
        log.info("%s: MAE %.2f [%.2f, %.2f], RMSE %.2f on %d images, runs: %d", *said)
        if record["against"]:
            log.info("%s", record["against"]["verdict"])
