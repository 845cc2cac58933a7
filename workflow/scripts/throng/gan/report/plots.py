"""The figure of conditioning, as PNG bytes that are the same for the same figures.

Source: own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY, INK = "#2a6fbb", "#d9711c", "#8a8a8a", "#1d2126"
DPI = 110
UNITS = {"people": "people counted", "label": "label read"}
Record = dict[str, Any]


def conditioning_plot(judges: Sequence[Record], scenes: Record, names: Sequence[str]) -> bytes:
    """Return a PNG: a row per judge with what it counted by label, right classes or calibration; the scenes below."""
    figure = canvas.figure(12.5, 3.5 * (len(judges) + 1), DPI)
    grid = figure.subplots(len(judges) + 1, 3, squeeze=False)
    for row, judge in zip(grid, judges, strict=False):
        _spread(row[0], judge, names)
        if judge["samples"]["classes"] is None:
            _line(row[1], judge)
            _means(row[2], judge)
        else:
            _confusion(row[1], judge["samples"]["classes"], names, "generated images")
            _confusion(row[2], judge["reals"]["classes"], names, "real images")
    _curve(grid[-1][0], scenes)
    _pairs(grid[-1][1], scenes, names)
    _monotone(grid[-1][2], judges)
    return canvas.png(figure)


def _spread(axes: Axes, judge: Record, names: Sequence[str]) -> None:
    """Draw quantiles of what was counted, per label, of generated and of real images."""
    for side, colour, shift in (("reals", GREY, -0.17), ("samples", BLUE, 0.17)):
        for place, record in enumerate(judge[side]["labels"]):
            if record["quantiles"] is None:
                continue
            low, first, median, third, high = record["quantiles"].values()
            at = place + shift
            axes.plot([at, at], [low, high], color=colour, linewidth=1.2)
            axes.plot([at, at], [first, third], color=colour, linewidth=7, solid_capstyle="butt")
            axes.plot(at, median, "o", color="white", markersize=3.5, zorder=4)
        axes.plot([], [], color=colour, linewidth=7, label={"reals": "real", "samples": "generated"}[side])
    for place, record in enumerate(judge["samples"]["labels"]):
        if record["expected"] is not None:
            axes.plot([place - 0.34, place + 0.34], [record["expected"]] * 2, color=ORANGE, linewidth=1.4, zorder=5)
    if judge["samples"]["calibration"] is not None:
        axes.plot([], [], color=ORANGE, linewidth=1.4, label="what the label stands for")
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel(UNITS[judge["unit"]], fontsize=8)
    axes.set_title(f"judge {judge['judge']}: 5, 25, 50, 75, 95 %", fontsize=9)
    axes.legend(fontsize=7, frameon=False)
    _tidy(axes)


def _confusion(axes: Axes, classes: Record, names: Sequence[str], title: str) -> None:
    """Draw shares of the asked label's images that were counted as each class."""
    numbers = np.array(classes["confusion"], float)
    share = numbers / np.maximum(numbers.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share):
        if len(names) <= 8 and numbers[row].sum():
            ink = "white" if value > 0.55 else INK
            axes.text(column, row, f"{100 * value:.0f} %", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("class of what was counted", fontsize=8)
    axes.set_ylabel("asked for" if "generated" in title else "labelled", fontsize=8)
    accuracy = classes["accuracy"]["value"]
    axes.set_title(f"{title}: {100 * accuracy:.0f} % right", fontsize=9)
    axes.tick_params(length=0)


def _line(axes: Axes, judge: Record) -> None:
    """Draw mean counts against what the labels stand for, the calibration curve."""
    ends: list[float] = []
    for side, colour in (("reals", GREY), ("samples", BLUE)):
        known = [one for one in judge[side]["labels"] if one["expected"] is not None and one["mean"] is not None]
        expected, means = [one["expected"] for one in known], [one["mean"] for one in known]
        axes.plot(
            expected, means, "o-", color=colour, markersize=4, label={"reals": "real", "samples": "generated"}[side]
        )
        for one in known:
            if one["mean_interval"]:
                axes.plot([one["expected"]] * 2, one["mean_interval"], color=colour, linewidth=1)
        ends += [*expected, *means]
    if not ends:
        _empty(axes, "nobody knows how many people the labels stand for")
        return
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=ORANGE, linewidth=1, linestyle="--")
    axes.set_xlabel("what the label stands for", fontsize=8)
    axes.set_ylabel(UNITS[judge["unit"]], fontsize=8)
    axes.set_title("calibration", fontsize=9)
    axes.legend(fontsize=7, frameon=False)
    _tidy(axes)


