"""The audit's page: one HTML file with everything inside, worst cases first, that fetches nothing."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng import rle
from throng.auditing import plots
from throng.auditing.cases import Case, Side
from throng.auditing.order import Subject, head_points, under
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg, thumbnail
from throng.pages.frame import render_page

HERE = Path(__file__).parent
QUALITY = 85
SURROUND = 0.3
SMALLEST_VIEW = 160
TEXTURE_PANELS = (("seam", "seam (1: none)"), ("sharpness", "sharpness (1: as around)"))
QUALITY_PANELS = (("psnr", "PSNR, dB"), ("ssim", "SSIM"), ("gmsd", "GMSD (0: same)"))
LISTS = (
    ("wrong", "Wrong order", "The claim of the pair does not hold for the annotated heads."),
    ("outside", "Changed outside the mask", "Most pixels first."),
    ("unchanged", "Painted heads that look the same", "Taken for gone, though hardly a pixel changed; most first."),
    ("left", "Seen by the post-edit check", "Kept edits in which somebody is still seen, or was invented; most first."),
    ("seam", "Largest seams", "Step across the mask's border, over the photograph's there."),
    ("quality", "Farthest from the true background", "Lowest PSNR inside the mask first."),
    ("tell", "Shams that give themselves away", "Nobody went; most obviously edited first."),
    ("contacts", "Contact sheet", "Edits chosen by hash."),
)
Record = dict[str, Any]
Window = tuple[int, int, int, int]  # left, top, width, height


class Page:
    """Renders the page; reads two images at a time."""

    def __init__(self, store: ImageStore, subjects: Mapping[str, Subject], width: int) -> None:
        self._store, self._subjects, self._width = store, subjects, width

    def render(self, title: str, figures: Record, cases: Mapping[str, Sequence[Case]], closed: Sequence[str]) -> str:
        """Return the HTML; every text from data is escaped. ``closed`` names sources that may not be passed on."""
        lists = [
            {"name": name, "title": heading, "text": text, "cases": [self._view(case) for case in cases[name]]}
            for name, heading, text in LISTS
        ]
        content = {
            "title": title,
            "figures": figures,
            "lists": [entry for entry in lists if entry["cases"]],
            "closed": closed,
            "plots": _plots(figures),
        }
        filters = {"percent": percent, "number": number, "span": span}
        return render_page(HERE, content, filters=filters, script=HERE / "page.js.html")

    def _view(self, case: Case) -> Record:
        subject = self._subjects[case.parent_id]
        view = {"id": case.id, "headline": case.headline, "facts": case.facts, "photograph": _name(subject)}
        try:
            images = [decode(self._store.read_bytes(side.source, side.path)) for side in (case.before, case.after)]
        except ThrongError as error:
            return view | {"problem": str(error)}
        masks = [_mask(side, image) for side, image in zip((case.before, case.after), images, strict=True)]
        alike = images[0].shape == images[1].shape
        window = _window(masks, images[0]) if alike else _whole(images[0])
        left, top, width, height = window
        shown = [image[top : top + height, left : left + width] if alike else image for image in images]
        return view | {
            "problem": "",
            "before": self._uri(shown[0]),
            "after": self._uri(shown[1]),
            "width": width,
            "height": height,
            "alike": alike,
            "heads": _heads(subject, masks, window) if alike else [],
            "crops": [
                {"x": crop["x"] - left, "y": crop["y"] - top, "w": crop["w"], "h": crop["h"]}
                for crop in (case.before.crop, case.after.crop)
                if crop is not None
            ],
        }

    def _uri(self, image: np.ndarray) -> str:
        small = thumbnail(np.ascontiguousarray(image), min(self._width, image.shape[1]))
        return _data_uri("image/jpeg", encode_jpeg(small, QUALITY))


def percent(value: float | None) -> str:
    """Return a share as a table shows it; never rounded up to 100 %."""
    if value is None:
        return "–"
    return "100 %" if value == 1 else f"{min(100 * value, 99.9):.1f} %"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as a table shows it."""
    return "–" if value is None else f"{value:.{digits}f}"


def span(record: Mapping[str, Any]) -> str:
    """Return the interval of a share as a table shows it."""
    return "–" if record["low"] is None else f"{percent(record['low'])} to {percent(record['high'])}"


def _plots(figures: Record) -> dict[str, str]:
    """Return the plots of whatever there are figures for."""
    order, pixels = figures["order"], figures["pixels"]
    made: dict[str, bytes] = {}
    if order["edited"]["number"]:
        made["order"] = plots.order_plot(order["by_density"], order["by_delta"], order["target"])
    if any(record["control"]["patches"] or record["painted"]["patches"] for record in figures["shortcut"]):
        made["shortcut"] = plots.shortcut_plot(figures["shortcut"])
    if pixels["texture"]:
        made["texture"] = plots.spread_plot(pixels["texture"], TEXTURE_PANELS)
    if pixels["quality"]:
        made["quality"] = plots.spread_plot(pixels["quality"], QUALITY_PANELS)
    return {name: _data_uri("image/png", data) for name, data in made.items()}


def _mask(side: Side, image: np.ndarray) -> np.ndarray:
    """Return the (H, W) bool mask of what was painted in a member, empty where that is nothing or unknown."""
    nothing = np.zeros(image.shape[:2], bool)
    if side.mask is None:
        return nothing
    try:
        return rle.decode(side.mask, image.shape[0], image.shape[1])
    except ThrongError:
        return nothing


def _window(masks: Sequence[np.ndarray], image: np.ndarray) -> Window:
    """Return the part of an image in which its two versions differ, with its surroundings."""
    differs = masks[0] != masks[1]
    if not differs.any():
        return _whole(image)
    spans = []
    for axis, size in ((1, image.shape[0]), (0, image.shape[1])):
        hit = np.flatnonzero(differs.any(axis=axis))
        first, last = int(hit[0]), int(hit[-1]) + 1
        grow = max(round(SURROUND * (last - first)), (SMALLEST_VIEW - (last - first)) // 2, 0)
        spans.append((max(first - grow, 0), min(last + grow, size)))
    (top, bottom), (left, right) = spans
    return left, top, right - left, bottom - top


def _whole(image: np.ndarray) -> Window:
    return 0, 0, image.shape[1], image.shape[0]


def _heads(subject: Subject, masks: Sequence[np.ndarray], window: Window) -> list[Record]:
    left, top, width, height = window
    points = head_points(subject.photograph)
    gone = under(masks[0] | masks[1], points)
    view = points - np.array([left, top])
    inside = np.all((view >= -0.5) & (view < np.array([width, height]) - 0.5), axis=1)
    return [
        {"x": round(float(x), 1), "y": round(float(y), 1), "gone": bool(lost)}
        for (x, y), lost in zip(view[inside], gone[inside], strict=True)
    ]


def _name(subject: Subject) -> str:
    return f"{subject.photograph.source}: {subject.photograph.path}"


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
