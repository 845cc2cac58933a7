"""Plots of probes, as PNG bytes that are the same for the same numbers."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng import canvas
from throng.evaluation.plots import COLOURS, DPI, GREY, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Record = Mapping[str, Any]
LEAST_R2 = -1.0


def probe_plot(layers: Sequence[Record], people: Sequence[Record], chance: float) -> bytes:
    """Return a PNG of top-1 accuracy by layer, a panel per architecture, and of R^2 of numbers of people.

    ``layers`` are rows with ``architecture``, ``name``, ``trained``, ``layer``, ``top1`` and ``top1_95``, ``people``
    rows with ``pictures``, ``name``, ``representation``, ``trained``, ``r2`` and ``r2_95``. Bars are means over runs,
    their whiskers the mean ends of the runs' intervals; an R^2 below -1 is drawn at -1.
    """
    architectures = list(dict.fromkeys(row["architecture"] for row in layers))
    names = list(dict.fromkeys((row["name"], row["representation"]) for row in people))
    heights = [3.0] * len(architectures) + [1.2 + 0.42 * len(names)]
    figure = canvas.figure(8.5, sum(heights), DPI)
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, architecture in zip(panels, architectures, strict=False):
        _layer_bars(axes, [row for row in layers if row["architecture"] == architecture], chance)
        axes.set_title(f"{architecture}: kinds of things told by each frozen layer", fontsize=10)
    _people_bars(panels[-1], people, names)
    return canvas.png(figure)


def _layer_bars(axes: Axes, rows: Sequence[Record], chance: float) -> None:
    names = list(dict.fromkeys((row["name"], row["trained"]) for row in rows))
    places = list(dict.fromkeys(row["layer"] for row in rows))
    width = 0.8 / len(names)
    for number, (name, trained) in enumerate(names):
        mine = [[row for row in rows if (row["name"], row["layer"]) == (name, place)] for place in places]
        means = np.array([np.mean([row["top1"] for row in runs]) for runs in mine])
        ends = np.array([np.mean([row["top1_95"] for row in runs], axis=0) for runs in mine]).T
        axes.bar(
            np.arange(len(places)) + (number - (len(names) - 1) / 2) * width,
            means,
            0.92 * width,
            yerr=[means - ends[0], ends[1] - means],
            color=_colour(number) if trained else GREY,
            error_kw={"elinewidth": 1, "ecolor": "#404040"},
            label=name if trained else "random init",
        )
    axes.axhline(chance, color="#000000", linestyle="--", linewidth=1, label="guessing")
    axes.set_xticks(range(len(places)), places)
    axes.set_ylabel("top-1, %", fontsize=9)
    _open(axes)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)


def _people_bars(axes: Axes, rows: Sequence[Record], names: Sequence[tuple[str, str]]) -> None:
    pictures = list(dict.fromkeys(row["pictures"] for row in rows))
    for (place, key), which in itertools.product(enumerate(reversed(names)), pictures):
        mine = [row for row in rows if (row["name"], row["representation"], row["pictures"]) == (*key, which)]
        number = pictures.index(which)
        y = place + 0.15 - 0.3 * number
        value, (low, high) = np.mean([row["r2"] for row in mine]), np.mean([row["r2_95"] for row in mine], axis=0)
        face = _colour(number) if mine[0]["trained"] else "white"
        style: dict[str, Any] = {"color": _colour(number), "markerfacecolor": face, "markersize": 7}
        axes.plot([low, high], [y, y], color=_colour(number), linewidth=1.8, solid_capstyle="butt")
        axes.plot(max(value, LEAST_R2), y, MARKERS[number] if value >= LEAST_R2 else "<", **style)
    for number, which in enumerate(pictures):
        axes.plot([], [], MARKERS[number], color=_colour(number), label=which)
    axes.plot([], [], "o", color=GREY, markerfacecolor="white", label="(hollow) random init")
    labels = [textwrap.fill(f"{name}: {representation}", 26) for name, representation in reversed(names)]
    axes.set_yticks(range(len(names)), labels)
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1.2)
    axes.set(xlim=(LEAST_R2 - 0.05, 1.02), ylim=(-0.6, len(names) - 0.4))
    axes.set_xlabel("R² on pictures not fitted (dashed: always their mean)", fontsize=9)
    axes.set_title("numbers of people by ridge regression", fontsize=10)
    _open(axes)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    axes.tick_params(axis="y", labelsize=8)


def leak_plot(rows: Sequence[Record], filters: Sequence[str]) -> bytes:
    """Return a PNG of each network's error by downsampling filter over its mean error, a row per run.

    ``rows`` have ``name``, ``run``, ``errors`` by filter and ``ratio``, None where a network counts nothing.
    """
    figure = canvas.figure(2.8 + 1.15 * len(filters), 1.6 + 0.55 * len(rows), DPI)
    axes = figure.add_subplot()
    errors = np.array([[row["errors"][name] for name in filters] for row in rows], np.float64)
    relative = errors / errors.mean(1, keepdims=True)
    image = axes.imshow(relative, cmap="cividis", vmin=0, vmax=2, aspect="auto")
    for (y, x), value in np.ndenumerate(errors):
        pale = relative[y, x] > 1.1
        axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=9, color="black" if pale else "white")
    axes.set_xticks(range(len(filters)), filters)
    told = ["counts nothing" if row["ratio"] is None else f"worst / mean {row['ratio']:.2f}" for row in rows]
    axes.set_yticks(range(len(rows)), [_run(row, one) for row, one in zip(rows, told, strict=True)])
    axes.tick_params(labelsize=8, length=0)
    axes.set_title("tiles against the picture downsampled by each filter:\nshare of the counts that do not add up",
                   fontsize=10)  # fmt: skip
    bar = figure.colorbar(image, ax=axes, extend="max")
    bar.set_label("over the row's mean: all 1 is no leak", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return canvas.png(figure)


def _run(row: Record, told: str) -> str:
    return textwrap.fill(f"{row['name']}, {row['run']}", 30) + f"\n{told}"


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
