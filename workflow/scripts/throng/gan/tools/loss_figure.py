"""The picture and the table of a training's curves: losses, Fréchet distance, strength of the augmentation."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throng.canvas import figure
from throng.errors import ThrongError
from throng.files import write_bytes
from throng.gan.tools.figures import saved
from throng.gan.tools.loss_curves import AUGMENT, D_LOSS, G_LOSS, Chain, Curve, is_distance, smoothed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".csv")
COLOURS = {G_LOSS: "tab:blue", D_LOSS: "tab:orange"}
NAMES = {G_LOSS: "generator", D_LOSS: "discriminator"}
WIDTH, PANEL_HEIGHT, DPI = 9.0, 2.6, 120


def write_curves(path: Path, chained: Chain, half_life: float, record: Mapping[str, Any]) -> None:
    """Write the curves as the file's suffix says: PNG or SVG picture, or CSV; equal curves give equal bytes.

    ``half_life`` is that of the moving average, kimg; ``record`` goes into the picture's metadata. Raises ThrongError
    for another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ThrongError(f"{path}: curves are written as {', '.join(SUFFIXES)}; name such a file")
    if suffix == ".csv":
        write_bytes(path, as_csv(chained, half_life).encode())
        return
    write_bytes(path, saved(draw(chained, half_life), suffix[1:], record))


def as_csv(chained: Chain, half_life: float) -> str:
    """Return all curves as CSV: field, run (from 1), kimg, value, moving average."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("field", "run", "kimg", "value", "smoothed"))
    for name, curve in chained.curves.items():
        columns = (curve.run, curve.kimg, curve.values, smoothed(curve, half_life))
        for run, kimg, value, smooth in zip(*columns, strict=True):
            writer.writerow((name, int(run) + 1, f"{kimg:.10g}", f"{value:.10g}", f"{smooth:.10g}"))
    return text.getvalue()


def draw(chained: Chain, half_life: float) -> Figure:
    """Return the figure: a panel of both losses, and one each of distances and augmentation where they were logged."""
    distances = [name for name in chained.curves if is_distance(name)]
    panels = [[G_LOSS, D_LOSS], distances, [name for name in (AUGMENT,) if name in chained.curves]]
    shown = [
        (names, label) for names, label in zip(panels, ("loss", "distance", "augmentation p"), strict=True) if names
    ]
    drawn = figure(WIDTH, PANEL_HEIGHT * len(shown) + 0.4, DPI)
    panel: Axes | None = None
    for row, (names, label) in enumerate(shown):
        axes = panel = drawn.add_subplot(len(shown), 1, row + 1, sharex=panel)
        for name in names:
            title, colour = NAMES.get(name, name.rpartition("/")[2]), COLOURS.get(name)
            _plot(axes, chained.curves[name], half_life if label == "loss" else 0.0, title, colour)
        _mark_joints(axes, chained)
        axes.set(ylabel=label, xlabel="kimg" if row == len(shown) - 1 else "")
        axes.grid(alpha=0.3)
        if label != "augmentation p":
            axes.legend(loc="best", frameon=False)
    return drawn


def _plot(axes: Axes, curve: Curve, half_life: float, label: str, colour: Any) -> None:
    smooth, marker = smoothed(curve, half_life), "o" if len(curve.kimg) < 30 else None
    for run in np.unique(curve.run):  # no line across a joint
        one = curve.run == run
        (line,) = axes.plot(curve.kimg[one], smooth[one], color=colour, label=label, lw=1.4, marker=marker, ms=3)
        colour, label = line.get_color(), "_"
        if half_life > 0:
            axes.plot(curve.kimg[one], curve.values[one], color=colour, alpha=0.25, lw=0.7)


def _mark_joints(axes: Axes, chained: Chain) -> None:
    loss = chained.curves[G_LOSS]
    for run in range(1, int(loss.run.max(initial=0)) + 1):
        axes.axvline(float(np.min(loss.kimg[loss.run == run])), color="0.6", ls=":", lw=0.9)
