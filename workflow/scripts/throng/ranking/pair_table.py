"""What a ranker learns from: chosen rows of table ranked_pairs, their pictures by number, and who was removed where."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from throng.encoders.pictures import Place
from throng.errors import ThrongError
from throng.manifest import OK
from throng.ranking.checks import check_apart, check_order
from throng.ranking.kinds import REAL_EDITED
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import EQUAL, Crop, RankedPairRow

TRAIN, VAL = "train", "val"


@dataclasses.dataclass(frozen=True)
class RankedPair:
    """A pair of pictures by number; ``tie`` when they show as many people.

    ``delta`` people fewer are in the second, NaN where only the order is known. ``boxes`` (N, 4) are the left, top,
    right and bottom of the removed people as shares of the picture's width and height, None where that is unknown.
    ``emptied`` when nobody whom the detector found is left in the second.
    """

    id: str
    parent: str
    kind: str
    more: int
    fewer: int
    tie: bool
    delta: float
    weight: float
    boxes: np.ndarray | None = None
    emptied: bool = False


class Album:
    """Numbers for places, in the order they are asked for."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._numbers: dict[tuple[str, str, tuple[int, ...]], int] = {}

    def number(self, source: str, path: str, crop: Crop | None = None) -> int:
        """Return the number of a place, a new one when it was not asked for before."""
        key = (source, path, () if crop is None else (crop["x"], crop["y"], crop["w"], crop["h"]))
        if key not in self._numbers:
            self._numbers[key] = len(self.places)
            self.places.append(Place(source, path, crop))
        return self._numbers[key]


def choose_pairs(
    rows: Sequence[RankedPairRow], kinds: Sequence[str]
) -> tuple[list[RankedPairRow], list[RankedPairRow]]:
    """Return the rows of these kinds that teach, and those that are held out: splits train, of weight > 0, and val.

    Raises ThrongError when a pair has one picture on both sides, when rows contradict each other or share a photograph
    or scene between the splits, when no training row is of one of the kinds, when none says which picture shows more
    people, and when none that does is held out.
    """
    for row in rows:
        if (row.more_source, row.more_path, row.more_crop) == (row.fewer_source, row.fewer_path, row.fewer_crop):
            raise ThrongError(f"pair {row.id} has picture {row.more_id} on both of its sides: run rank_pairs again")
    check_order(rows)
    check_apart(rows)
    found = Counter(row.kind for row in rows if row.split == TRAIN and row.weight > 0)
    if missing := [kind for kind in kinds if kind not in found]:
        raise ThrongError(
            f"no ranked pair of split train and weight above 0 is of kind {missing[0]}; there are "
            f"{', '.join(f'{found[kind]} {kind}' for kind in sorted(found)) or 'none at all'}: choose among those in "
            f"kinds, or add {missing[0]} to rank_pairs.kinds"
        )
    training, held_out = (
        sorted((row for row in rows if row.split == split and row.kind in kinds), key=lambda row: row.id)
        for split in (TRAIN, VAL)
    )
    training = [row for row in training if row.weight > 0]
    if all(row.relation == EQUAL for row in training):
        raise ThrongError(
            f"all {len(training)} ranked pairs of split train show as many people on both sides: no order can be "
            f"learnt from them; add a kind that has one, such as real-edited"
        )
    if all(row.relation == EQUAL for row in held_out):
        raise ThrongError(
            "no ordered pair of split val is held out, so nothing could choose the best weights: give some photographs "
            "with people split val (ingest), or more of them"
        )
    return training, held_out


def numbered(row: RankedPairRow, album: Album, boxes: np.ndarray | None = None, *, emptied: bool = False) -> RankedPair:
    """Return a row with its pictures as numbers of the album."""
    return RankedPair(
        id=row.id,
        parent=row.parent_id,
        kind=row.kind,
        more=album.number(row.more_source, row.more_path, row.more_crop),
        fewer=album.number(row.fewer_source, row.fewer_path, row.fewer_crop),
        tie=row.relation == EQUAL,
        delta=float("nan") if row.delta is None else float(row.delta),
        weight=row.weight,
        boxes=boxes,
        emptied=emptied,
    )


def removed_boxes(
    row: RankedPairRow, photographs: Mapping[str, ImageRow], detections: Mapping[str, DetectionRow]
) -> np.ndarray | None:
    """Return the boxes (N, 4) of the people by whom a pair differs, as shares of width and height; None if unknown.

    Raises ThrongError when the pair names a person whom table detections has not.
    """
    if row.delta is None or row.more_crop is not None or row.fewer_crop is not None:
        return None
    photograph, found = photographs.get(row.parent_id), detections.get(row.parent_id)
    if photograph is None or found is None or found.status != OK or max(row.removed, default=-1) >= len(found.people):
        raise ThrongError(
            f"pair {row.id} names people of photograph {row.parent_id} whom the tables images and detections have not: "
            f"run rank_pairs again"
        )
    size = np.array([photograph.width, photograph.height] * 2, np.float64)
    people = [found.people[index] for index in row.removed]
    corners = [[one["x"], one["y"], one["x"] + one["w"], one["y"] + one["h"]] for one in people]
    return np.array(corners, np.float64).reshape(-1, 4) / size


def is_emptied(row: RankedPairRow, detections: Mapping[str, DetectionRow]) -> bool:
    """Tell whether everyone whom the detector found in a photograph is removed from its edit."""
    found = detections.get(row.parent_id)
    return row.kind == REAL_EDITED and found is not None and 0 < len(found.people) == len(set(row.removed))
