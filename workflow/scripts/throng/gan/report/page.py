"""A generator's page: one HTML file with everything inside that runs and fetches nothing.

Source: own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.pages.frame import render_page
from throng.pages.pictures import data_uri

HERE = Path(__file__).parent
OBEYS = {"yes": "obeys", "weakly": "heeds weakly", "no": "does not obey", "opposite": "opposite", "untold": "not told"}
Record = dict[str, Any]


def render(title: str, found: Record, pictures: Mapping[str, bytes]) -> str:
    """Return the page's HTML from the figures and PNG pictures by name; every text from data is escaped."""
    content = {
        "title": title,
        "found": found,
        "pictures": {name: data_uri("image/png", data) for name, data in pictures.items()},
        "obeys": OBEYS,
    }
    filters = {"number": number, "interval": interval, "measure": measure, "percent": percent, "whole": whole}
    return render_page(HERE, content, filters=filters)


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure with so many digits behind the point, a dash for none."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def interval(ends: Sequence[float] | None, digits: int = 2) -> str:
    """Return an interval in brackets, nothing for none."""
    return "" if ends is None else f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def measure(record: Record | None, digits: int = 2) -> str:
    """Return a value with its interval."""
    if record is None or record["value"] is None:
        return "–"
    return f"{number(record['value'], digits)} {interval(record['interval'], digits)}".strip()


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share in percent."""
    return "–" if value is None else f"{number(100 * value, digits)} %"


def whole(value: float | None) -> str:
    """Return a whole number in groups of three digits, a dash for none."""
    return "–" if value is None else f"{value:,.0f}".replace(",", " ")
