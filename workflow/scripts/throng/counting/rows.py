"""What a counter learns from and is chosen by: rows of the tables, with their pixels read when asked for."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.counting.pseudo_labels import detected_heads
from throng.counting.samples import Pair, Sample, Window
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK, Table, read_table
from throng.roots import RESULTS
from throng.tables.calibrated_counts import TABLE as CALIBRATED
from throng.tables.detections import TABLE as DETECTIONS
from throng.tables.images import TABLE as IMAGES
from throng.tables.images import point_array
from throng.tables.ranked_pairs import EQUAL
from throng.tables.ranked_pairs import TABLE as PAIRS
from throng.tables.synthetic import TABLE as SYNTHETIC

log = logging.getLogger(__name__)

LEARNT = "learnt from"
PHOTOGRAPH = ["id", "source", "path", "width", "height", "count", "points", "split", "status"]
ANNOTATIONS = "annotations"  # the backend of stage detect that looks at labels instead of pixels
UNSEEN = "without an answer of stage detect"
NO_COUNT_LOSS = "without heads, and no loss of counts is on (losses.count or losses.count_likelihood)"


@dataclasses.dataclass(frozen=True)
class Labelled:
    """An image to learn from: its id, where its pixels are, and what is known of its people as in a Sample."""

    id: str
    source: str
    path: str
    points: np.ndarray | None
    count: float | None = None
    std: float | None = None
    weight: float = 1.0


class LabelledImages:
    """The samples that training asks for by number; pixels are read when asked for."""

    def __init__(self, rows: Sequence[Labelled], store: ImageStore) -> None:
        self._rows, self._store = rows, store

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        row = self._rows[index]
        return Sample(self._store.read_bytes(row.source, row.path), row.points, row.count, row.std, row.weight)


@dataclasses.dataclass(frozen=True)
class Tables:
    """The files that hold the rows; none where a table is not learnt from."""

    images: Path
    synthetic: Sequence[Path] = ()
    calibrated: Path | None = None
    pairs: Path | None = None
    detections: Sequence[Path] = ()


@dataclasses.dataclass(frozen=True)
class Chosen:
    """Training images with how often an epoch shows each, ranked pairs of them, and validation images.

    ``training`` ends with the images that are only in pairs; their share is 0.
    """

    training: list[Labelled]
    shares: list[float]
    pairs: list[Pair]
    validation: list[Labelled]


def choose(
    tables: Tables,
    shares: Mapping[str, float],
    *,
    validation: str = "val",
    teaches_counts: bool = False,
    confidence: float = 0.0,
) -> Chosen:
    """Return what a counter learns from and is chosen by, in order of table and id, and log what was left out and why.

    ``shares`` says how often an epoch shows a row of images, detected, synthetic and pairs (times the pair's own
    weight); 0 leaves a table alone. Photographs of split train teach their heads, or their count where they have that
    alone; as ``detected`` they teach the heads that stage detect found in them, of at least a ``confidence``, and
    their labels are not read. Synthesised images teach their heads, or the calibrated count with its standard
    deviation, by the calibrated weight, as far as calibration kept them. Rows without heads need ``teaches_counts``.
    The weights are chosen by the photographs of split ``validation`` with heads, those of split val with the detected
    ones where it is "detected". Raises ThrongError when there is nothing to learn from or to choose by, when images and
    detected are both learnt from, when what was detected are labels, and when an image is in two of training,
    validation and test.
    """
    photographs = _records(tables.images, IMAGES, PHOTOGRAPH)
    learnt: dict[str, list[Labelled]] = {"images": [], "detected": [], "synthetic": []}
    if shares["images"] and shares["detected"]:
        raise ThrongError("a photograph teaches its labelled or its detected heads: set data.images or data.detected")
    pseudo: list[dict[str, Any]] = []
    if shares["detected"] or validation == "detected":
        pseudo = _looked_at(tables, photographs, confidence)
    if shares["images"]:
        learnt["images"] = _sorted_out("images", photographs, _photograph, teaches_counts)
    if shares["detected"]:
        learnt["detected"] = _sorted_out("detected", pseudo, _photograph, teaches_counts)
    if shares["synthetic"]:
        learnt["synthetic"] = _sorted_out("synthetic", _synthesised(tables), _drawn, teaches_counts)
    usable = [record for record in photographs if _usable(record)]
    split = "val" if validation == "detected" else validation
    judges = usable if validation != "detected" else [record for record in pseudo if _usable(record)]
    chosen_by = [_photograph(r) for r in judges if r["split"] == split and r["points"] is not None]
    training = [row for rows in learnt.values() for row in rows]
    if not training or not chosen_by:
        raise ThrongError(
            f"train_counter needs images with {'detected' if pseudo else 'labelled'} people: found {len(training)} to "
            f"train on in its tables and {len(chosen_by)} to validate on in split {split}; add a source, "
            f"set the shares in data, or raise ingest.val_fraction"
        )
    weights = [shares[name] for name, rows in learnt.items() for _ in rows]
    members, pairs = _ranked(tables, training, shares["pairs"])
    training += members
    _check_apart(
        {
            "training": {row.id for row in training},
            split: {row.id for row in chosen_by},
            "test": {str(r["id"]) for r in usable if r["split"] == "test"},
        }
    )
    return Chosen(training, weights + [0.0] * len(members), pairs, sorted(chosen_by, key=lambda row: row.id))


def _records(paths: Path | Sequence[Path], table: Table, columns: list[str]) -> list[dict[str, Any]]:
    return read_table(paths, table, columns).to_pylist()


def _usable(record: Mapping[str, Any]) -> bool:
    return record["status"] == OK


def _photograph(record: Mapping[str, Any]) -> Labelled:
    points, count = record["points"], record["count"]
    if points is not None:
        return Labelled(record["id"], record["source"], record["path"], point_array(points))
    return Labelled(record["id"], record["source"], record["path"], None, count)


def _looked_at(tables: Tables, photographs: Sequence[Mapping[str, Any]], confidence: float) -> list[dict[str, Any]]:
    """Return the rows of table images with the heads that stage detect found in place of their labels."""
    if not tables.detections:
        raise ThrongError("data.detected and validation: detected need table detections: run stage detect")
    found = {r["id"]: r for r in _records(tables.detections, DETECTIONS, ["id", "backend", "people", "status"])}
    if any(record["backend"] == ANNOTATIONS for record in found.values()):
        raise ThrongError(
            "data.detected and validation: detected promise that nobody's labels are learnt, but stage detect took the "
            "boxes from the annotations: set detect.backend: ultralytics, or learn from data.images"
        )
    looked_at: list[dict[str, Any]] = []
    for record in photographs:
        seen = found.get(record["id"], {"people": [], "status": "missing"})
        points = None
        if _usable(seen):
            heads = detected_heads(seen["people"], (record["height"], record["width"]), confidence)
            points = [{"x": x, "y": y} for x, y in heads.tolist()]
        looked_at.append({**record, "points": points, "count": None, "unknown": UNSEEN})
    return looked_at


def _synthesised(tables: Tables) -> list[dict[str, Any]]:
    """Return the rows of table synthetic, each with its calibrated count, std and weight, 0 where it was not kept."""
    if tables.calibrated is None:
        raise ThrongError("data.synthetic needs table calibrated_counts: run stage calibrate_counts")
    columns = ["id", "count", "std", "weight", "status"]
    kept = {r["id"]: r for r in _records(tables.calibrated, CALIBRATED, columns) if _usable(r)}
    records = _records(tables.synthetic, SYNTHETIC, ["id", "path", "points", "split", "status"])
    unknown = {"count": None, "std": None, "weight": 0.0}
    for record in records:
        judged = kept.get(record["id"], unknown)
        record.update(source=RESULTS, **{name: judged[name] for name in unknown})
    return records


def _drawn(record: Mapping[str, Any]) -> Labelled:
    place = record["id"], record["source"], record["path"]
    if record["points"] is not None:
        return Labelled(*place, point_array(record["points"]), weight=record["weight"])
    return Labelled(*place, None, record["count"], record["std"], record["weight"])


def _sorted_out(
    name: str,
    records: Iterable[Mapping[str, Any]],
    labelled: Callable[[Mapping[str, Any]], Labelled],
    teaches_counts: bool,
) -> list[Labelled]:
    """Return the rows of a table that teach something, by id, and log the fate of every row."""
    rows: list[Labelled] = []
    fates: Counter[str] = Counter()
    for record in records:
        fate = _fate(record, teaches_counts)
        fates[fate] += 1
        if fate == LEARNT:
            rows.append(labelled(record))
    _tell(name, fates)
    return sorted(rows, key=lambda row: row.id)


def _fate(record: Mapping[str, Any], teaches_counts: bool) -> str:
    if record["split"] != "train":
        return "of another split"
    if not _usable(record):
        return "rejected"
    if record.get("weight") == 0:
        return "not kept by calibrate_counts"
    if record["points"] is not None:
        return LEARNT
    if record["count"] is None:
        return record.get("unknown", "of unknown count")
    return LEARNT if teaches_counts else NO_COUNT_LOSS


def _tell(name: str, fates: Counter[str]) -> None:
    left_out = ", ".join(f"{number} {fate}" for fate, number in sorted(fates.items()) if fate != LEARNT)
    log.info("%s: %d rows, %d learnt from; left out: %s", name, fates.total(), fates[LEARNT], left_out or "none")


def _ranked(tables: Tables, training: Sequence[Labelled], share: float) -> tuple[list[Labelled], list[Pair]]:
    """Return the images that only ranked pairs show, and the pairs, which number them after ``training``."""
    if not share:
        return [], []
    if tables.pairs is None:
        raise ThrongError("data.pairs needs table ranked_pairs: run stage rank_pairs")
    numbers = {(row.source, row.path): number for number, row in enumerate(training)}
    members: list[Labelled] = []
    pairs: list[Pair] = []
    fates: Counter[str] = Counter()
    for record in sorted(_records(tables.pairs, PAIRS, PAIRS.schema.names), key=lambda r: r["id"]):
        fate = "of another split" if record["split"] != "train" else LEARNT if record["weight"] > 0 else "of weight 0"
        fates[fate] += 1
        if fate != LEARNT:
            continue
        for side in ("more", "fewer"):
            place = record[f"{side}_source"], record[f"{side}_path"]
            if place not in numbers:
                numbers[place] = len(training) + len(members)
                members.append(Labelled(record[f"{side}_id"], *place, None))
        pairs.append(_pair(record, numbers, share))
    _tell("ranked_pairs", fates)
    if not pairs:
        raise ThrongError("data.pairs is above 0 but no ranked pair of split train has a weight: set it to 0")
    return members, pairs


def _pair(record: Mapping[str, Any], numbers: Mapping[tuple[str, str], int], share: float) -> Pair:
    (more, more_window), (fewer, fewer_window) = (
        (numbers[record[f"{side}_source"], record[f"{side}_path"]], _window(record[f"{side}_crop"]))
        for side in ("more", "fewer")
    )
    return Pair(
        more=more,
        fewer=fewer,
        margin=float(record["delta"] or 0),
        equal=record["relation"] == EQUAL,
        more_window=more_window,
        fewer_window=fewer_window,
        share=share * record["weight"],
    )


def _window(crop: Mapping[str, int] | None) -> Window | None:
    return None if crop is None else Window(crop["x"], crop["y"], crop["w"], crop["h"])


def _check_apart(splits: Mapping[str, set[str]]) -> None:
    names = list(splits)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            shared = sorted(splits[one] & splits[other])
            if shared:
                raise ThrongError(
                    f"{len(shared)} images are in {one} and in {other}, first {shared[0]}: errors measured on them "
                    f"would be too small; remove one copy from its source"
                )
