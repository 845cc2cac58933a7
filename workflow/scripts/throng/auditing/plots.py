"""Plots of the audit, as PNG bytes that are the same for the same figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from throng import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY = "#2a6fbb", "#d9711c", "#8a8a8a"
Record = Mapping[str, Any]


def order_plot(by_density: Sequence[Record], by_delta: Sequence[Record], target: float) -> bytes:
    """Return a PNG of the share of rightly ordered pairs by density and by difference, with 95 % intervals."""
    figure = canvas.figure(9.0, 3.4, 110)
    lowest = min([target, *(record["low"] for record in (*by_density, *by_delta))])
    for place, (records, label) in enumerate(((by_density, "heads in the photograph"), (by_delta, "people removed"))):
        axes = figure.add_subplot(1, 2, place + 1)
        axes.axhline(target, color=ORANGE, linewidth=1, linestyle="--", label=f"target {target:g}")
        known = [record for record in records if record["number"]]
        _points(axes, [record["share"] for record in known], known)
        axes.set_xticks(range(len(known)), [f"{record['group']}\nn={record['number']}" for record in known], fontsize=7)
        axes.set(
            xlabel=label,
            ylabel="ordered correctly" if place == 0 else "",
            ylim=(lowest - 0.05 * (1 - lowest) - 0.001, 1 + 0.05 * (1 - lowest) + 0.001),
        )
        axes.legend(frameon=False, loc="lower left")
    return canvas.png(figure)


def shortcut_plot(records: Sequence[Record]) -> bytes:
    """Return a PNG of what the probes get right, with 95 % intervals and the line of guessing."""
    lines: list[tuple[str, float, Record]] = []
    for record in records:
        entries = [
            ("untouched patches", "accuracy", record["control"]),
            ("painted patches", "accuracy", record["painted"]),
        ]
        entries.append(("sham or its base", "share", record["sham_pairs"]))
        entries.append(("edit or sham of the same areas", "share", record["same_areas"]))
        entries += [(f"edited means fewer: {r['kind']}", "share", r) for r in record["edited_means_fewer"]]
        known = [(f"{record['backend']}: {name}", values[key], values) for name, key, values in entries]
        lines += [line for line in known if line[1] is not None]
    figure = canvas.figure(9.0, 0.9 + 0.34 * max(len(lines), 1), 110)
    axes = figure.add_subplot()
    axes.axvline(0.5, color=ORANGE, linewidth=1, linestyle="--")
    for row, (_, value, values) in enumerate(lines):
        axes.plot([values["low"], values["high"]], [row, row], color=GREY, linewidth=2)
        axes.plot([value], [row], "o", color=BLUE)
    axes.set_yticks(range(len(lines)), [name for name, _, _ in lines])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.02), xlabel="share right (0.5: guessing)")
    return canvas.png(figure)


def spread_plot(records: Sequence[Record], names: Sequence[tuple[str, str]]) -> bytes:
    """Return a PNG with a panel per measure: 5th percentile, median and 95th of every group of edits."""
    figure = canvas.figure(9.0, 1.0 + 0.34 * max(len(records), 1), 110)
    for place, (name, label) in enumerate(names):
        axes = figure.add_subplot(1, len(names), place + 1)
        for row, record in enumerate(records):
            values = record[name]
            if values is not None:
                axes.plot([values["p05"], values["p95"]], [row, row], color=GREY, linewidth=2)
                axes.plot([values["median"]], [row], "o", color=BLUE)
        labels = [" ".join(str(record[key]) for key in ("backend", "recipe") if key in record) for record in records]
        axes.set_yticks(range(len(records)), labels if place == 0 else [""] * len(labels), fontsize=8)
        axes.set_ylim(len(records) - 0.5, -0.5)
        axes.set(xlabel=label)
    return canvas.png(figure)


def _points(axes: Axes, values: Sequence[float], records: Sequence[Record]) -> None:
    for place, (value, record) in enumerate(zip(values, records, strict=True)):
        axes.plot([place, place], [record["low"], record["high"]], color=GREY, linewidth=2)
        axes.plot([place], [value], "o", color=BLUE)
