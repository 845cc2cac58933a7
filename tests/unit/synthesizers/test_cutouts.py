import dataclasses
import json

import numpy as np
import pytest

from tests.unit.synthesizers.drawn import FEET, Drawing, draw_person, ground_colour, image_row, town
from throng.errors import ThrongError
from throng.sections.synthesize import Gathering
from throng.synthesizers import cutting
from throng.synthesizers.cutouts import packed, unpacked
from throng.synthesizers.cutting import build_library, candidates, finished
from throng.synthesizers.photometry import Look
from throng.synthesizers.silhouette import grab, head_point, whole, with_bags
from throng.tables.detections import Detection, DetectionRow
from throng.workdir import Workdir

LOOK = Look((120.0, 0.0, 0.0), (50.0, 5.0, 5.0), 1.0)
SHAPE = (768, 1024)


def found(boxes, backend="ultralytics"):
    people = [Detection(**dict(zip("xywh", box, strict=True)), score=1.0, mask=None) for box in boxes]
    return DetectionRow("i", backend, people, "ok", "")


@pytest.mark.parametrize(
    ("boxes", "chosen"),
    [
        ([(100, 100, 40, 120)], [0]),
        ([(100, 100, 40, 30)], []),
        ([(100, 100, 110, 120)], []),
        ([(100, 100, 20, 120)], []),
        ([(0, 100, 40, 120)], []),
        ([(100, 655, 40, 112)], []),
        ([(100, 100, 40, 120), (110, 130, 40, 120)], []),
        ([(100, 100, 40, 120), (136, 110, 40, 120)], [1]),
        ([(100, 100, 40, 120), (200, 90, 50, 150)], [1, 0]),
    ],
    ids=[
        "whole",
        "small",
        "wide",
        "thin",
        "cut by the frame",
        "cut below",
        "both hidden",
        "one in front",
        "tallest first",
    ],
)
def test_whom_to_cut_out(boxes, chosen):
    assert candidates(image_row("i", "s", "p", SHAPE), found(boxes), 40) == chosen


def test_two_heads_in_a_box_are_two_people():
    row = image_row("i", "s", "p", SHAPE, points=[{"x": 110.0, "y": 110.0}, {"x": 125.0, "y": 118.0}], count=2)
    assert candidates(row, found([(100, 100, 40, 120)]), 40) == []


def test_boxes_guessed_from_heads_are_no_boxes():
    row = image_row("i", "s", "p", SHAPE)
    assert candidates(row, found([(100, 100, 40, 120)], backend="annotations"), 40) == []
    assert candidates(dataclasses.replace(row, people=[]), found([(100, 100, 40, 120)], backend="annotations"), 40)


def test_who_is_shorter_than_the_ground_plane_says_has_hidden_feet():
    boxes = [(20.0 + 120 * i, 200.0 + 15 * i, 33.0 + 5 * i, 100.0 + 15 * i) for i in range(8)]
    x, y, w, h = boxes[5]
    boxes[5] = (x, y, w, h * 0.6)
    assert set(candidates(image_row("i", "s", "p", SHAPE), found(boxes), 40)) == set(range(8)) - {5}


def test_the_head_is_found_at_the_top_of_the_outline():
    mask = draw_person(np.zeros((200, 120, 3), np.uint8), (60, 180), 150, 255)
    x, y = head_point(mask)
    assert (x, y) == pytest.approx((60, 31 + 0.08 * 150), abs=3)
    assert mask[round(y), round(x)]


def test_an_outline_in_pieces_is_no_person():
    box = (0.0, 0.0, 40.0, 120.0)
    assert whole(np.zeros((120, 40), bool), box) is None
    halves = np.zeros((120, 40), bool)
    halves[:50, 6:34] = halves[70:, 12:28] = True
    assert whole(halves, box) is None
    halves[50:70, 6:34] = True
    halves[60:62, 18:20] = False
    body = whole(halves, box)
    assert body is not None and body[61, 19]


def test_who_is_cut_off_at_the_waist_does_not_stand():
    mask = draw_person(np.zeros((240, 140, 3), np.uint8), (70, 220), 200, 255)
    assert whole(mask, (44.0, 21.0, 52.0, 200.0)) is not None
    mask[120:] = False
    assert whole(mask, (44.0, 21.0, 52.0, 99.0)) is None


