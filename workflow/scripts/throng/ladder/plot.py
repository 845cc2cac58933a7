"""The figure of a ladder, as PNG bytes that are the same for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from throng import canvas
from throng.evaluation.plots import COLOURS, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 120
KINDS = {"prior": COLOURS[6], "detector": COLOURS[1], "fit": COLOURS[0], "counter": COLOURS[2]}
SAID = {"prior": "prior", "detector": "detector", "fit": "fit to synthetic counts", "counter": "density counter"}
NEXT_TO = 0.012  # of the axis: marks nearer to each other than this share one label
Record = Mapping[str, Any]


def ladder_plot(found: Record, marks: Mapping[str, float], title: str) -> bytes:
    """Return a PNG of the MAE of every rung, the lowest at the bottom, with its interval and its single runs.

    Variants have hollow dots.
    Lines stand for the mean training count and for the published ``marks``, people, by name.
    """
    records = found["rungs"]
    figure = canvas.figure(9.0, 2.4 + 0.5 * len(records), DPI)
    axes = figure.add_subplot()
    for place, record in enumerate(records):
        colour = KINDS[record["kind"]]
        axes.plot(record["mae_95"], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        inside = "white" if record["variant"] else colour
        axes.plot(record["mae"], place, "o", markersize=7, color=colour, markerfacecolor=inside, zorder=4)
        axes.annotate(
            f"{record['mae']:.1f}",
            (record["mae"], place),
            (0, 7),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5},
            zorder=5,
        )
        runs = [one["mae"] for one in record["per_run"]]
        if len(runs) > 1:
            axes.plot(runs, [place - 0.24] * len(runs), "|", color=colour, markersize=7, alpha=0.8)
    for kind in dict.fromkeys(record["kind"] for record in records):
        axes.plot([], [], "o-", color=KINDS[kind], label=SAID[kind])
    reference = found["reference"]
    if reference:
        axes.axvline(reference["mae"], color=GREY, linestyle="--", linewidth=1.2, label="mean training count (labels)")
    ends: list[float] = [end for record in records for end in record["mae_95"]]
    top = 1.05 * max([*ends, *marks.values(), reference["mae"] if reference else 0.0])
    axes.set(xlim=(0, top or 1.0), ylim=(-0.6, len(records) - 0.4))
    _draw_marks(axes, marks, top)
    names = [f"{record['rung']}\n{_times(record['runs'])}" for record in records]
    axes.set_yticks(range(len(records)), names, fontsize=9)
    axes.set_xlabel("MAE, people (bars: 95 % over images and runs; ticks: single runs)", fontsize=9)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    figure.suptitle(f"{title}: {found['images']} images of split {found['split']}", fontsize=11)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return canvas.png(figure)


def _draw_marks(axes: Axes, marks: Mapping[str, float], top: float) -> None:
    """Draw a dotted line per mark and write above it what it is; labels that would meet share a line."""
    ordered = sorted(marks.items(), key=lambda mark: mark[1])
    groups: list[list[tuple[str, float]]] = []
    for mark in ordered:
        if groups and mark[1] - groups[-1][0][1] < 2 * NEXT_TO * top:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    for group in groups:
        for _, mae in group:
            axes.axvline(mae, color=GREY, linestyle=":", linewidth=1.2)
        said = ", ".join(f"{name} {mae:g}" for name, mae in group)
        middle = sum(mae for _, mae in group) / len(group)
        axes.annotate(
            said,
            (middle, 1),
            (0, 4),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            rotation=30,
            ha="left",
            va="bottom",
            fontsize=8,
            color="#5c6570",
        )


def _times(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"
