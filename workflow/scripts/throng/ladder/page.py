"""The ladder as a table for other programs, and as a page to look at."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.pages.frame import render_page

HERE = Path(__file__).parent
KINDS = {
    "prior": "mean of the synthetic counts",
    "detector": "detector",
    "fit": "fit of frozen features",
    "counter": "density counter",
    "reference": "mean of the training counts",
}
NUMBERS = ("mae", "rmse", "r2", "nae", "bias", "correlation")
INTERVALS = ("mae_95", "rmse_images_95", "r2_images_95", "nae_images_95")
Record = Mapping[str, Any]


def table(found: Record) -> str:
    """Return CSV with a line per rung, the lowest first, and one for the mean training count, which uses labels."""
    heads = ["rung", "kind", "labels", "runs", "images", *NUMBERS]
    heads += [f"{name}_{end}" for name in INTERVALS for end in ("low", "high")]
    heads += [
        "variant",
        "against",
        "mae_difference",
        "mae_difference_low",
        "mae_difference_high",
        "shown",
        "parameters",
        "training_steps",
    ]
    lines = [_line(record, "none") for record in found["rungs"]]
    if found["reference"]:
        lines.append(
            _line({"rung": "mean training count", "kind": "reference", **found["reference"]}, "training counts")
        )
    written = io.StringIO()
    writer = csv.DictWriter(written, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return written.getvalue()


def _line(record: Record, labels: str) -> dict[str, Any]:
    line: dict[str, Any] = {name: record.get(name) for name in ("rung", "kind", "variant", "runs", "images", *NUMBERS)}
    line["labels"] = labels
    for name in INTERVALS:
        line[f"{name}_low"], line[f"{name}_high"] = record[name] or (None, None)
    other = record.get("against")
    if other:
        low, high = other["mae_difference_95"]
        line |= {"against": other["rung"], "mae_difference": other["mae_difference"], "shown": other["shown"]}
        line |= {"mae_difference_low": low, "mae_difference_high": high}
    return line | {name: record.get(name) for name in ("parameters", "training_steps")}


def render(found: Record, figure: bytes, title: str) -> str:
    """Return the page's HTML."""
    content = {
        "title": title,
        "found": found,
        "figure": base64.b64encode(figure).decode(),
        "kinds": KINDS,
        "bins": [bin_name(one) for one in found["rungs"][0]["bins"]],
    }
    return render_page(
        HERE, content, filters={"number": number, "interval": interval, "whole": whole, "ratios": ratios}
    )


def bin_name(one: Record) -> str:
    """Return how a density bin is called, and how many images are in it."""
    name = f"{one['low']}+" if one["high"] is None else f"{one['low']}–{one['high'] - 1}"
    return f"{name} (n = {one['images']})"


def ratios(one: Record) -> str:
    """Return how a bin of count ratios is called, and how many pairs are in it."""
    ends = f"> {one['ratio_above']:g}" if one["ratio_to"] is None else f"{one['ratio_above']:g}–{one['ratio_to']:g}"
    return f"{ends} (n = {whole(one['pairs'])})"


def number(value: float | None, digits: int = 1) -> str:
    """Return a figure with so many digits behind the point, a dash for none."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def interval(ends: Sequence[float] | None, digits: int = 1) -> str:
    """Return an interval in brackets, nothing for none."""
    return "" if ends is None else f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def whole(value: int | None) -> str:
    """Return a whole number in groups of three digits, a dash for none."""
    return "–" if value is None else f"{value:,}".replace(",", " ")
