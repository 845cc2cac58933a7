import json
import math
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.unit.density import seed_oracle
from throng.density.compat import SeedScene, density_class, measure, scene_of, scene_of_boxes
from throng.errors import ThrongError
from throng.sources import crowdhuman, odgt
from throng.sources.headers import Header
from throng.tables.images import ImageRow

METHODS = ("threshold", "normalised", "euclidean", "grid", "grid-metres", "kde")
DATA = os.environ.get("THRONG_DATA")
LEFT_AND_RIGHT = [(10, 10, 82, 200), (1800, 800, 82, 200)]


def label(method, boxes, width=1920, height=1080):
    found = measure(method, scene_of_boxes(width, height, np.array(boxes)), (0, 100))
    return found.score, None if found.score is None else density_class(method, found.score)


@pytest.mark.parametrize(
    ("method", "boxes", "score", "number"),
    [
        ("euclidean", [(100, 100, 82, 200)], math.nan, 1),
        ("grid", [(100, 100, 82, 200)], 1.0, 0),
        ("grid-metres", [(100, 100, 82, 200)], 1.0, 0),
        ("euclidean", LEFT_AND_RIGHT, 23.8607, 2),
        ("grid", LEFT_AND_RIGHT, 1.0, 0),
        ("grid-metres", LEFT_AND_RIGHT, 1.0, 0),
    ],
)
def test_known_answers(method, boxes, score, number):
    assert label(method, boxes) == (pytest.approx(score, abs=5e-5, nan_ok=True), number)


def test_people_far_apart_are_called_crowded():
    rng = np.random.default_rng(0)
    packed, spread = rng.normal([960, 540], 60, (30, 2)), rng.uniform([0, 0], [1920, 1080], (30, 2))
    size = np.array([150 * 0.41, 150])
    scores = [label("euclidean", np.hstack([at - size / 2, np.tile(size, (30, 1))])) for at in (packed, spread)]
    assert scores == [(pytest.approx(1.8, abs=0.3), 1), (pytest.approx(12.15, abs=2), 2)]


def test_one_person_is_an_island_of_the_pixels_where_float64_has_not_underflowed():
    """Of 2 / pi exp(-2 d^2), d^2 = 370 is positive in float64, and 373, the next sum of two squares, is not."""
    offsets = np.arange(-30, 31)
    pixels = (offsets**2 + offsets[:, None] ** 2 <= 370).sum()
    total = 2 / math.pi * sum(math.exp(-2 * offset**2) for offset in offsets.tolist()) ** 2
    assert label("kde", [(95, 95, 10, 10)], 200, 200) == (pytest.approx(total / pixels, rel=1e-12), 0)


def test_kde_says_low_whatever_it_is_shown():
    assert label("kde", [(50, 50, 2, 2)] * 100, 100, 100)[1] == 0
    assert label("kde", [(0, 0, 1, 1)], 1, 1) == (pytest.approx(2 / math.pi), 0)


@pytest.mark.parametrize(
    ("method", "scores"),
    [
        ("threshold", {0: 0, 10: 0, 11: 1, 30: 1, 31: 2}),
        ("normalised", {-1: 0, 0.3329: 0, 0.333: 1, 0.666: 1, 0.6661: 2, 1.2: 2}),
        ("euclidean", {0: 0, 1.499: 0, 1.5: 1, 2.999: 1, 3: 2, math.nan: 1}),
        ("grid", {1: 0, 1.999: 0, 2: 1, 2.999: 1, 3: 2}),
        ("grid-metres", {1: 0, 1.999: 0, 2: 1, 2.999: 1, 3: 2}),
        ("kde", {0: 0, 1.999: 0, 2: 1, 2.999: 1, 3: 2}),
    ],
)
def test_ends_of_classes(method, scores):
    assert {score: density_class(method, score) for score in scores} == scores


def test_normalised_divides_boxes_by_persons():
    scene = SeedScene(100, 100, np.ones((30, 4)), persons=20)
    assert measure("normalised", scene, (10, 20)).score == 2
    without = measure("normalised", scene, (20, 20))
    assert (without.score, without.reason[:28]) == (None, "no spread: every image of th")


