"""Plots of the density audit, as PNG bytes that are the same for the same figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng import canvas
from throng.density_audit.agreement import Opinion
from throng.density_audit.correlation import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY, GREEN, LIGHT, INK = "#2a6fbb", "#d9711c", "#8a8a8a", "#3a8f5c", "#8ab6e6", "#1d2126"
TRUTH_COLOURS = {"felt": BLUE, "per_m2": ORANGE, "people": GREEN, "felt_at_count": LIGHT}
DPI = 110
MOST_DOTS = 3000
Record = Mapping[str, Any]


def matrix_plot(names: Sequence[str], pairs: Sequence[Record], lower: str, upper: str, title: str) -> bytes:
    """Return a PNG of the labellers against each other: one measure below the diagonal, another above it.

    A measure is a key of the pairs' records; what is undefined stays empty.
    """
    size = len(names)
    values = np.full((size, size), np.nan)
    for record in pairs:
        first, second = names.index(record["first"]), names.index(record["second"])
        for key, row, column in ((lower, second, first), (upper, first, second)):
            measured = record[key]
            if measured is not None and measured["value"] is not None:
                values[row, column] = measured["value"]
    figure = canvas.figure(1.9 + 0.42 * size, 1.7 + 0.42 * size, DPI)
    axes = figure.add_subplot(1, 1, 1)
    axes.imshow(np.ma.masked_invalid(values), cmap="RdBu", vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            ink = "white" if abs(value) > 0.6 else INK
            axes.text(column, row, signed(value), ha="center", va="center", fontsize=7, color=ink)
    axes.plot([-0.5, size - 0.5], [-0.5, size - 0.5], color=INK, linewidth=0.8)
    axes.set_xticks(range(size), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    axes.tick_params(length=0)
    axes.set_title(title, fontsize=9)
    return canvas.png(figure)


def truth_plot(records: Sequence[Record], target: float) -> bytes:
    """Return a PNG of one group's rank correlations: a row per labeller, a bar with its interval per truth."""
    names = [one["labeller"] for one in records[0]["labellers"]]
    order = sorted(range(len(names)), key=lambda n: -(records[0]["labellers"][n]["value"] or -2.0))
    figure = canvas.figure(9.0, 1.1 + 0.42 * len(names), DPI)
    axes = figure.add_subplot(1, 1, 1)
    thick = 0.8 / len(records)
    for place, record in enumerate(records):
        shown = [record["labellers"][n] for n in order]
        known = [(row, one) for row, one in enumerate(shown) if one["value"] is not None]
        at = [row + (place - (len(records) - 1) / 2) * thick for row, _ in known]
        colour = TRUTH_COLOURS[record["truth"]]
        axes.barh(at, [one["value"] for _, one in known], 0.9 * thick, color=colour, label=record["meaning"])
        for y, (_, one) in zip(at, known, strict=True):
            if one["low"] is not None:
                axes.plot([one["low"], one["high"]], [y, y], color=INK, linewidth=1)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.axvline(target, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(names)), [names[n] for n in order], fontsize=8)
    axes.set(xlim=(-1, 1), ylim=(len(names) - 0.5, -0.5), xlabel="Spearman's rank correlation with the truth")
    figure.legend(loc="outside upper center", ncols=len(records), frameon=False, fontsize=7)
    return canvas.png(figure)


