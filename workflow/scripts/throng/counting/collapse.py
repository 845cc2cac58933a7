"""The collapse of density regression, noticed early and said aloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from throng.counting.options import CounterOptions
from throng.errors import ThrongError


class CollapseDetector:
    """Fails a run whose map has become constant or empty, which density regression does without a word.

    It looks at logged rows; ``patience`` of them in a row with a map whose spread is below a hundredth of the true
    map's, or whose sum is below a fiftieth of the true count, is a collapse. ``advice`` ends the sentence.
    """

    def __init__(self, patience: int, advice: str = "") -> None:
        self.patience = patience
        self.advice = advice
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
                f"there are {row['true_count']:.3g}, {'an empty' if empty else 'a constant'} map; {self.advice}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return how many dead rows came last."""
        return {"dead_rows": self.dead_rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore :meth:`state_dict`."""
        self.dead_rows = state["dead_rows"]


def advice(options: CounterOptions) -> str:
    """Return what may keep a run of these options from collapsing, as keys of its configuration."""
    keras = {"init": "glorot", "norm": False} if options.model == "sanet-keras" else {}
    model = {**keras, **options.model_options}
    tries = [
        (not options.start_at_mean, "start_at_mean: true"),
        (model.get("init") in {"gaussian", "glorot"}, "options.init: he"),
        (model.get("norm") is False, "options.norm: true"),
        (model.get("last_activation", "relu") == "relu", "options.last_activation: softplus"),
        (options.target_scale is not None, "target_scale: null"),
        (True, f"learning_rate: {options.learning_rate / 10:g}"),
        (options.module_steps == 0, f"module_steps: {max(1, options.steps // 20)}"),
    ]
    return f"set {', or '.join(key for useful, key in tries if useful)}; or train another seed"
