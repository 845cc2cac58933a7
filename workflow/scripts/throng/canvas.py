"""Figures drawn without a display, as PNG files whose bytes depend on what is drawn alone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(width: float, height: float, dpi: int) -> Figure:
    """Return an empty figure of that size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(made)
    return made


def png(drawn: Figure) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    # Without this matplotlib writes its version into the file.
    drawn.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