def scatter_plot(opinions: Sequence[Opinion], true: np.ndarray, groups: Sequence[str], meaning: str) -> bytes:
    """Return a PNG with a panel per labeller: its score against the truth, coloured by group, (N,) each."""
    across = 5
    down = math.ceil(len(opinions) / across)
    high = 0.9 + 1.9 * down
    figure = canvas.figure(10.5, high, DPI)
    # the constrained layout measures every label of every panel twice: most of the page's time
    figure.set_layout_engine(None)
    figure.subplots_adjust(0.04, 0.55 / high, 0.99, 1 - 0.55 / high, 0.28, 0.42)
    chosen = np.flatnonzero(np.isfinite(true))
    chosen = chosen[:: math.ceil(len(chosen) / MOST_DOTS)] if len(chosen) else chosen
    names = sorted({groups[n] for n in chosen.tolist()})
    for place, opinion in enumerate(opinions):
        axes = figure.add_subplot(down, across, place + 1)
        for name, colour in zip(names, (BLUE, ORANGE, GREEN, INK) * len(names), strict=False):
            mine = [n for n in chosen.tolist() if groups[n] == name]
            label = name if place == 0 and len(names) > 1 else None
            axes.plot(true[mine], opinion.scores[mine], ".", color=colour, markersize=4, alpha=0.6, label=label)
        axes.set_title(opinion.name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4)
        axes.ticklabel_format(scilimits=(-2, 4))
        axes.yaxis.get_offset_text().set_fontsize(7)
        if not np.isfinite(opinion.scores[chosen]).any():
            axes.set(xticks=[], yticks=[])
            axes.text(0.5, 0.5, "no score", ha="center", va="center", transform=axes.transAxes, color=GREY, fontsize=8)
    figure.supxlabel(meaning, fontsize=9, y=0.1 / high)
    if len(names) > 1:
        figure.legend(loc="upper center", ncols=len(names), frameon=False, fontsize=8)
    return canvas.png(figure)


def balance_plot(records: Sequence[Record]) -> bytes:
    """Return a PNG with a panel per table: shares of every labeller's classes, the emptiest leftmost."""
    from matplotlib import colormaps

    tables = sorted({table for record in records for table in record["balance"]})
    figure = canvas.figure(10.0, 0.9 + 0.3 * len(records), DPI)
    for place, table in enumerate(tables):
        axes = figure.add_subplot(1, len(tables), place + 1)
        for row, record in enumerate(records):
            numbers = record["balance"][table]
            _stack(
                axes,
                row,
                numbers,
                [colormaps["YlGnBu"](0.2 + 0.75 * n / max(len(numbers) - 1, 1)) for n in range(len(numbers))],
            )
        axes.set_yticks(range(len(records)), [r["labeller"] if place == 0 else "" for r in records], fontsize=8)
        axes.set(xlim=(0, 1), ylim=(len(records) - 0.5, -0.5), title=table, xlabel="share of the images with a class")
    return canvas.png(figure)


def service_plot(record: Record) -> bytes:
    """Return a PNG of the images of each level of service, a bar per table."""
    figure = canvas.figure(6.0, 2.6, DPI)
    axes = figure.add_subplot(1, 1, 1)
    tables = list(record["images"])
    wide = 0.8 / len(tables)
    for place, (table, colour) in enumerate(zip(tables, (BLUE, ORANGE), strict=False)):
        at = np.arange(len(record["letters"])) + (place - (len(tables) - 1) / 2) * wide
        bars = axes.bar(at, record["images"][table], 0.9 * wide, color=colour, label=table)
        axes.bar_label(bars, fontsize=7)
    axes.set_xticks(range(len(record["letters"])), record["letters"])
    axes.set(xlabel=f"level of service, {record['scheme']}", ylabel="images")
    axes.margins(y=0.12)
    axes.legend(frameon=False, fontsize=8)
    return canvas.png(figure)


def _stack(axes: Axes, row: int, numbers: Sequence[int], colours: Sequence[tuple[float, ...]]) -> None:
    total, left = sum(numbers), 0.0
    if total == 0:
        axes.text(0.5, row, "no class", ha="center", va="center", color=GREY, fontsize=7)
    for number, colour in zip(numbers, colours, strict=True):
        share = number / max(total, 1)
        axes.barh([row], [share], 0.8, left=left, color=colour, edgecolor="white", linewidth=0.5)
        if share > 0.04:
            ink = INK if sum(colour[:3]) > 1.4 else "white"
            axes.text(left + share / 2, row, str(number), ha="center", va="center", fontsize=7, color=ink)
        left += share
