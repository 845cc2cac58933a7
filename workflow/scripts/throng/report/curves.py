"""What every training wrote down step by step, and what every counter says of every measured photograph."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.report.collection import numbers
from throng.report.reading import Tables, ordered, where
from throng.report.writing import binary

MOST_STEPS = 1500
STEP = "step"


def curves(histories: Sequence[Path]) -> list[dict[str, Any]]:
    """Return every training's series by quantity: steps and values, at most 1500 of them spread over the training.

    Counters come first. A history stands at ``<stage>/<model>/<run>/history.jsonl``.
    """
    return [_curve(path) for path in sorted(histories, key=lambda path: (path.parts[-4] != "train_counter", path))]


def _curve(path: Path) -> dict[str, Any]:
    stage, model, run = path.parts[-4:-1]
    series: dict[str, tuple[list[float], list[float]]] = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        for name, value in record.items():
            if name != STEP and isinstance(value, int | float) and not isinstance(value, bool):
                steps, values = series.setdefault(name, ([], []))
                steps.append(record[STEP])
                values.append(value)
    return {"stage": stage, "model": model, "run": run, "series": {name: _thin(*series[name]) for name in series}}


def _thin(steps: list[float], values: list[float]) -> list[list[float]]:
    stride = -(-len(steps) // MOST_STEPS)
    # the last one stays: it is what the training ended with
    kept = sorted({*range(0, len(steps), stride), len(steps) - 1})
    return [[steps[k] for k in kept], [values[k] for k in kept]]


def predictions(tables: Tables, metrics: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return, by counter, what it says of each measured photograph (mean over its runs) beside the truth."""
    rows = tables.read("predictions", ["counter", "id", "count", "predicted"])
    means = rows.group_by(["counter", "id"]).aggregate([("predicted", "mean"), ("count", "max")])
    labels = {record["counter"]: record["label"] for record in metrics["counters"]}
    found = []
    for counter in sorted(rows["counter"].unique().to_pylist()):
        mine = ordered(where(means, "counter", counter), "id").slice(0, most)
        found.append(
            {
                "counter": labels.get(counter, counter),
                "ids": " ".join(mine["id"].to_pylist()),
                "true": binary(numbers(mine["count_max"].to_pylist()), "<f4"),
                "predicted": binary(numbers(mine["predicted_mean"].to_pylist()), "<f4"),
            }
        )
    return {"counters": found}
