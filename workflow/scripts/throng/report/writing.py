"""The data beside the page: scripts of one call each, because a page opened from disk may read nothing else."""

import base64
import contextlib
import heapq
import json
import math
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, cast

import numpy as np

from throng.report.collection import MIXED, WRITTEN, Collection, Column, Numbers, Picture, Row, Sets
from throng.report.views import Pictures, view_name

LARGEST_WHOLE = 2**53  # above it a browser's numbers skip some, and seeds lie above it
MOST_WORDS = 2**16
MOST_OF_A_SET = 32


@contextlib.contextmanager
def whole_folder(path: Path) -> Generator[Path, None, None]:
    """Yield a new folder beside ``path`` that takes its place on success and is removed on failure."""
    fresh = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        shutil.rmtree(path, ignore_errors=True)
        fresh.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_call(folder: Path, name: str, payload: Any) -> None:
    """Write ``name``.js, which hands a payload to the page under that name."""
    said = json.dumps(plain(payload), separators=(",", ":"), allow_nan=False)
    path = folder / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"throng({json.dumps(name)},{said});\n")


def write_collection(
    folder: Path, found: Collection, pictures: Pictures, pool: Executor, *, page: int, views: int
) -> None:
    """Write a collection's index and its rows, ``page`` of them to a file; of the ``views`` that are shown first the
    pictures are kept large too.
    """
    index = {"ids": " ".join(found.ids), "columns": [encoded(column) for column in found.columns]}
    write_call(folder, f"{found.name}/index", index)
    viewed = shown_first(found, views)
    for number, start in enumerate(range(0, len(found.ids), page)):
        places = range(start, min(start + page, len(found.ids)))
        rows = found.rows(places)
        large = [place in viewed for place in places]
        write_call(folder, page_name(found.name, number), _page(rows, large, pictures, pool))


def page_name(collection: str, number: int) -> str:
    """Return the name of a page of a collection's rows."""
    return f"{collection}/page-{number:05d}"


def shown_first(found: Collection, number: int) -> set[int]:
    """Return the places of the ``number`` samples that the page shows first, by the collection's order."""
    places = range(len(found.ids))
    if found.order == MIXED:
        return set(heapq.nsmallest(number, places, key=lambda place: (found.ids[place], place)))
    return set(places[:number] if found.order == WRITTEN else places[max(0, len(places) - number) :])


def _page(rows: Sequence[Row], large: Sequence[bool], pictures: Pictures, pool: Executor) -> Row:
    """Return a page's rows with each picture once, as a number into the page's list of thumbnails."""
    wanted: dict[Picture, bool] = {}
    for row, viewed in zip(rows, large, strict=True):
        for picture in row["pictures"]:
            wanted[picture] = wanted.get(picture, False) or viewed
    place = {picture: number for number, picture in enumerate(wanted)}
    made = pool.map(lambda one: pictures.thumbnail(one[0], with_view=one[1]), wanted.items())
    said = [
        row | {"pictures": [_said(picture, place[picture], viewed=viewed) for picture in row["pictures"]]}
        for row, viewed in zip(rows, large, strict=True)
    ]
    return {"pictures": list(made), "rows": said}


def _said(picture: Picture, place: int, *, viewed: bool) -> Row:
    size = {"at": place, "w": picture.width, "h": picture.height}
    return size | {"view": view_name(picture)} if viewed else size


def encoded(column: Column) -> Row:
    """Return a column as the page reads it: little-endian numbers in base64, and the words that they stand for."""
    said = {"name": column.name, "label": column.label}
    if isinstance(column, Numbers):
        return said | {"unit": column.unit, "values": binary(column.values, "<f4")}
    if isinstance(column, Sets):
        words = sorted({word for values in column.values for word in values})[:MOST_OF_A_SET]
        bit = {word: 1 << place for place, word in enumerate(words)}
        sets = np.array([sum(bit.get(word, 0) for word in values) for values in column.values], np.uint32)
        return said | {"words": words, "sets": binary(sets, "<u4")}
    words = sorted(set(column.values))
    place = {word: code for code, word in enumerate(words)}
    codes = np.array([place[word] for word in column.values], np.uint32)
    kind = "<u2" if len(words) <= MOST_WORDS else "<u4"
    return said | {"words": words, "bytes": int(kind[-1]), "codes": binary(codes, kind)}


def binary(values: np.ndarray, kind: str) -> str:
    """Return an array of one type as base64."""
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def plain(value: Any) -> Any:
    """Return a value that JSON and a browser both hold: no NaN, and whole numbers above 2^53 as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return str(value)
    return value
