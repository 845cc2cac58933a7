"""Which pictures are looked at: rows of tables images and synthetic, of which no label is read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throng.encoders.pictures import Place
from throng.errors import ThrongError
from throng.manifest import OK, Table, read_table
from throng.roots import RESULTS
from throng.tables.images import TABLE as IMAGES
from throng.tables.ranked_pairs import Crop
from throng.tables.synthetic import TABLE as SYNTHETIC

log = logging.getLogger(__name__)

LOOKED_AT, HELD_OUT = "looked at", "held out"
PICTURE = ["id", "path", "width", "height", "split", "status"]  # no count, no point


@dataclass(frozen=True)
class Looked:
    """Training pictures with how often an epoch shows each, pictures held out, and the ids of both."""

    places: list[Place]
    shares: list[float]
    held_out: list[Place]
    ids: list[str]


def look_up(
    images: Path,
    synthetic: Sequence[Path],
    shares: Mapping[str, float],
    *,
    size: tuple[int, int],
    crop: tuple[int, int],
    held_out: int,
) -> Looked:
    """Return the pictures of split train, by table and id, and up to ``held_out`` photographs of split val.

    ``shares`` says how often an epoch shows a row of images and synthetic; 0 leaves the table alone. Each picture is
    looked at in its largest centred window of the shape of ``size`` (h, w), so that nothing is stretched or padded.
    Equal pictures count once, those smaller than ``crop`` (h, w) not at all; what was left out is logged. Raises
    ThrongError when fewer than two pictures of either kind are left.
    """
    tables = {"images": _records([images], IMAGES), "synthetic": _records(synthetic, SYNTHETIC)}
    chosen: dict[str, tuple[Place, float]] = {}
    watched: dict[str, Place] = {}
    small = 0
    for name, records in tables.items():
        fates: Counter[str] = Counter()
        for record in records:
            fate = _fate(record, name, shares, crop, chosen.keys() | watched.keys())
            fates[fate] += 1
            if fate == LOOKED_AT:
                chosen[record["id"]] = (_place(record, size), shares[name])
            elif fate == HELD_OUT:
                watched[record["id"]] = _place(record, size)
        small += fates["smaller than the crop"]
        log.info("%s: %s", name, ", ".join(f"{number} {fate}" for fate, number in sorted(fates.items())) or "no rows")
    kept = sorted(watched)[:held_out]
    for found, split, advice in (
        (chosen, "train", "add a source, or set pictures"),
        (watched, "val", "raise ingest.val_fraction"),
    ):
        if len(found) < 2:
            smaller = f" ({small} are smaller than the crop of {crop[0]}x{crop[1]} pixels)" if small else ""
            raise ThrongError(
                f"pretrain_count compares different pictures: found {len(found)} of split {split}, needs at least 2"
                f"{smaller}; {advice}{', or lower crop' if small else ''}"
            )
    return Looked(
        [place for place, _ in chosen.values()],
        [share for _, share in chosen.values()],
        [watched[id_] for id_ in kept],
        [*chosen, *kept],
    )


def _records(paths: Sequence[Path], table: Table) -> Iterable[dict[str, Any]]:
    columns = [*PICTURE, "source"] if table is IMAGES else PICTURE
    rows = read_table(paths, table, columns).to_pylist() if paths else []
    return sorted(rows, key=lambda row: (row["id"], row["path"]))


def _fate(
    record: Mapping[str, Any], table: str, shares: Mapping[str, float], crop: tuple[int, int], known: Iterable[str]
) -> str:
    held_out = table == "images" and record["split"] == "val"
    if record["status"] != OK:
        return "rejected"
    if not held_out and not (record["split"] == "train" and shares[table]):
        return "not asked for"
    if record["id"] in known:
        return "seen already"
    if record["height"] < crop[0] or record["width"] < crop[1]:
        return "smaller than the crop"
    return HELD_OUT if held_out else LOOKED_AT


def _place(record: Mapping[str, Any], size: tuple[int, int]) -> Place:
    return Place(record.get("source", RESULTS), record["path"], _window(record["width"], record["height"], size))


def _window(width: int, height: int, size: tuple[int, int]) -> Crop:
    scale = min(height / size[0], width / size[1])
    h, w = min(height, round(size[0] * scale)), min(width, round(size[1] * scale))
    return Crop(x=(width - w) // 2, y=(height - h) // 2, w=w, h=h)
