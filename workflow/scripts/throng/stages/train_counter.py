"""Stage ``train_counter``: a counter from the head points of real and synthetic images."""

import dataclasses
import json
import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow.compute as pc

from throng.errors import ThrongError
from throng.files import write_text
from throng.images import ImageStore
from throng.manifest import OK, read_table
from throng.provenance import canonical_json
from throng.roots import RESULTS
from throng.sections.train_counter import Trained
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.tables.calibrated_counts import TABLE as CALIBRATED
from throng.tables.images import TABLE as IMAGES
from throng.tables.images import Point
from throng.tables.synthetic import TABLE as SYNTHETIC

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Labelled:
    """An image that can be learnt from: its id, where its pixels are, and its head points (N, 2) x, y in pixels."""

    id: str
    source: str
    path: str
    points: np.ndarray


class LabelledImages:
    """The samples that training asks for by number; pixels are read when asked for."""

    def __init__(self, rows: list[Labelled], store: ImageStore) -> None:
        self._rows, self._store = rows, store

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[bytes, np.ndarray]:
        row = self._rows[index]
        return self._store.read_bytes(row.source, row.path), row.points


def run(inputs: Files, outputs: Files, config: Trained, context: Context) -> None:
    """Train on the training rows, choose by the validation rows of real images, write weights, recipe and history."""
    import torch

    from throng.counting.registry import save_counter
    from throng.counting.train import CounterOptions, train_counter

    torch.set_num_threads(context.threads)
    training, validation = choose(inputs, config)
    store = ImageStore(context.roots)
    options = CounterOptions(
        **shared(config, CounterOptions),
        model_options=config.options,
        losses=config.losses.chosen(),
        seed=run_seed(context),
    )
    log.info("training %s on %d images, validating on %d", config.model, len(training), len(validation))
    work = context.workdir()
    model, recipe, history = train_counter(
        LabelledImages(training, store),
        LabelledImages(validation, store),
        options,
        work.path,
        config.device,
        backbone=inputs.one("backbone") if config.weights else None,
        workers=context.threads,
        cache_gigabytes=config.cache_gigabytes,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    recipe |= {"counter": config.name, "run": context.wildcards["run"], "best_on_test": config.validation == "test"}
    save_counter(outputs.one("weights"), model, recipe)
    footer = dataclasses.asdict(context.provenance(backend=config.model))
    write_text(
        outputs.one("recipe"), json.dumps({"recipe": recipe, "made_by": footer}, indent=1, sort_keys=True) + "\n"
    )
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in history))
    work.remove()


def shared(config: Trained, options: type) -> dict[str, Any]:
    """Return the keys that section and options have in common by name, the section's plain values."""
    named = {field.name for field in dataclasses.fields(options)} - {"losses"}
    return {name: value for name, value in config.model_dump().items() if name in named}


def run_seed(context: Context) -> int:
    """Return the seed of a run: the same for every counter, so that two counters are compared on equal draws."""
    # torch and NumPy take signed 64-bit seeds
    return sample_seed(context.seed, "train_counter", context.wildcards["run"]) >> 1


def choose(inputs: Files, config: Trained) -> tuple[list[Labelled], list[Labelled]]:
    """Return the training and the validation images in order of their ids; the test split is never read."""
    columns = ["id", "source", "path", "points", "split", "status"]
    images = read_table(inputs.one("images"), IMAGES, columns)
    usable = (pc.field("status") == OK) & pc.field("points").is_valid()
    train = usable & (pc.field("split") == "train")
    training: list[Labelled] = []
    if config.data.images:
        training += _rows(images.filter(train).to_pylist())
    if config.data.synthetic:
        synthetic = read_table(inputs.many("synthetic"), SYNTHETIC, ["id", "path", "points", "split", "status"])
        good = read_table(inputs.one("calibrated"), CALIBRATED, ["id", "status"]).filter(pc.field("status") == OK)
        train &= pc.field("id").isin(good.column("id").to_pylist())
        training += _rows([record | {"source": RESULTS} for record in synthetic.filter(train).to_pylist()])
    validation = _rows(images.filter(usable & (pc.field("split") == "val")).to_pylist())
    if not training or not validation:
        raise ThrongError(
            f"train_counter needs labelled images: found {len(training)} to train on in its tables "
            f"and {len(validation)} to validate on; add a labelled source or raise ingest.val_fraction"
        )
    return training, validation


def _rows(records: Iterable[dict[str, object]]) -> list[Labelled]:
    rows = [
        Labelled(str(r["id"]), str(r["source"]), str(r["path"]), point_array(r["points"]))  # pyright: ignore[reportArgumentType]
        for r in records
    ]
    return sorted(rows, key=lambda row: row.id)


def point_array(points: list[Point]) -> np.ndarray:
    """Return head points as an (N, 2) float64 array of x, y in pixels."""
    return np.array([(point["x"], point["y"]) for point in points], np.float64).reshape(-1, 2)
