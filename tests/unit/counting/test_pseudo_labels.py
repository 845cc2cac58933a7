"""Heads that a detector found in place of labels."""

import dataclasses
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.counting.test_rows import MADE_BY, ONCE, photograph, tables
from throng.counting.pseudo_labels import detected_heads
from throng.counting.rows import choose
from throng.errors import ThrongError
from throng.manifest import write_table
from throng.tables import detections
from throng.tables.detections import Detection, DetectionRow

DETECTED = {**ONCE, "images": 0.0, "detected": 1.0, "synthetic": 0.0}


def person(x, y, w, h, score=0.9):
    return Detection(x=x, y=y, w=w, h=h, score=score, mask=None)


def looked_at(folder, photographs, found):
    """Tables of ``photographs`` and of what was found in them: (id, people, status), by a detector."""
    rows = [
        DetectionRow(name, "ultralytics", people, status, "" if status == "ok" else "crowded")
        for name, people, status in found
    ]
    path = folder / "detections.parquet"
    write_table(path, detections.TABLE, rows, MADE_BY)
    return dataclasses.replace(tables(folder, photographs), detections=[path])


def test_a_head_is_half_a_head_below_the_middle_of_its_boxs_upper_edge():
    heads = detected_heads([person(10, 20, 40, 100), person(0, 0, 5, 5, score=0.2)], (300, 400), 0.5)
    assert heads == pytest.approx(np.array([[10 + 20 - 0.5, 20 + 6.75 - 0.5]]))


def test_a_box_that_tells_nothing_has_no_head():
    flat, broken = person(1, 1, 0, 5), person(float("nan"), 1, 5, 5)
    assert detected_heads([flat, broken], (10, 10)).shape == (0, 2)


@given(st.lists(st.tuples(*[st.floats(-50, 150)] * 2, *[st.floats(0.1, 300)] * 2, st.floats(0, 1)), max_size=6))
def test_everybody_confident_has_one_head_on_the_picture(boxes):
    people = [person(*box) for box in boxes]
    heads = detected_heads(people, (60, 80), 0.5)
    assert len(heads) == sum(box[4] >= 0.5 for box in boxes)
    assert ((heads >= 0) & (heads <= (79, 59))).all()


def test_no_label_is_learnt_or_chosen_by(tmp_path, caplog):
    photographs = [
        photograph("a"),
        photograph("b", points=None, count=None),
        photograph("c"),
        photograph("d"),
        photograph("v", "val", points=None, count=None),
        photograph("t", "test"),
    ]
    found = [
        ("a", [person(2, 1, 2, 4), person(4, 1, 2, 4, score=0.1)], "ok"),
        ("b", [], "ok"),
        ("c", [], "rejected"),
        ("v", [person(0, 0, 2, 4)] * 3, "ok"),
        ("t", [person(0, 0, 2, 4)], "ok"),
    ]
    files = looked_at(tmp_path, photographs, found)
    with caplog.at_level(logging.INFO):
        chosen = choose(files, DETECTED, validation="detected", confidence=0.3)
    assert [(row.id, len(row.points)) for row in chosen.training] == [("a", 1), ("b", 0)]
    assert [(row.id, len(row.points)) for row in chosen.validation] == [("v", 3)]
    assert "detected: 6 rows, 2 learnt from; left out: 2 of another split, 2 without an answer of stage detect" in (
        caplog.text
    )


def test_a_split_without_detections_and_a_leak_are_named(tmp_path):
    photographs = [photograph("a"), photograph("v", "val")]
    found = [("a", [person(0, 0, 2, 4)], "ok")]
    with pytest.raises(ThrongError, match="found 1 to train on in its tables and 0 to validate on in split val"):
        choose(looked_at(tmp_path, photographs, found), DETECTED, validation="detected")
    twice = [*photographs, photograph("a", "val", path="copy.png")]
    with pytest.raises(ThrongError, match="in training and in val, first a"):
        choose(looked_at(tmp_path, twice, found), DETECTED, validation="detected")


def test_labels_in_the_place_of_detections_are_refused(tmp_path):
    files = looked_at(tmp_path, [photograph("a"), photograph("v", "val")], [])
    rows = [DetectionRow("a", "annotations", [], "ok", "")]
    write_table(files.detections[0], detections.TABLE, rows, MADE_BY)
    with pytest.raises(ThrongError, match="took the boxes from the annotations"):
        choose(files, DETECTED)


def test_a_photograph_is_not_learnt_twice_and_detections_must_be_there(tmp_path):
    files = tables(tmp_path, [photograph("a"), photograph("v", "val")])
    with pytest.raises(ThrongError, match="labelled or its detected heads"):
        choose(files, {**DETECTED, "images": 1.0})
    with pytest.raises(ThrongError, match="run stage detect"):
        choose(files, DETECTED)
