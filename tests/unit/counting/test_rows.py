import dataclasses
import logging

import numpy as np
import pytest

from tests.rows import calibrated_row, pair_row, synthetic_row
from throng.counting.rows import LabelledImages, Tables, choose
from throng.counting.samples import Pair, Window
from throng.errors import ThrongError
from throng.images import ImageStore, encode_png
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.tables import calibrated_counts, images, ranked_pairs, synthetic
from throng.tables.images import ImageRow

ONCE = {"images": 1.0, "detected": 0.0, "synthetic": 1.0, "pairs": 0.0}
MADE_BY = Provenance("ingest", {}, "c0de", 7, {})


def photograph(name, split="train", **said):
    values = {
        "id": name,
        "source": "source",
        "path": f"{name}.png",
        "sha256": "",
        "bytes": 1,
        "format": "png",
        "width": 8,
        "height": 6,
        "channels": 3,
        "split": split,
        "scene": name,
        "licence": "CC0-1.0",
        "redistributable": True,
        "count": 2,
        "points": [{"x": 1.0, "y": 2.0}, {"x": 3.5, "y": 4.0}],
        "people": None,
        "erratum": "",
        "status": "ok",
        "reason": "",
    }
    return ImageRow(**values | said)


def tables(folder, photographs, made=(), judged=None, pairs=None):
    """Tables in a folder; what was made is kept by calibration unless ``judged`` says otherwise."""
    written = {
        images.TABLE: photographs,
        synthetic.TABLE: made,
        calibrated_counts.TABLE: [calibrated_row(id=row.id) for row in made] if judged is None else judged,
        ranked_pairs.TABLE: pairs or (),
    }
    paths = {table.name: folder / f"{table.name}.parquet" for table in written}
    for table, rows in written.items():
        write_table(paths[table.name], table, rows, MADE_BY)
    return Tables(paths["images"], [paths["synthetic"]], paths["calibrated_counts"], paths["ranked_pairs"])


def fates(caplog):
    return {record.args[0]: record.getMessage() for record in caplog.records}


PHOTOGRAPHS = [
    photograph("b"),
    photograph("a"),
    photograph("v", "val"),
    photograph("v2", "val", points=None, count=None),
    photograph("t", "test"),
    photograph("r", status="rejected", reason="damaged", points=None, count=None),
    photograph("u", points=None, count=None),
]


def test_heads_of_the_training_split_are_learnt_and_every_row_is_accounted_for(tmp_path, caplog):
    made = [
        synthetic_row(id="s2", points=[{"x": 1.0, "y": 1.0}], count=1),
        synthetic_row(id="s1"),
        synthetic_row(id="s0"),
    ]
    judged = [
        calibrated_row(id="s2", weight=0.25),
        calibrated_row(id="s1"),
        calibrated_row(id="s0", status="rejected", reason="poor", weight=0.0),
    ]
    with caplog.at_level(logging.INFO):
        chosen = choose(tables(tmp_path, PHOTOGRAPHS, made, judged), {**ONCE, "synthetic": 0.5})
    assert [row.id for row in chosen.training] == ["a", "b", "s1", "s2"]
    assert [row.source for row in chosen.training] == ["source", "source", "results", "results"]
    assert chosen.shares == [1, 1, 0.5, 0.5]
    assert [row.weight for row in chosen.training] == [1, 1, 1, 0.25]
    np.testing.assert_array_equal(chosen.training[0].points, [[1, 2], [3.5, 4]])
    assert [row.id for row in chosen.validation] == ["v"]
    assert fates(caplog) == {
        "images": "images: 7 rows, 2 learnt from; left out: 3 of another split, 1 of unknown count, 1 rejected",
        "synthetic": "synthetic: 3 rows, 2 learnt from; left out: 1 not kept by calibrate_counts",
    }


def test_images_without_heads_teach_their_count_where_a_loss_of_counts_is_on(tmp_path, caplog):
    made = [synthetic_row(id=name, points=None, count=None, requested=50) for name in ("s1", "s2")]
    judged = [
        calibrated_row(id="s1", exact=False, count=42.5, std=8.0, weight=0.5),
        calibrated_row(id="s2", exact=False, count=None, std=None),
    ]
    counted = [*PHOTOGRAPHS, photograph("c", points=None, count=7)]
    found = tables(tmp_path, counted, made, judged)
    taught = choose(found, ONCE, teaches_counts=True)
    assert [(row.id, row.count, row.std, row.weight) for row in taught.training if row.points is None] == [
        ("c", 7, None, 1),
        ("s1", 42.5, 8, 0.5),
    ]
    with caplog.at_level(logging.INFO):
        dropped = choose(found, ONCE)
    assert [row.id for row in dropped.training] == ["a", "b"]
    assert (
        "1 without heads, and no loss of counts is on (losses.count or losses.count_likelihood)"
        in (fates(caplog)["synthetic"])
    )