def _means(axes: Axes, judge: Record) -> None:
    """Draw by how much mean counts rise from label to label."""
    means = [one["mean"] for one in judge["samples"]["labels"]]
    steps = np.diff(np.array(means, float))
    axes.bar(range(1, len(means)), steps, color=[BLUE if step > 0 else ORANGE for step in steps])
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(range(1, len(means)), [f"{n} to {n + 1}" for n in range(1, len(means))], fontsize=8)
    axes.set_xlabel("label", fontsize=8)
    axes.set_title("more people in the mean", fontsize=9)
    _tidy(axes)


def _curve(axes: Axes, scenes: Record) -> None:
    """Draw how much scenes drift against how many people come and go."""
    change = [one["change"] for one in scenes["curve"]]
    for key, colour in (("pixels", BLUE), ("features", ORANGE)):
        axes.plot(change, [one[key] for one in scenes["curve"]], "o-", color=colour, markersize=4, label=key)
    axes.axhline(1, color=GREY, linewidth=1, linestyle="--", label="another scene")
    axes.set(ylim=(0, max(1.15, *(1.1 * one[key] for one in scenes["curve"] for key in ("pixels", "features")))))
    axes.set_xlabel("change of the count under one label and another", fontsize=8)
    axes.set_ylabel("drift of the scene", fontsize=8)
    axes.set_title("same scene, other density", fontsize=9)
    axes.legend(fontsize=7, frameon=False)
    _tidy(axes)


def _pairs(axes: Axes, scenes: Record, names: Sequence[str]) -> None:
    """Draw the drift in pixels between every two labels."""
    drift = np.full((len(names), len(names)), np.nan)
    for one in scenes["pairs"]:
        drift[one["first"], one["last"]] = one["pixels"]
    axes.imshow(np.ma.masked_invalid(drift), cmap="YlOrRd", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(drift):
        if np.isfinite(value) and len(names) <= 8:
            ink = "white" if value > 0.65 else INK
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_title("drift in pixels (0: same, 1: another scene)", fontsize=9)
    axes.tick_params(length=0)


def _monotone(axes: Axes, judges: Sequence[Record]) -> None:
    """Draw in what share of the scenes counts rise."""
    keys = (("strictly", "every step up"), ("never_falling", "never down"), ("pairs", "pairs in order"))
    wide = 0.8 / len(judges)
    for place, judge in enumerate(judges):
        at = np.arange(len(keys)) + (place - (len(judges) - 1) / 2) * wide
        colour = (BLUE, ORANGE, GREY)[place % 3]
        bars = axes.bar(at, [judge["monotone"][key] for key, _ in keys], 0.9 * wide, color=colour, label=judge["judge"])
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(keys)), [name for _, name in keys], fontsize=8)
    axes.set(ylim=(0, 1.1))
    axes.set_title(f"share of {judges[0]['monotone']['scenes']} scenes under rising labels", fontsize=9)
    if len(judges) > 1:
        axes.legend(fontsize=7, frameon=False)
    _tidy(axes)


def _empty(axes: Axes, why: str) -> None:
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color=GREY, fontsize=8, wrap=True)


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
