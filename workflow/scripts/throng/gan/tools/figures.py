"""Figures with their record inside, as files whose bytes depend on what is drawn alone."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def saved(drawn: Figure, kind: str, record: Mapping[str, Any]) -> bytes:
    """Return the figure as a file of kind png or svg, the record in its metadata."""
    import matplotlib as mpl

    said = json.dumps(record, sort_keys=True)
    # Date and version would make equal figures unequal files, and so would the random ids of an SVG's elements.
    metadata = {"Software": None, "throng": said} if kind == "png" else {"Date": None, "Description": said}
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "throng"}):
        drawn.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
