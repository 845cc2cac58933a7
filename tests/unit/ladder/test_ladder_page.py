"""The ladder as CSV, figure and page."""

import csv
import io

import numpy as np

from tests.unit.ladder.test_standings import TRUE, rung
from throng.images import decode
from throng.ladder.page import number, render, table
from throng.ladder.plot import ladder_plot
from throng.ladder.standings import standings

MARKS = {"AFreeCA": 35.0, "CrowdCLIP <69>": 69.3, "ImageNet features": 68.1}


def found(**said):
    rungs = [rung("prior", np.full(4, 9.0), kind="prior"), rung("fit & more", TRUE + 1.0, TRUE - 2.0)]
    made = standings(rungs, [12], bins=[0, 20], resamples=100)
    return made | {"split": "test", "bootstrap": 100, "marks": MARKS, "upstream_labels": "allow"} | said


def test_the_table_has_a_line_per_rung_and_marks_the_one_with_labels():
    lines = list(csv.DictReader(io.StringIO(table(found()))))
    assert [(line["rung"], line["labels"]) for line in lines] == [
        ("prior", "none"),
        ("fit & more", "none"),
        ("mean training count", "training counts"),
    ]
    assert float(lines[1]["mae"]) == 1.5
    assert lines[1]["against"] == "prior"
    assert (lines[0]["against"], lines[0]["correlation"]) == ("", "")
    assert lines[1]["training_steps"] == "20"


def test_the_figure_is_the_same_for_the_same_numbers_and_shows_marks():
    plain, marked = ladder_plot(found(), {}, "ladder"), ladder_plot(found(), MARKS, "ladder")
    assert ladder_plot(found(), MARKS, "ladder") == marked
    assert decode(plain).shape[2] == 3
    assert plain != marked


def test_the_page_escapes_names_and_says_where_labels_may_have_been():
    text = render(found(), b"png", "a <ladder>")
    assert "a &lt;ladder&gt;" in text
    assert "CrowdCLIP &lt;69&gt;" in text
    assert "fit &amp; more is better than prior" in text
    assert "Labels may still have reached" in text
    strict = render(found(upstream_labels="refuse"), b"png", "a")
    assert "nor reached what it learns from" in strict
    assert "Labels may still have reached" not in strict


def test_a_page_without_labelled_training_photographs_has_no_reference():
    made = found() | {"reference": None}
    assert "mean training count" not in render(made, b"png", "a")
    assert len(table(made).splitlines()) == 3
    assert ladder_plot(made, {}, "a")


def test_figures_are_written_with_a_minus_and_none_as_a_dash():
    assert [number(-1.25, 1), number(None), number(0.127, 2), number(-0.001)] == ["−1.2", "–", "0.13", "0.0"]
