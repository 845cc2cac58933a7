"""The page: what leaks where, and both pictures of every pair beside each other."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.images import ImageStore, decode, encode_jpeg, thumbnail
from throng.likeness.subjects import Subject, test_root
from throng.pages.frame import render_page
from throng.tables.near_duplicates import LEAK, TEST_SET, NearDuplicateRow

HERE = Path(__file__).parent
QUALITY = 80
TABLES = {
    "images": "photographs",
    "synthetic": "synthesised images",
    "gan_samples": "drawn images",
    "test_set": "known test images",
}
Record = dict[str, Any]


def shown(rows: Sequence[NearDuplicateRow], most: int) -> list[NearDuplicateRow]:
    """Return the pairs that the page shows: copies first, then what agrees most, by id where equal."""
    order = sorted(rows, key=lambda row: (row.verdict != LEAK, -(row.agreement or 0.0), row.id, row.other_path))
    return order[:most]


def render(
    title: str,
    figures: Record,
    rows: Sequence[NearDuplicateRow],
    closed: Sequence[str],
    store: ImageStore,
    width: int,
) -> str:
    """Return the HTML; raises ThrongError when a picture cannot be read. ``closed`` are sources that forbid copies."""
    pairs = [_pair(row, store, width) for row in rows]
    content = {"title": title, "figures": figures, "pairs": pairs, "tables": TABLES, "closed": closed}
    return render_page(HERE, content, filters={"percent": _percent})


def closed_sources(
    subjects: Mapping[tuple[str, str, str, str], Subject], rows: Sequence[NearDuplicateRow]
) -> list[str]:
    """Return the sources of shown images that must not be passed on, sorted."""
    keys = {(row.table, row.source, row.path, row.id) for row in rows}
    keys |= {(row.other_table, row.other_source, row.other_path, row.other_id) for row in rows}
    return sorted({subjects[key].source for key in keys if not subjects[key].redistributable})


def _pair(row: NearDuplicateRow, store: ImageStore, width: int) -> Record:
    one, other = (decode(store.read_bytes(*place)) for place in ((row.source, row.path), (_root(row), row.other_path)))
    return {
        "row": row,
        "leak": row.verdict == LEAK,
        "one": _uri(one, width),
        "other": _uri(other, width),
        "mirrored": row.mirrored,
    }


def _root(row: NearDuplicateRow) -> str:
    return test_root(row.other_source) if row.other_table == TEST_SET else row.other_source


def _uri(image: np.ndarray, width: int) -> str:
    small = encode_jpeg(thumbnail(image, min(width, image.shape[1])), QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
