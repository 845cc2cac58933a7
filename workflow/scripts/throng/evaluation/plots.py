"""Plots of counters' errors and training, as PNG bytes that are the same for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng import canvas
from throng.evaluation.counted import Counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design", 2008, without yellow, which no white page shows
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vPX"
GREY = "#8a8a8a"
DPI = 120
Record = Mapping[str, Any]


def scatter_plot(counters: Sequence[Counted]) -> bytes:
    """Return a PNG of predicted against true counts, a panel per counter, with the line of perfect counting.

    A counter of several runs is shown by their mean, with a line from its least to its greatest count.
    """
    columns = min(3, len(counters))
    rows = -(-len(counters) // columns)
    figure = canvas.figure(0.4 + 3.9 * columns, 0.5 + 4.3 * rows, DPI)
    figure.set_layout_engine("compressed")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    top = 1.05 * max(1.0, *(float(max(one.predicted.max(), one.true.max())) for one in counters))
    for number, (axes, one) in enumerate(zip(grid.ravel(), counters, strict=False)):
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, zorder=1)
        if len(one.runs) > 1:
            axes.vlines(one.true, one.predicted.min(0), one.predicted.max(0), color=GREY, alpha=0.35, linewidth=0.8)
        axes.scatter(one.true, one.predicted.mean(0), s=13, alpha=0.65, color=_colour(number), linewidths=0, zorder=3)
        mae = float(np.abs(one.errors).mean())
        axes.set_title(f"{one.label}\nMAE {mae:.1f}{_runs(one)}", fontsize=10)
        axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    for axes in grid.ravel()[len(counters) :]:
        axes.set_visible(False)
    figure.supxlabel("true count, people", fontsize=10)
    figure.supylabel("predicted count, people", fontsize=10)
    return canvas.png(figure)


def bin_plot(counters: Sequence[tuple[str, Sequence[Record]]]) -> bytes:
    """Return a PNG of MAE and mean error by true count, a line per (label, bins) with the keys of ``BinError``."""
    figure = canvas.figure(7.5, 6.5, DPI)
    errors, biases = figure.subplots(2, 1, sharex=True)
    bins = counters[0][1]
    place = np.arange(len(bins))
    for number, (label, mine) in enumerate(counters):
        style: dict[str, Any] = {"color": _colour(number), "marker": MARKERS[number % len(MARKERS)], "markersize": 5}
        errors.plot(place, [one["mae"] for one in mine], label=label, **style)
        biases.plot(place, [one["bias"] for one in mine], **style)
    biases.axhline(0, color=GREY, linewidth=1)
    names = [f"{b['low']}+" if b["high"] is None else f"{b['low']}–{b['high'] - 1}" for b in bins]
    biases.set_xticks(place, [f"{name}\nn = {b['images']}" for name, b in zip(names, bins, strict=True)])
    biases.set(xlabel="true count, people (n images)", ylabel="mean error, people")
    errors.set(ylabel="MAE, people", ylim=(0, None))
    errors.set_title("errors by true count", fontsize=11)
    for axes in (errors, biases):
        _open(axes)
    _legend(figure, errors)
    return canvas.png(figure)


def comparison_plot(records: Sequence[Record], baseline: Record) -> bytes:
    """Return a PNG of every counter's MAE with its interval over images and runs, best first, and of the baseline.

    ``records`` and ``baseline`` are those of :func:`throng.evaluation.summary.summarise`.
    """
    ordered = sorted(enumerate(records), key=lambda one: -one[1]["mae"])
    figure = canvas.figure(7.5, 1.5 + 0.45 * len(ordered), DPI)
    axes = figure.add_subplot()
    low, high = baseline["mae_95"]
    axes.axvspan(low, high, color=GREY, alpha=0.15, linewidth=0)
    axes.axvline(baseline["mae"], color=GREY, linestyle="--", linewidth=1.2, label="always the mean training count")
    for place, (number, record) in enumerate(ordered):
        colour = _colour(number)
        axes.plot(record["mae_95"], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(record["mae"], place, marker="o", markersize=7, color=colour)
        runs = [one["mae"] for one in record["per_run"]]
        if len(runs) > 1:
            axes.plot(runs, [place - 0.22] * len(runs), "|", color=colour, markersize=7, alpha=0.8)
    names = [f"{record['label']}\n{_times(record['runs'])}" for _, record in ordered]
    axes.set_yticks(range(len(ordered)), names, fontsize=9)
    ends = [end for record in records for end in record["mae_95"]]
    axes.set(xlim=(0, 1.05 * max(high, *ends)), ylim=(-0.6, len(ordered) - 0.4))
    axes.set_xlabel("MAE, people (bars and band: 95 % over images and runs; ticks: single runs)", fontsize=9)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    _open(axes)
    axes.set_axisbelow(True)
    _legend(figure, axes)
    return canvas.png(figure)


def calibration_plot(counters: Sequence[Counted], records: Sequence[Record]) -> bytes:
    """Return a PNG of the errors and the intervals over the counts, and of how often the intervals hold the truth.

    ``records`` are those of :func:`throng.evaluation.summary.summarise`. Counters without intervals show errors only.
    """
    figure = canvas.figure(10.5, 1.8 + max(3.2, 0.45 * len(counters)), DPI)
    residuals, coverage = figure.subplots(1, 2, width_ratios=(1.6, 1))
    for number, one in enumerate(counters):
        colour = _colour(number)
        residuals.scatter(
            one.predicted.ravel(), one.errors.ravel(), s=8, alpha=0.45, color=colour, linewidths=0, label=one.label
        )
        if one.low is not None and one.high is not None:
            counts, order = one.predicted[0], np.argsort(one.predicted[0])
            for end in (one.low[0], one.high[0]):  # the truth at an end of the interval makes this error
                residuals.plot(counts[order], (counts - end)[order], color=colour, linewidth=1, alpha=0.9)
    residuals.axhline(0, color=GREY, linewidth=1)
    residuals.set(xlabel="predicted count, people", ylabel="predicted − true, people")
    residuals.set_title("errors; lines: ends of the first run's intervals", fontsize=10)
    told = [(number, record) for number, record in enumerate(records) if record["calibration"]]
    for place, (number, record) in enumerate(reversed(told)):
        mine = record["calibration"]
        coverage.plot(mine["coverage_95"], [place, place], color=_colour(number), linewidth=2.5, solid_capstyle="butt")
        coverage.plot(mine["coverage"], place, "o", markersize=7, color=_colour(number))
    for level in sorted({record["calibration"]["level"] for _, record in told}):
        coverage.axvline(level, color=GREY, linestyle="--", linewidth=1.2)
    coverage.set_yticks(range(len(told)), [record["label"] for _, record in reversed(told)], fontsize=9)
    coverage.set(xlim=(0, 1.02), ylim=(-0.6, max(len(told), 1) - 0.4))
    coverage.set_xlabel("share of images inside (dashed: promised)", fontsize=9)
    coverage.set_title("coverage of the intervals" if told else "no counter has intervals", fontsize=10)
    for axes in (residuals, coverage):
        _open(axes)
    _legend(figure, residuals)
    return canvas.png(figure)


def training_plot(histories: Sequence[tuple[str, Sequence[Mapping[str, float]]]]) -> bytes:
    """Return a PNG of the training loss and the validation MAE by step, a line per run, a colour per label.

    ``histories`` are (label, rows with ``step`` and any of ``loss`` and ``val_mae``). Runs of other losses are not
    comparable by loss, whence each one's is divided by its first value.
    """
    figure = canvas.figure(7.5, 6.5, DPI)
    losses, errors = figure.subplots(2, 1, sharex=True)
    labels = list(dict.fromkeys(label for label, _ in histories))
    for label, history in histories:
        number = labels.index(label)
        loss = [(row["step"], row["loss"]) for row in history if "loss" in row]
        style: dict[str, Any] = {"color": _colour(number), "linewidth": 1.2, "alpha": 0.8}
        if loss and loss[0][1] > 0:
            steps, values = np.array(loss).T
            losses.plot(steps, _smooth(values) / values[0], **style)
        scores = [(row["step"], row["val_mae"]) for row in history if "val_mae" in row]
        if scores:
            errors.plot(*zip(*scores, strict=True), marker=MARKERS[number % len(MARKERS)], markersize=3.5, **style)
    for number, label in enumerate(labels):
        losses.plot([], [], color=_colour(number), marker=MARKERS[number % len(MARKERS)], label=label)
    losses.set(ylabel="training loss / its first value", yscale="log")
    losses.set_title("training: a line per run", fontsize=11)
    errors.set(xlabel="step", ylabel="MAE while training, people", ylim=(0, None))
    for axes in (losses, errors):
        _open(axes)
    _legend(figure, losses)
    return canvas.png(figure)


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return a running mean over a fiftieth of the values, shorter at both ends."""
    reach = len(values) // 100
    return np.array([values[max(0, i - reach) : i + reach + 1].mean() for i in range(len(values))])


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _times(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def _runs(one: Counted) -> str:
    return f", mean of {len(one.runs)} runs" if len(one.runs) > 1 else ""
