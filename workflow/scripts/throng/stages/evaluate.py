"""Stage ``evaluate``: every run of every counter on the labelled images of a split, beside the mean-count baseline."""

import json
import logging
from collections.abc import Iterator
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
    """Count, measure, compare, plot; the truth of an image is its number of head points."""
    import torch

    from throng.evaluation.counted import Counted, counted

    torch.set_num_threads(context.threads)
    images, training_counts = labelled_images(inputs.one("images"), config.split)
    work = context.workdir()
    rows: list[PredictionRow] = []
    counters: list[Counted] = []
    facts: dict[str, Record] = {}
    run_facts: dict[tuple[str, str], Record] = {}
    for entrant in entrants(inputs, config):
        log.info("%s: %d runs count %d images of split %s", entrant.name, len(entrant.runs), len(images), config.split)
        by_run, sheet = count(entrant, images, config, context, draw=not counters)
        if sheet is not None:
            write_bytes(outputs.one("examples"), sheet)
        levels = {training.interval.level for training in entrant.runs if training.interval}
        counters.append(
            counted(entrant.name, by_run, levels.pop() if len(levels) == 1 else None, marks(entrant, config.split))
        )
        rows += [row for one in by_run for row in one]
        facts[entrant.name] = entrant.facts()
        run_facts |= {(entrant.name, training.run): training.facts for training in entrant.runs}
    provenance = context.provenance(backend=config.scheme, model=published_hashes(inputs, config))
    write_table(outputs.one("predictions"), PREDICTIONS, rows, provenance)
    metrics = measure(counters, facts, run_facts, training_counts, config)
    write_text(outputs.one("metrics"), json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False) + "\n")
    plot(counters, metrics, inputs, outputs)
    work.remove()


def labelled_images(path: Path, split: str) -> tuple[list[Record], list[int]]:
    """Return the labelled images of the measured split by id, and the counts of the training images."""
    columns = ["id", "source", "path", "width", "height", "count", "points", "split", "redistributable", "status"]
    images = read_table(path, IMAGES, columns)
    usable = images.filter((pc.field("status") == OK) & pc.field("count").is_valid())
    measured = usable.filter((pc.field("split") == split) & pc.field("points").is_valid()).sort_by("id").to_pylist()
    training = usable.filter(pc.field("split") == "train")["count"].to_pylist()
    if not measured or not training:
        raise ThrongError(
            f"evaluate needs labelled images: found {len(measured)} in split {split!r} and {len(training)} in 'train'; "
            f"add a labelled source, or measure another split (evaluate.split)"
        )
    return measured, training


def entrants(inputs: Files, config: Evaluate) -> Iterator[Any]:
    """Yield the trained counters in the order given, then the published ones."""
    from throng.evaluation.entrants import published, read_recipe, trained

    names = {read_recipe(path)["counter"] for path in inputs.many("recipe")}
    for one in config.published:
        if one.name in names:
            raise ThrongError(
                f"evaluate.published: {one.name!r} is also the name of a trained counter; give it another"
            )
    yield from trained(inputs.many("weights"), inputs.many("recipe"))
    for one, path in zip(config.published, inputs.many("published"), strict=True):
        yield published(one.name, one.architecture, one.channels, one.sigma, path)


def marks(entrant: Any, split: str) -> list[str]:
    """Return what a trained counter's weights were chosen by, where it flatters its figures on this split."""
    from throng.evaluation.counted import BEST_ON_TEST, SELECTED_HERE

    if entrant.best_on_test:
        return [BEST_ON_TEST]
    return [SELECTED_HERE] if split == "val" and not entrant.published else []


def published_hashes(inputs: Files, config: Evaluate) -> dict[str, str]:
    """Return the sha256 of every published counter's weights by its name."""
    return {one.name: sha256_file(path) for one, path in zip(config.published, inputs.many("published"), strict=True)}


def count(
    entrant: Any, images: list[Record], config: Evaluate, context: Context, *, draw: bool
) -> tuple[list[list[PredictionRow]], bytes | None]:
    """Return the rows of every run, and a sheet of examples if one is to be drawn.

    What an earlier attempt counted with the same weights is not counted again.
    """
    from throng.evaluation.examples import choose_examples, example_sheet
    from throng.evaluation.measuring import Measuring

    measuring = Measuring(entrant, ImageStore(context.roots), config.scheme, config.device)
    key = entrant.key()
    items = {f"{key}-{image['id']}": image for image in images}
    made = process(
        context.workdir(),
        items,
        lambda image: ({"runs": measuring.rows(image)}, {}),
        threads=context.threads,
        stage=f"evaluate {entrant.name}",
    )
    by_image = [[PredictionRow(**row) for row in made[item]["runs"]] for item in items]
    by_run = [list(rows) for rows in zip(*by_image, strict=True)]
    if not draw:
        return by_run, None
    shown = [(title, image, measuring.look(image)) for title, image in choose_examples(by_run[0], images)]
    title = ", ".join([f"{entrant.name} {entrant.runs[0].run}", *marks(entrant, config.split)])
    return by_run, example_sheet(title, shown)


def measure(
    counters: list[Any],
    facts: dict[str, Record],
    run_facts: dict[tuple[str, str], Record],
    training_counts: list[int],
    config: Evaluate,
) -> Record:
    """Return the content of metrics.json, and log its main lines."""
    from throng.evaluation.summary import summarise

    figures = summarise(counters, facts, run_facts, training_counts, bins=config.bins, resamples=config.bootstrap)
    figures |= {"split": config.split, "scheme": config.scheme, "bootstrap": config.bootstrap}
    log.info("%s: MAE %.2f, RMSE %.2f", *(figures["baseline"][key] for key in ("counter", "mae", "rmse")))
    for record in figures["counters"]:
        log.info(
            "%s: MAE %.2f [%.2f, %.2f], RMSE %.2f on %d images, runs: %d",
            *(record[key] for key in ("label", "mae")),
            *record["mae_95"],
            *(record[key] for key in ("rmse", "images", "runs")),
        )
    for one in figures["comparisons"]:
        log.info("%s", one["verdict"])
    return figures


def plot(counters: list[Any], metrics: Record, inputs: Files, outputs: Files) -> None:
    """Draw counts against the truth, errors by density, intervals, the comparison, and how the runs were trained."""
    from throng.evaluation import plots

    label = {one.name: one.label for one in counters}
    records = metrics["counters"]
    write_bytes(outputs.one("scatter"), plots.scatter_plot(counters))
    write_bytes(outputs.one("bins"), plots.bin_plot([(one["label"], one["bins"]) for one in records]))
    write_bytes(outputs.one("calibration"), plots.calibration_plot(counters, records))
    write_bytes(outputs.one("comparison"), plots.comparison_plot(records, metrics["baseline"]))
    histories: list[tuple[str, list[Record]]] = []
    for recipe, history in zip(inputs.many("recipe"), inputs.many("history"), strict=True):
        name = json.loads(recipe.read_text())["recipe"]["counter"]
        histories.append((label[name], [json.loads(line) for line in history.read_text().splitlines()]))
    write_bytes(outputs.one("curves"), plots.training_plot(histories))
