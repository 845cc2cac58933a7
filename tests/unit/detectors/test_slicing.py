"""Tiles cover a photograph; people in two of them, or cut by a seam, are counted once."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng import rle
from throng.detectors.network import Answer
from throng.detectors.protocol import Photograph
from throng.detectors.slicing import Window, cut_off, merge, tiles
from throng.detectors.ultralytics import UltralyticsDetector
from throng.sections.detectors import Slices, Ultralytics

IOU, CONTAINED = 0.5, 0.7


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (100, 100, [(0, 0, 100, 100)]),
        (60, 100, [(0, 0, 100, 60)]),
        (100, 180, [(0, 0, 100, 100), (80, 0, 100, 100)]),
        (100, 181, [(0, 0, 100, 100), (40, 0, 100, 100), (81, 0, 100, 100)]),
        (1, 1, [(0, 0, 1, 1)]),
    ],
)
def test_known_tiles(height, width, expected):
    assert tiles(height, width, 100, 0.2) == expected


@given(st.integers(1, 400), st.integers(1, 400), st.integers(32, 200), st.floats(0, 0.9, allow_nan=False))
def test_tiles_cover_the_image_and_overlap_as_asked(height, width, side, overlap):
    windows = tiles(height, width, side, overlap)
    covered = np.zeros((height, width), bool)
    for left, top, wide, high in windows:
        assert (wide, high) == (min(side, width), min(side, height))
        assert 0 <= left <= left + wide <= width
        assert 0 <= top <= top + high <= height
        covered[top : top + high, left : left + wide] = True
    assert covered.all()
    lefts = np.unique([window.left for window in windows])
    # a start is rounded to a pixel
    assert (np.diff(lefts) <= max(1.0, side * (1 - overlap)) + 1).all()
    assert len(set(windows)) == len(windows)


def test_only_inner_edges_cut():
    window = Window(100, 0, 100, 100)  # at the top of an image of 300 x 400
    boxes = np.array(
        [[100.5, 20, 130, 60], [120, 0, 140, 50], [120, 20, 199.5, 60], [120, 60, 140, 100], [120, 20, 140, 60]]
    )
    assert cut_off(boxes, window, 300, 400).tolist() == [True, False, True, True, False]
    assert not cut_off(boxes - 100, Window(0, 0, 100, 100), 100, 100).any()


def chosen(*boxes, cut=()) -> list[int]:
    """Merge boxes given best first; those whose place is in ``cut`` are pieces."""
    scores = np.linspace(0.9, 0.5, len(boxes))
    pieces = np.isin(np.arange(len(boxes)), cut)
    return merge(np.array(boxes, float), scores, pieces, iou=IOU, contained=CONTAINED).tolist()


def test_a_piece_of_somebody_goes_however_sure_it_is():
    whole, legs = [10, 10, 30, 70], [10, 50, 30, 71]
    assert chosen(legs, whole, cut=[0]) == [1]


def test_a_large_piece_gives_way_to_the_whole_person():
    assert chosen([10, 10, 30, 60], [10, 10, 30, 70], cut=[0]) == [1]


def test_the_larger_of_two_pieces_stays_where_nobody_saw_the_whole():
    assert chosen([10, 10, 30, 30], [10, 10, 30, 60], cut=[0, 1]) == [1]


def test_a_child_before_an_adult_is_no_piece():
    assert chosen([10, 10, 50, 110], [20, 60, 40, 110]) == [0, 1]


def test_a_piece_that_nobody_contains_is_a_person():
    assert chosen([10, 10, 30, 70], [28, 50, 48, 70], cut=[1]) == [0, 1]


def test_one_person_in_two_tiles_is_one():
    assert chosen([10, 10, 30, 70], [11, 10, 31, 71], [40, 10, 60, 70]) == [0, 2]


def test_nobody_at_all():
    assert merge(np.zeros((0, 4)), np.zeros(0), np.zeros(0, bool), iou=IOU, contained=CONTAINED).tolist() == []


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 25))
def test_the_order_of_the_looks_does_not_matter(seed, count):
    random = np.random.default_rng(seed)
    starts = random.uniform(0, 50, (count, 2))
    boxes = np.concatenate([starts, starts + random.uniform(1, 30, (count, 2))], axis=1)
    scores, cut = random.permutation(count) / count, random.random(count) < 0.4
    order = random.permutation(count)
    kept = merge(boxes, scores, cut, iou=IOU, contained=CONTAINED)
    again = merge(boxes[order], scores[order], cut[order], iou=IOU, contained=CONTAINED)
    assert order[again].tolist() == kept.tolist()
    assert (np.diff(scores[kept]) <= 0).all()


class Bright:
    """A stand-in for a network: everything that is bright is a person, seen at the size it is given."""

    def __init__(self) -> None:
        self.passes: list[int] = []

    def letterbox(self, image: np.ndarray) -> np.ndarray:
        return image

    def find(self, images: list[np.ndarray]) -> list[Answer]:
        assert len({image.shape for image in images}) == 1
        self.passes.append(len(images))
        return [self._one(image[..., 0]) for image in images]

    def _one(self, image: np.ndarray) -> Answer:
        boxes, masks, scores = [], [], []
        for shade in sorted({int(shade) for shade in np.unique(image) if shade}, reverse=True):
            mask = image == shade
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            masks.append(mask)
            scores.append(shade / 256 * mask.sum() / 5000)
        order = np.argsort(scores)[::-1]
        count = len(boxes)
        return Answer(
            np.array(boxes, float).reshape(-1, 4)[order],
            np.array(scores)[order],
            np.array(masks).reshape(count, *image.shape)[order],
            count,
        )


def plaza() -> tuple[np.ndarray, dict[int, tuple[int, int, int, int]]]:
    """Return a picture of 300 x 420 with people of one shade each, and their boxes x, y, w, h by shade."""
    people = {
        10: (20, 20, 12, 30),
        20: (90, 40, 14, 36),  # across the first seam
        30: (150, 95, 12, 40),  # across a seam between rows
        40: (395, 270, 25, 30),  # in the corner
        50: (30, 110, 150, 170),  # larger than a tile's overlap, only the whole photograph shows all of it
        60: (300, 5, 10, 20),
    }
    picture = np.zeros((300, 420, 3), np.uint8)
    for shade in sorted(people, key=lambda shade: -people[shade][2]):
        x, y, w, h = people[shade]
        picture[y : y + h, x : x + w] = shade
    return picture, people


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "bright.pt"
    file.write_bytes(b"bright")
    return file


def sliced(network, weights, **options) -> UltralyticsDetector:
    slices = Slices(tile=120, overlap=0.4, **options)
    return UltralyticsDetector(Ultralytics(model="m", task="segment", slices=slices, batch=4), weights, network)


def test_people_and_their_masks_come_back_whole_and_in_place(weights):
    picture, people = plaza()
    (found,) = sliced(Bright(), weights).detect([Photograph(None, picture)])
    boxes = sorted((p["x"], p["y"], p["w"], p["h"]) for p in found.people)
    assert boxes == sorted(people.values())
    for person in found.people:
        shade = next(shade for shade, box in people.items() if box[0] == person["x"])
        assert np.array_equal(rle.decode(person["mask"], 300, 420), picture[..., 0] == shade)


class Fitted(Bright):
    """Sees everything at four times its size, if need be, in the middle of 480 x 480."""

    def letterbox(self, image: np.ndarray) -> np.ndarray:
        gain = 480 / max(image.shape[:2])
        big = cv2.resize(image, None, fx=gain, fy=gain, interpolation=cv2.INTER_NEAREST)
        self.gain = gain
        down, right = 480 - big.shape[0], 480 - big.shape[1]
        box = (down // 2, down - down // 2, right // 2, right - right // 2)
        return cv2.copyMakeBorder(big, *box, cv2.BORDER_CONSTANT, value=(0, 0, 0))


@pytest.mark.parametrize(("shape", "gain"), [((30, 40), 4.0), ((50, 24), 4.0), ((200, 240), 2.0)])
def test_a_small_picture_is_not_enlarged_without_limit(weights, shape, gain):
    picture = np.full((*shape, 3), 0, np.uint8)
    picture[8:20, 4:10] = 30
    network = Fitted()
    detector = UltralyticsDetector(Ultralytics(model="m", task="segment", imgsz=480, enlarge=4), weights, network)
    people = [p for p in detector.detect([Photograph(None, picture)])[0].people if p["w"] < 20]
    assert network.gain == gain
    (person,) = people
    assert (person["x"], person["y"], person["w"], person["h"]) == (4, 8, 6, 12)
    assert np.array_equal(rle.decode(person["mask"], *shape), picture[..., 0] == 30)


def test_a_pass_holds_no_more_than_a_batch_and_a_small_picture_is_looked_at_once(weights):
    network = Bright()
    detector = sliced(network, weights)
    detector.detect([Photograph(None, plaza()[0])])
    assert max(network.passes) == 4
    assert sum(network.passes) == 1 + len(tiles(300, 420, 120, 0.4))
    network.passes.clear()
    detector.detect([Photograph(None, plaza()[0][:120, :120])])
    assert network.passes == [1]


def test_without_the_whole_photograph_only_tiles_are_looked_at(weights):
    network = Bright()
    sliced(network, weights, whole=False).detect([Photograph(None, plaza()[0])])
    assert sum(network.passes) == len(tiles(300, 420, 120, 0.4))


class Crowd(Bright):
    """Finds so many people of 2 x 2 pixels in a whole photograph, nobody in a tile."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.people = people

    def find(self, images: list[np.ndarray]) -> list[Answer]:
        count = self.people if images[0].shape[0] == 300 else 0
        corners = 3.0 * np.stack([np.arange(count) % 100, np.arange(count) // 100], axis=1)
        answer = Answer(np.concatenate([corners, corners + 2], axis=1), np.linspace(0.9, 0.4, count), None, count)
        return [answer for _ in images]


@pytest.mark.parametrize("slices", [None, Slices(tile=120)])
@pytest.mark.parametrize("people", [301, 2999, 3000])
def test_a_crowd_is_kept_whole_or_rejected(weights, slices, people):
    detector = UltralyticsDetector(Ultralytics(model="m", slices=slices), weights, Crowd(people))
    (found,) = detector.detect([Photograph(None, np.zeros((300, 420, 3), np.uint8))])
    if people < 3000:
        assert len(found.people) == people
        assert found.rejection == ""
    else:
        assert found.people == []
        assert found.rejection.startswith("cap: 3000 people reach detect.max_det")