def test_pairs_name_their_images_once_and_know_how_far_they_can_be_trusted(tmp_path):
    crops = {"more_crop": {"x": 0, "y": 0, "w": 6, "h": 6}, "fewer_crop": {"x": 1, "y": 2, "w": 3, "h": 3}}
    edit = {"more_id": "a", "more_path": "a.png", "fewer_path": "remove/part-000-of-001.zip/e1.png"}
    pairs = [
        pair_row(id="1", **edit, delta=3, weight=0.5),
        pair_row(id="2", relation="equal", delta=0, **edit),
        pair_row(
            id="3",
            relation="at-least",
            delta=None,
            more_id="u",
            more_path="u.png",
            fewer_id="u",
            fewer_source="source",
            fewer_path="u.png",
            **crops,
        ),
        pair_row(id="4", weight=0.0, **edit),
        pair_row(id="5", split="val", more_id="v", more_path="v.png"),
    ]
    chosen = choose(tables(tmp_path, PHOTOGRAPHS, pairs=pairs), {**ONCE, "pairs": 2.0})
    assert [row.id for row in chosen.training] == ["a", "b", "e1", "u"]
    assert [(row.points is None, row.count) for row in chosen.training[2:]] == [(True, None)] * 2
    assert chosen.shares == [1, 1, 0, 0]
    assert chosen.pairs == [
        Pair(0, 2, margin=3, share=1.0),
        Pair(0, 2, equal=True, share=2.0),
        Pair(3, 3, more_window=Window(0, 0, 6, 6), fewer_window=Window(1, 2, 3, 3), share=2.0),
    ]


def test_pixels_are_read_where_the_row_says(tmp_path):
    pixels = np.full((6, 8, 3), 9, np.uint8)
    (tmp_path / "a.png").write_bytes(encode_png(pixels))
    chosen = choose(tables(tmp_path, PHOTOGRAPHS), {**ONCE, "synthetic": 0.0})
    sample = LabelledImages(chosen.training, ImageStore({"source": tmp_path}))[0]
    assert sample.image == encode_png(pixels)
    assert (len(sample.points), sample.count, sample.std, sample.weight) == (2, None, None, 1)


@pytest.mark.parametrize("validation", ["val", "test"])
def test_weights_are_chosen_by_the_split_that_was_asked_for(tmp_path, validation):
    chosen = choose(tables(tmp_path, PHOTOGRAPHS), ONCE, validation=validation)
    assert [row.id for row in chosen.validation] == [validation[0]]


@pytest.mark.parametrize(
    ("photographs", "shares", "sentence"),
    [
        ([photograph("v", "val")], ONCE, "found 0 to train on .* and 1 to validate on in split val"),
        ([photograph("a")], ONCE, "found 1 to train on .* and 0 to validate on in split val"),
        ([photograph("a"), photograph("v", "val")], {**ONCE, "images": 0.0}, "found 0 to train on"),
        (PHOTOGRAPHS, {**ONCE, "pairs": 1.0}, "no ranked pair of split train"),
        ([*PHOTOGRAPHS, photograph("v", path="copy.png")], ONCE, "1 images are in training and in val, first v"),
        ([*PHOTOGRAPHS, photograph("t", "val", path="copy.png")], ONCE, "1 images are in val and in test, first t"),
        ([*PHOTOGRAPHS, photograph("t", path="copy.png")], ONCE, "1 images are in training and in test, first t"),
    ],
)
def test_nothing_to_learn_from_and_leaks_are_refused(tmp_path, photographs, shares, sentence):
    with pytest.raises(ThrongError, match=sentence):
        choose(tables(tmp_path, photographs), shares)


def test_a_pair_that_shows_a_validation_image_is_refused(tmp_path):
    leak = pair_row(more_id="v", more_path="v.png")
    with pytest.raises(ThrongError, match="in training and in val, first v"):
        choose(tables(tmp_path, PHOTOGRAPHS, pairs=[leak]), {**ONCE, "pairs": 1.0})


@pytest.mark.parametrize("missing", ["calibrated", "pairs"])
def test_a_table_that_is_learnt_from_must_be_there(tmp_path, missing):
    found = dataclasses.replace(tables(tmp_path, PHOTOGRAPHS), **{missing: None})
    with pytest.raises(ThrongError, match="run stage"):
        choose(found, {**ONCE, "pairs": 1.0})
