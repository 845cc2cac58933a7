"""A sheet of photographs: the best, the median and the worst counted one, with true and predicted maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng import canvas
from throng.evaluation.measuring import Look
from throng.images import decode, encode_jpeg
from throng.tables.predictions import PredictionRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WARNING = "#b3261e"
QUALITY = 88
COLOURS = "magma"


def choose_examples(
    rows: Sequence[PredictionRow], images: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (what it is, its row of table images) of the photographs with least, median and greatest absolute error.

    Only photographs with somebody in them are shown, where there are any; equal errors are in order of id.
    """
    peopled = [row for row in rows if row.count > 0] or list(rows)
    ordered = sorted(peopled, key=lambda row: (abs(row.predicted - row.count), row.id))
    by_id = {image["id"]: image for image in images}
    chosen = {"best": ordered[0], "median": ordered[(len(ordered) - 1) // 2], "worst": ordered[-1]}
    return [(f"{name}: {row.predicted - row.count:+.1f} people", by_id[row.id]) for name, row in chosen.items()]


def example_sheet(title: str, shown: Sequence[tuple[str, Mapping[str, Any], Look]]) -> bytes:
    """Return a JPEG with a row per example: the photograph, its true map and the predicted one, in one scale.

    It holds pixels of photographs: where any may not be passed on, the sheet itself says so.
    """
    closed = sorted({image["source"] for _, image, _ in shown if not image["redistributable"]})
    figure = canvas.figure(12.0, 0.8 + 3.3 * len(shown), 100)
    figure.set_layout_engine("compressed")
    grid = figure.subplots(len(shown), 3, squeeze=False)
    for axes, (name, image, look) in zip(grid, shown, strict=True):
        top = _top(look.truth, look.predicted)
        cells = "x".join(map(str, reversed(look.truth.shape)))
        axes[0].imshow(look.pixels, cmap="gray" if look.pixels.ndim == 2 else None)
        axes[0].set_title(name, fontsize=11, loc="left", fontweight="bold")
        _map(axes[1], look.truth, top, f"true: {image['count']}")
        _map(axes[2], look.predicted, top, f"predicted: {float(look.predicted.sum(dtype=np.float64)):.1f}")
        axes[0].set_xlabel(f"{image['source']}, id {image['id']}", fontsize=8)
        axes[1].set_xlabel(f"{cells} cells; white: {top:.2g} people per cell or more", fontsize=8)
        for one in axes:
            one.set(xticks=[], yticks=[])
    figure.suptitle(title, fontsize=12)
    if closed:
        figure.supxlabel(
            f"Do not pass on: shows photographs from {', '.join(closed)}, whose terms forbid it",
            fontsize=11,
            color=WARNING,
        )
    return encode_jpeg(decode(canvas.png(figure)), QUALITY)


def _map(axes: Axes, density: np.ndarray, top: float, title: str) -> None:
    from matplotlib.colors import PowerNorm

    # the root lets a faint map be seen beside a sharp one
    axes.imshow(density, cmap=COLOURS, norm=PowerNorm(0.5, 0, top, clip=True), interpolation="nearest")
    axes.set_title(title, fontsize=11, loc="left")


def _top(truth: np.ndarray, predicted: np.ndarray) -> float:
    # few cells hold most of the people: at their value the rest would be black
    both = np.concatenate([truth.ravel(), predicted.ravel()])
    some = both[both > 1e-6]
    return float(np.quantile(some, 0.99)) if len(some) else 1.0
