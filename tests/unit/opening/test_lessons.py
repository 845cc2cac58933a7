"""Throng's own trainers, fed from nothing but a released folder."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

import throng
from tests.unit.release.miniature import HEIGHT, WIDTH, Run
from throng.counting.options import CounterOptions
from throng.counting.train import train_counter
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import decode
from throng.opening.lessons import rank_lessons, rows_of, with_pairs
from throng.ranking.rank_training import train_ranker
from throng.sections.pretrain_rank import Ranker, RankLosses

COUNTER = CounterOptions(
    model="mcnn", crop=(32, 32), batch_size=2, steps=4, val_every=4, log_every=2, sigma=2.0, warmup_steps=1
)
RANKER = Ranker(
    kinds=["real-edited", "edited-edited", "sham-equal"],
    size=(24, 32),
    batch_pairs=2,
    steps=4,
    warmup_steps=1,
    val_every=4,
    log_every=2,
)


@pytest.mark.slow
def test_counter_trains_on_points_and_pairs(release: Path, tmp_path: Path) -> None:
    opened = throng.open(release)
    lessons = with_pairs(opened.points("train"), opened.pairs("train"), share=0.5)
    assert len(lessons.samples) == len(lessons.shares)  # pyright: ignore[reportArgumentType]
    options = dataclasses.replace(COUNTER, losses={"pixel": 1.0, "ranking": 0.1})
    validation = opened.points("val")
    model, recipe, history = train_counter(
        lessons.samples, validation, options, tmp_path, shares=lessons.shares, pairs=lessons.pairs
    )
    assert recipe["training_images"] == len(opened.points("train"))
    assert recipe["validation_images"] == len(validation)
    assert max(row["step"] for row in history) == 4
    assert sum(parameter.numel() for parameter in model.parameters()) > 0


@pytest.mark.slow
def test_counter_trains_on_counts(release: Path, tmp_path: Path) -> None:
    opened = throng.open(release)
    options = dataclasses.replace(COUNTER, losses={"count": 1.0})
    _, recipe, _ = train_counter(opened.counts("train"), opened.counts("val"), options, tmp_path)
    assert recipe["training_images"] == len(opened.counts("train"))


@pytest.mark.slow
def test_ranker_trains_on_pairs_and_sees_who_was_removed(release: Path, tmp_path: Path) -> None:
    lessons = rank_lessons(throng.open(release), RANKER)
    assert {pair.kind for pair in lessons.training} == set(RANKER.kinds)
    _, recipe, history = train_ranker(build_encoder("small"), lessons, RANKER, tmp_path, seed=3)
    assert recipe["training_pairs"] == len(lessons.training)
    assert recipe["held_out_pairs"] == len(lessons.held_out)
    assert max(row["step"] for row in history) == 4


def test_rank_lessons_are_those_of_the_stage(run: Run, release: Path) -> None:
    lessons = rank_lessons(throng.open(release), RANKER)
    kept = [row for row in run.rows["ranked_pairs"] if row.kind in RANKER.kinds]
    rows = {row.id: row for row in kept}
    assert [pair.id for pair in lessons.training] == sorted(row.id for row in kept if row.split == "train")
    assert {pair.id for pair in lessons.held_out} == {row.id for row in kept if row.split == "val"}
    people = {row.id: row.people for row in run.rows["detections"]}
    for pair in lessons.training:
        row = rows[pair.id]
        assert (pair.tie, pair.weight) == (row.relation == "equal", pytest.approx(row.weight))
        boxes = [people[row.parent_id][k] for k in row.removed]
        corners = [
            [b["x"] / WIDTH, b["y"] / HEIGHT, (b["x"] + b["w"]) / WIDTH, (b["y"] + b["h"]) / HEIGHT] for b in boxes
        ]
        assert pair.boxes is not None
        assert np.allclose(pair.boxes, np.array(corners).reshape(-1, 4))
        assert lessons.pictures[pair.more].shape == (24, 32, 3)


def test_pairs_point_at_the_images_of_their_members(release: Path) -> None:
    opened = throng.open(release)
    pairs = opened.pairs("train")
    lessons = with_pairs(opened.points("train"), pairs)
    numbers = {name: k for k, name in enumerate(pairs.ids)}
    for row, pair in zip(rows_of(pairs), lessons.pairs, strict=True):
        shown = pairs[numbers[row.id]]
        for side in ("more", "fewer"):
            image = lessons.samples[getattr(pair, side)].image
            window = getattr(pair, f"{side}_window")
            pixels = decode(image)
            if window:
                pixels = pixels[window.top : window.top + window.height, window.left : window.left + window.width]
            assert np.array_equal(pixels, getattr(shown, side))
        assert pair.margin == (row.delta or 0)
        assert pair.equal == (row.relation == "equal")


def test_each_image_of_the_pairs_is_there_once(release: Path) -> None:
    opened = throng.open(release)
    rows = rows_of(opened.pairs("train"))
    images = {row.more_path for row in rows} | {row.fewer_path for row in rows}
    points = opened.points("train")
    lessons = with_pairs(points, opened.pairs("train"))
    assert len(lessons.shares) == len(points) + len(images)
    assert lessons.shares == [1.0] * len(points) + [0.0] * len(images)


def test_loss_that_needs_a_withheld_table_says_so(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "release"))
    (folder / "tables" / "detections.parquet").unlink()
    quiet = Ranker(**(RANKER.model_dump() | {"losses": RankLosses(empty=0.0)}))
    assert len(rank_lessons(throng.open(folder), quiet).training) > 0
    with pytest.raises(ThrongError, match=r"detections\.parquet: cannot be read"):
        rank_lessons(throng.open(folder), RANKER)
