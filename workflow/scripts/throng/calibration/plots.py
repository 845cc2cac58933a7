"""Plots of the calibration, as PNG bytes that are the same for the same figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng import canvas
from throng.calibration.buckets import PUBLISHED
from throng.calibration.figures import CURVES
from throng.calibration.gathering import Gathered
from throng.calibration.noise import Instruments

BLUE, ORANGE, GREY, GREEN, INK = "#2a6fbb", "#d9711c", "#8a8a8a", "#3a8f5c", "#1d2126"
COLOURS = dict(zip(CURVES, (GREEN, GREY, ORANGE, BLUE), strict=True))
Record = Mapping[str, Any]


def error_plot(records: Sequence[Record]) -> bytes:
    """Return a PNG with a panel per maker: relative error by requested count, every way of counting, and published."""
    makers = sorted({record["maker"] for record in records})
    figure = canvas.figure(9.0, 0.4 + 3.0 * ((len(makers) + 1) // 2), 110)
    for place, maker in enumerate(makers):
        axes = figure.add_subplot((len(makers) + 1) // 2, min(len(makers), 2), place + 1)
        axes.plot(list(PUBLISHED), list(PUBLISHED.values()), "--", color=INK, linewidth=1, label="published")
        for name, colour in COLOURS.items():
            known = [(r["requested"], r[name]) for r in records if r["maker"] == maker and r[name] is not None]
            if known:
                at, values = [requested for requested, _ in known], [value for _, value in known]
                axes.fill_between(at, [v["low"] for v in values], [v["high"] for v in values], color=colour, alpha=0.15)
                axes.plot(at, [v["error"] for v in values], "o-", color=colour, markersize=3, linewidth=1.2, label=name)
        axes.set_xscale("log")
        axes.set(title=maker, xlabel="requested people", ylabel="mean relative error" if place % 2 == 0 else "")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=7)
    return canvas.png(figure)


def response_plot(gathered: Gathered, instruments: Instruments) -> bytes:
    """Return a PNG with a panel per instrument: people seen by people known to be there, and the fitted response."""
    figure = canvas.figure(9.0, 3.4, 110)
    truth = gathered.known_column("count")
    groups = sorted({image.group for image in gathered.known})
    of = np.array([image.group for image in gathered.known])
    most = max(truth.max(initial=0), 20.0)
    line = np.linspace(0, most, 200)
    for place, (name, response) in enumerate(instruments.responses.items()):
        axes = figure.add_subplot(1, len(instruments.responses), place + 1)
        expected = response.expected(line)
        wide = 2 * np.sqrt(response.std(line) ** 2 + response.doubt(line))
        axes.fill_between(line, np.maximum(expected - wide, 0), expected + wide, color=BLUE, alpha=0.15, linewidth=0)
        axes.plot(line, expected, color=BLUE, linewidth=1.2, label="fitted, and twice its deviation")
        axes.plot([0, most], [0, most], "--", color=GREY, linewidth=1)
        seen = gathered.known_column(name)
        for group, colour in zip(groups, (ORANGE, GREEN, INK) * len(groups), strict=False):
            axes.plot(truth[of == group], seen[of == group], ".", color=colour, markersize=4, label=group)
        axes.set(xlabel="people known to be there", ylabel=f"people {name}")
        axes.legend(frameon=False, fontsize=7)
    return canvas.png(figure)