@pytest.mark.parametrize(
    ("method", "boxes", "kind"),
    [
        ("euclidean", [], "no boxes"),
        ("grid", [], "no boxes"),
        ("grid-metres", [], "no boxes"),
        ("kde", [], "no boxes"),
        ("kde", [(1, 1, 5, 5), (0, math.nan, 1, 1)], "broken box"),
        ("grid", [(1, 1, math.inf, 5)], "broken box"),
        ("grid", [(1, 1, 1e300, 1e300)], "broken box"),
        ("grid-metres", [(1, 1, 5, 0)], "no height"),
        ("grid-metres", [(1, 1, 5, -5)], "no height"),
        ("grid-metres", [(1, 1, 5, 1e-320)], "no height"),
        ("grid-metres", [(0, 0, 800, 2000)], "empty grid"),
        ("grid", [(-150, 1, 10, 20)], "empty grid"),
        ("kde", [(-500, 1, 82, 200)], "no density"),
    ],
)
def test_where_the_original_stops_there_is_a_reason_instead_of_a_score(method, boxes, kind):
    found = measure(method, scene_of_boxes(1920, 1080, np.array(boxes)), (0, 9))
    assert found.score is None
    assert found.reason.split(":")[0] == kind


def test_where_numpy_has_no_result_the_original_goes_on():
    assert label("euclidean", [(1, 1, 0, 5), (9, 9, 0, 5)]) == (math.inf, 2)
    assert label("euclidean", [(1, 1, 0, 5), (1, 1, 0, 5)]) == (pytest.approx(math.nan, nan_ok=True), 1)
    assert label("grid", [(1, 1, -5, 5)]) == (1.0, 0)


def test_a_box_far_before_the_frame_is_counted_all_over_the_grid():
    """25 columns: columns 0 to 22 of the box's rows hold it, since it ends 3 cells before the first column."""
    people = [(1300, 300, 30, 60), (1300, 300, 30, 60)]
    alone = label("grid", people)[0]
    with_ghost = label("grid", [*people, (-400, 300, 160, 60)])[0]
    assert alone == 2.0
    assert 1.0 < with_ghost < 2.0


def test_numbers_of_boxes_need_no_boxes_that_make_sense():
    scene = scene_of_boxes(0, 0, np.full((12, 4), np.nan))
    assert [measure(method, scene, (2, 22)).score for method in ("threshold", "normalised")] == [12, 0.5]
    assert measure("grid", scene, (2, 22)).reason == "no pixels: the image is 0 x 0"


def test_unknown_method():
    message = "'gird' is no labelling method; expected one of threshold, normalised"
    with pytest.raises(ThrongError, match=message):
        measure("gird", scene_of_boxes(9, 9, np.ones((1, 4))), (0, 1))
    with pytest.raises(ThrongError, match=message):
        density_class("gird", 1.0)


def random_scene(rng, largest):
    """Boxes of people or of anything: packed or far apart, tiny, huge, flat, twice, whole or half outside."""
    width, height = (int(side) for side in rng.integers(1, largest + 1, 2))
    count = int(rng.choice([0, 1, 2, rng.integers(3, 12), rng.integers(12, 151)], p=[0.03, 0.07, 0.1, 0.4, 0.4]))
    tall = rng.choice([2, 0.05 * largest, 0.2 * largest, 2 * largest]) * rng.lognormal(0, 0.4, count)
    wide = tall * rng.lognormal(-0.9, 0.3, count)
    spread, middle = rng.choice([0.03, 0.2, 1.5]), rng.uniform(-0.2, 1.2, 2)
    across = [rng.uniform(0, 1, (count, 2)), rng.normal(middle, spread, (count, 2))][rng.integers(2)]
    boxes = np.stack([across[:, 0] * width - wide / 2, across[:, 1] * height - tall / 2, wide, tall], axis=1)
    if rng.random() < 0.6:
        boxes = np.round(boxes)
    if rng.random() < 0.2:
        boxes[rng.random(count) < rng.choice([0.2, 1.0]), 2 + rng.integers(2)] = 0
    if rng.random() < 0.2 and count:
        boxes = boxes[rng.integers(0, count, count)]
    return width, height, boxes


def check(method, scenes, extremes=(4, 120)):
    """Compare every scene with the oracle; returns how often each class was given."""
    given = Counter()
    for number, (width, height, boxes) in enumerate(scenes):
        score, expected = seed_oracle.label(method, width, height, boxes.tolist(), extremes)
        found = measure(method, scene_of_boxes(width, height, boxes), extremes)
        where = f"{method}, scene {number}"
        assert bool(found.reason) == (found.score is None) == (score is None), where
        if found.score is not None:
            assert density_class(method, found.score) == expected, where
            assert found.score == pytest.approx(score, abs=1e-9, rel=1e-12, nan_ok=True), where
        given[expected] += 1
    return given


