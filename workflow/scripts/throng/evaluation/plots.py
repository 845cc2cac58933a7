"""Plots of a counter's errors and training, as PNG bytes that are the same for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from throng import canvas
from throng.evaluation.metrics import BinError

BLUE, ORANGE, GREY = "#2a6fbb", "#d9711c", "#8a8a8a"


def scatter_plot(predicted: Sequence[float] | np.ndarray, true: Sequence[int] | np.ndarray, title: str) -> bytes:
    """Return a PNG of predicted against true counts with the line of perfect counting."""
    figure = canvas.figure(5.0, 5.0, 120)
    axes = figure.add_subplot()
    top = float(max(np.max(predicted), np.max(true), 1.0)) * 1.05
    axes.plot([0, top], [0, top], color=GREY, linewidth=1)
    axes.scatter(np.asarray(true), np.asarray(predicted), s=12, alpha=0.6, color=BLUE, linewidths=0)
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="true count",
        ylabel="predicted count",
        title=title,
        aspect="equal",
    )
    return canvas.png(figure)


def bin_plot(bins: Sequence[BinError], title: str) -> bytes:
    """Return a PNG of MAE and bias by true count, one pair of bars per density bin."""
    figure = canvas.figure(6.0, 4.0, 120)
    axes = figure.add_subplot()
    place = np.arange(len(bins))
    axes.bar(place - 0.2, [b.mae for b in bins], 0.4, color=BLUE, label="MAE")
    axes.bar(place + 0.2, [b.bias for b in bins], 0.4, color=ORANGE, label="mean error")
    axes.axhline(0, color=GREY, linewidth=1)
    names = [f"{b.low}+" if b.high is None else f"{b.low}-{b.high - 1}" for b in bins]
    axes.set_xticks(place, [f"{name}\nn={b.images}" for name, b in zip(names, bins, strict=True)])
    axes.set(xlabel="true count", ylabel="people", title=title)
    axes.legend(frameon=False)
    return canvas.png(figure)


def training_plot(history: Sequence[Mapping[str, float]], title: str) -> bytes:
    """Return a PNG of the training loss and, where there is one, the validation MAE by step.

    ``history`` has rows with ``step`` and any of ``loss`` and ``val_mae``.
    """
    figure = canvas.figure(7.0, 4.0, 120)
    axes = figure.add_subplot()
    loss = [(row["step"], row["loss"]) for row in history if "loss" in row]
    if loss:
        axes.plot(*zip(*loss, strict=True), color=GREY, linewidth=1, label="training loss")
        axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="training loss", title=title)
    errors = [(row["step"], row["val_mae"]) for row in history if "val_mae" in row]
    if errors:
        right = axes.twinx()
        right.plot(*zip(*errors, strict=True), color=BLUE, marker="o", markersize=3, label="validation MAE")
        right.set_ylabel("validation MAE, people", color=BLUE)
        right.set_ylim(bottom=0)
    return canvas.png(figure)