def test_grabcut_finds_a_person_in_its_box_the_same_way_every_time():
    rng = np.random.default_rng(2)
    pixels = ground_colour(rng, (220, 140))
    truth = draw_person(pixels, (70, 200), 170, (200, 30, 40))
    box = (50.0, 31.0, 41.0, 170.0)
    mine = grab(pixels, box, np.zeros((0, 4)))
    assert mine is not None
    assert (mine & truth).sum() / (mine | truth).sum() > 0.85
    assert np.array_equal(mine, grab(pixels, box, np.zeros((0, 4))))


def test_grabcut_gives_up_where_there_is_nothing_to_tell_apart():
    assert grab(np.full((120, 80, 3), 90, np.uint8), (20.0, 10.0, 40.0, 100.0), np.zeros((0, 4))) is None


def test_a_rucksack_that_the_outline_leaves_out_is_found_and_the_ground_beside_it_is_not():
    rng = np.random.default_rng(4)
    pixels = ground_colour(rng, (260, 160))
    truth = draw_person(pixels, (80, 240), 200, (40, 60, 150))
    rucksack = np.zeros_like(truth)
    rucksack[90:125, 62:84] = True
    pixels[rucksack] = (60, 70, 130)
    assert (truth & rucksack).sum() > 0.6 * rucksack.sum()
    found = with_bags(pixels, truth & ~rucksack)
    assert (found & rucksack & truth).sum() > 0.9 * (rucksack & truth).sum()
    assert (found & ~truth & ~rucksack).sum() < 0.01 * truth.sum()
    assert np.array_equal(with_bags(pixels, truth)[~rucksack], truth[~rucksack])


def test_a_cutout_is_trimmed_feathered_and_premultiplied():
    pixels = np.full((700, 300, 3), 255, np.uint8)
    mask = draw_person(pixels, (150, 650), 600, (90, 80, 70))
    cutout = finished(pixels, mask, "i", 3, LOOK)
    assert cutout.height == 384
    assert (cutout.rgba[..., :3] <= cutout.rgba[..., 3:].astype(int) + 1).all()
    assert set(np.unique(cutout.rgba[200, :, 3])) > {0, 255}
    assert cutout.head == pytest.approx((cutout.rgba.shape[1] / 2, 0.08 * 384), abs=8)
    assert cutout.look.blur == pytest.approx(384 / 600, rel=0.02)
    assert cutout.resized(60, 15, mirrored=True).shape == (60, 15, 4)


def library(material, folder, least=40, most=100, threads=1):
    return build_library(material, Gathering(min_cutout_height=least, max_cutouts=most), Workdir(folder), threads)


def assert_same(library, other):
    assert 0 < len(library) == len(other)
    for one, two in zip(library, other, strict=True):
        assert np.array_equal(one.rgba, two.rgba)
        assert dataclasses.replace(one, rgba=two.rgba) == two


def test_the_library_is_the_same_by_more_threads_and_read_back(tmp_path):
    material = town(tmp_path / "town").material()
    first = library(material, tmp_path / "a")
    assert_same(first, library(material, tmp_path / "b", threads=3))
    entries, pixels = packed(first)
    assert_same(first, unpacked(json.loads(json.dumps(entries)), pixels))


def test_nobody_is_cut_out_twice_by_a_job_that_was_stopped(tmp_path, monkeypatch):
    material = town(tmp_path / "town").material()
    monkeypatch.setattr(cutting, "AT_ONCE", 2)
    calm, done = cutting.cut, []

    def stopped(*given):
        if given[1].id not in done:
            done.append(given[1].id)
        if len(done) == 3:
            raise OSError("the disk failed")
        return calm(*given)

    monkeypatch.setattr(cutting, "cut", stopped)
    with pytest.raises(OSError):
        library(material, tmp_path / "a")
    again = []
    monkeypatch.setattr(cutting, "cut", lambda *given: again.append(given[1].id) or calm(*given))
    assert_same(library(material, tmp_path / "a"), library(material, tmp_path / "b"))
    assert not set(again[: again.index(done[2]) + 1]) & set(done[:2])


def test_the_library_has_a_limit_and_a_least_height(tmp_path):
    material = town(tmp_path / "town").material()
    assert len(library(material, tmp_path / "a", most=4)) == 4
    assert all(cutout.height >= 55 for cutout in library(material, tmp_path / "b", least=55))


def test_without_anybody_to_cut_out_one_sentence_says_what_to_do(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET, [20] * len(FEET))
    with pytest.raises(
        ThrongError, match=r"no pedestrian cut-out: of 1 training photographs 1 have detections.*min_cutout"
    ):
        library(drawing.material(), tmp_path / "a", most=10)
