"""What throng's trainers take, out of a release: samples with ranked pairs for a counter, lessons for a ranker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow.compute as pc
from torch.utils.data import ConcatDataset, Dataset

from throng.counting.rows import Labelled, LabelledImages
from throng.counting.samples import Pair, Window
from throng.encoders.pictures import Pictures
from throng.images import ImageStore
from throng.opening.columns import read_columns
from throng.opening.datasets import RankedPairs
from throng.opening.opened import OpenedRelease
from throng.opening.shards import TarShards
from throng.ranking.pair_table import Album, RankedPair, choose_pairs, is_emptied, numbered, removed_boxes
from throng.ranking.rank_training import Lessons
from throng.sections.pretrain_rank import Ranker
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import EQUAL, Crop, RankedPairRow

SIDES = ("more", "fewer")
COPIED = ["id", "parent_id", "kind", "relation", "delta", "removed", "weight", "split", "scene"]
MEMBERS = [f"{side}_{name}" for side in SIDES for name in ("id", "crop", "sha256")]
TRAIN, VAL = "train", "val"


class CounterLessons(NamedTuple):
    """Arguments of :func:`throng.counting.train.train_counter`: samples, how often each is shown, and ranked pairs."""

    samples: Dataset[Any]
    shares: list[float]
    pairs: list[Pair]


class PairImages(ImageStore):
    """The files of ranked pairs' images by split and sha256, each read from the first pair that shows it."""

    def __init__(self) -> None:
        super().__init__({})
        self._shards: dict[str, TarShards] = {}
        self._places: dict[tuple[str, str], tuple[str, str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"shards": self._shards, "places": self._places}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({})
        self._shards, self._places = state["shards"], state["places"]

    def add(self, shards: TarShards, rows: Iterable[RankedPairRow]) -> None:
        """Add the images of the pairs of one split."""
        for row in rows:
            self._shards[row.split] = shards
            self._places.setdefault((row.more_source, row.more_path), (row.id, "more"))
            self._places.setdefault((row.fewer_source, row.fewer_path), (row.id, "fewer"))

    def read_bytes(self, source: str, path: str) -> bytes:
        """Return the bytes of the image of split ``source`` whose sha256 is ``path``."""
        key, side = self._places[source, path]
        (data,) = self._shards[source].read(key, (f"{side}.",)).values()
        return data


def rows_of(pairs: RankedPairs) -> list[RankedPairRow]:
    """Return pairs as stage rank_pairs writes them, an image's split and sha256 in place of its source and path."""
    return [
        RankedPairRow(
            **{name: record[name] for name in COPIED},
            **{f"{side}_{name}": record[f"{side}_{name}"] for side in SIDES for name in ("id", "crop")},
            **{f"{side}_source": record["split"] for side in SIDES},
            **{f"{side}_path": record[f"{side}_sha256"] for side in SIDES},
        )
        for record in read_columns(pairs.parquet, [*COPIED, *MEMBERS]).to_pylist()
    ]


def with_pairs(samples: Dataset[Any], pairs: RankedPairs, share: float = 1.0) -> CounterLessons:
    """Return samples and ranked pairs as a counter learns from both.

    An epoch shows every sample once, and every pair as often as ``share`` times its weight says. The images of the
    pairs follow the samples and are shown in pairs alone. Pairs of weight 0 are left out.
    """
    rows = [row for row in rows_of(pairs) if row.weight > 0]
    store = PairImages()
    store.add(pairs.shards, rows)
    known = len(samples)  # pyright: ignore[reportArgumentType]
    numbers: dict[tuple[str, str], int] = {}
    for row in rows:
        for place in ((row.more_source, row.more_path), (row.fewer_source, row.fewer_path)):
            numbers.setdefault(place, known + len(numbers))
    images = LabelledImages([Labelled(path, split, path, None) for split, path in numbers], store)
    ranked = [
        Pair(
            more=numbers[row.more_source, row.more_path],
            fewer=numbers[row.fewer_source, row.fewer_path],
            margin=float(row.delta or 0),
            equal=row.relation == EQUAL,
            more_window=_window(row.more_crop),
            fewer_window=_window(row.fewer_crop),
            share=share * row.weight,
        )
        for row in rows
    ]
    together: Dataset[Any] = ConcatDataset([samples, images])  # pyright: ignore[reportArgumentType]
    return CounterLessons(together, [1.0] * known + [0.0] * len(numbers), ranked)


def rank_lessons(release: OpenedRelease, options: Ranker) -> Lessons:
    """Return the ranked pairs of splits train and val as :func:`throng.ranking.rank_training.train_ranker` takes them.

    ``options`` choose kinds, size and cache of the pictures, and how many pairs are held out, as in stage
    pretrain_rank. Raises ThrongError as :func:`throng.ranking.pair_table.choose_pairs` does, and when a loss asks for
    tables that the release has not.
    """
    rows: list[RankedPairRow] = []
    store = PairImages()
    for split in (TRAIN, VAL):
        pairs = release.pairs(split)
        found = rows_of(pairs)
        store.add(pairs.shards, found)
        rows += found
    training, held_out = choose_pairs(rows, options.kinds)
    album = Album()
    looks = options.losses.removal > 0 or options.losses.empty > 0
    learnt = _with_people(release, training, album) if looks else [numbered(row, album) for row in training]
    known = [numbered(row, album) for row in held_out]
    looked_at = [pair for tie in (False, True) for pair in [p for p in known if p.tie == tie][: options.val_pairs]]
    return Lessons(learnt, looked_at, Pictures(album.places, store, options.size, options.cache_gigabytes))


def _with_people(release: OpenedRelease, rows: Sequence[RankedPairRow], album: Album) -> list[RankedPair]:
    parents = sorted({row.parent_id for row in rows})
    photographs = {row.id: row for row in _table(release, "images", ImageRow, parents)}
    found = {row.id: row for row in _table(release, "detections", DetectionRow, parents)}
    return [
        numbered(row, album, removed_boxes(row, photographs, found), emptied=is_emptied(row, found)) for row in rows
    ]


def _table(release: OpenedRelease, name: str, kind: type, ids: Sequence[str]) -> list[Any]:
    table = read_columns([release.table(name)], list(kind.__dataclass_fields__))
    return [kind(**record) for record in table.filter(pc.field("id").isin(ids)).to_pylist()]


def _window(crop: Crop | None) -> Window | None:
    return None if crop is None else Window(crop["x"], crop["y"], crop["w"], crop["h"])