@pytest.mark.parametrize("method", METHODS[:-1])
def test_equals_the_oracle_in_random_scenes(method):
    rng = np.random.default_rng(1)
    largest = 300 if method == "grid-metres" else 2000  # cells of a pixel or two are slow for the oracle
    given = check(method, [random_scene(rng, largest) for _ in range(1200)])
    assert all(given[number] >= 20 for number in (0, 1, 2)), given
    assert (given[None] >= 20) == (method in ("euclidean", "grid", "grid-metres")), given


def test_kde_equals_the_oracle_in_random_scenes():
    rng = np.random.default_rng(2)
    given = check("kde", [random_scene(rng, 48) for _ in range(1000)])
    assert given[0] > 700
    assert given[None] > 20


def test_kde_equals_the_oracle_where_there_are_several_islands():
    rng = np.random.default_rng(3)
    assert check("kde", [random_scene(rng, 220) for _ in range(40)])[0] > 30


def test_islands_that_touch_at_corners_only_are_two():
    """Discs of d^2 <= 370 whose centres are 28 pixels apart in both directions; two people stand in the second."""
    people = np.array([(30, 30, 2, 2), (58, 58, 2, 2), (58, 58, 2, 2)])
    assert check("kde", [(100, 100, people)])[0] == 1
    alone, pair = label("kde", people[:1], 100, 100)[0], label("kde", people, 100, 100)[0]
    assert pair == pytest.approx(alone * 2 / 3, rel=1e-9)


@pytest.mark.slow
def test_equals_the_oracle_in_many_large_scenes():
    rng = np.random.default_rng(4)
    for method in METHODS:
        largest, scenes = {"kde": (400, 150), "grid-metres": (600, 2000)}.get(method, (4000, 4000))
        check(method, [random_scene(rng, largest) for _ in range(scenes)])


def image_row(people, **said):
    values = dict.fromkeys(ImageRow.__dataclass_fields__, "") | {"width": 640, "height": 480, "people": people}
    return ImageRow(**values | said)


def sample(text):
    line = next(odgt.lines(text.encode()))
    return crowdhuman._labels(line, Header("jpeg", 640, 480, 3)).people


def test_scene_of_a_row_has_every_full_box_and_counts_the_word_person():
    boxes = [
        {"tag": "person", "hbox": [1, 1, 2, 2], "fbox": [-3, 1, 10, 20]},
        {"tag": "person", "hbox": [1, 1, 2, 2], "fbox": [5, 6, 7, 8], "extra": {"ignore": 1}},
        {"tag": "mask", "fbox": [9, 9, 90, 9], "extra": {"ignore": 1}},
    ]
    scene = scene_of(image_row(sample(json.dumps({"ID": "a", "gtboxes": boxes}))))
    assert scene is not None
    assert (scene.width, scene.height, scene.persons) == (640, 480, 2)
    assert scene.boxes.tolist() == [[-3, 1, 10, 20], [5, 6, 7, 8], [9, 9, 90, 9]]


def test_scene_of_a_row_without_boxes():
    assert scene_of(image_row(None)) is None
    assert scene_of(image_row(sample('{"ID": "a", "gtboxes": [{"tag": "person", "hbox": [1, 1, 2, 2]}]}'))) is None
    nobody = scene_of(image_row([]))
    assert nobody is not None
    assert nobody.boxes.shape == (0, 4)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA, reason="THRONG_DATA names no folder with CrowdHuman's annotation sample")
def test_equals_the_oracle_on_crowdhuman_records():
    assert DATA
    data = (Path(DATA) / "crowdhuman/annotation_sample.odgt").read_bytes()
    lines, given = list(odgt.lines(data)), []
    extremes = min(line.data.count(b"person") for line in lines), max(line.data.count(b"person") for line in lines)
    for line in lines:
        boxes = [box.fbox for box in odgt.record(line).gtboxes]
        visible = np.array([box.vbox for box in odgt.record(line).gtboxes])
        width, height = (int(side) for side in (visible[:, :2] + visible[:, 2:]).max(0))
        people = crowdhuman._labels(line, Header("jpeg", width, height, 3)).people
        scene = scene_of(image_row(people, width=width, height=height))
        assert scene is not None
        assert scene.persons == line.data.count(b"person")
        for method in METHODS:
            found = measure(method, scene, extremes)
            score, expected = seed_oracle.label(method, width, height, boxes, extremes)
            assert found.score == pytest.approx(score, abs=1e-9, nan_ok=True), found.reason
            assert score is None or density_class(method, found.score) == expected
            given.append((method, expected))
    assert Counter(number for method, number in given if method == "threshold") == {0: 4, 1: 1}
    assert {number for method, number in given if method == "kde"} == {0}
