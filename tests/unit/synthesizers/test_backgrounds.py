import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest

from tests.unit.synthesizers.drawn import FEET, PLANE, Drawing, image_row
from throng import rle
from throng.density.boxes import detected_boxes
from throng.errors import ThrongError
from throng.images import decode, encode_png
from throng.sections.synthesize import Gathering
from throng.synthesizers.gathering import gathered_places
from throng.synthesizers.places import BORROWED, KNOWN, KeptPlaces
from throng.synthesizers.sites import left_over, legs
from throng.workdir import Workdir


def person(box, ignore=False):
    return {
        "tag": "person", "box_id": 0, "head": None, "visible": box, "full": box, "ignore": ignore, "head_ignore": False,
        "occluded": None, "unsure": None, "head_occluded": None, "head_unsure": None,
    }  # fmt: skip


def emptied(drawing, most=10, most_painted=0.6, **said):
    config = Gathering(max_backgrounds=most, max_painted=most_painted, **said)
    with tempfile.TemporaryDirectory(dir=drawing.folder) as folder:
        places = gathered_places(drawing.material(), config, Workdir(Path(folder)), 1)
        pixels = {place.name: places.read(place.name) for place in places.places}
    return KeptPlaces(places.places, places.looks, pixels.__getitem__)


def test_a_background_is_its_photograph_emptied(tmp_path):
    drawing = Drawing(tmp_path / "town")
    name = drawing.photograph(FEET)
    backgrounds = emptied(drawing)
    (place,) = backgrounds.places
    assert (place.photograph.id, place.certainty) == (name, KNOWN)
    assert place.plane.slope == pytest.approx(PLANE.slope, rel=0.1)
    assert len(place.feet) == len(FEET)
    bare = decode(drawing.material().store.read_bytes("results", f"{name}.png"))
    assert np.array_equal(backgrounds.ready(0).pixels, bare)


def test_photographs_that_still_show_people_are_no_backgrounds(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET, emptied=False)
    with pytest.raises(ThrongError, match="no background: none of 1 training photographs is without people"):
        emptied(drawing)
    nobody = drawing.photograph()
    assert [place.photograph.id for place in emptied(drawing).places] == [nobody]


def test_a_photograph_the_detector_failed_on_is_no_background(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph()
    drawing.detections[0] = dataclasses.replace(drawing.detections[0], status="rejected", reason="broken")
    with pytest.raises(ThrongError, match="no background"):
        emptied(drawing)


def test_people_whom_the_remover_left_over_are_painted_out(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET)
    heads = [{"x": float(x), "y": float(y - 0.46 * (y - 40))} for x, y in FEET]
    left = {"x": 10.0, "y": 20.0}
    drawing.images[0] = dataclasses.replace(drawing.images[0], points=[*heads, left], count=len(FEET) + 1)
    backgrounds = emptied(drawing)
    (box,) = left_over(drawing.images[0], detected_boxes(drawing.detections[0]))
    assert box["x"] <= 10 <= box["x"] + box["w"]
    bare = decode(drawing.material().store.read_bytes("results", f"{drawing.images[0].id}.png"))
    changed = np.argwhere((backgrounds.ready(0).pixels != bare).any(axis=2))
    assert changed[:, 1].max() < box["x"] + 1.3 * box["w"]
    assert len(changed) > 0.5 * box["w"] * box["h"]


def test_people_found_but_too_unsure_to_be_removed_are_painted_out(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET)
    sure = list(range(len(FEET) - 1))
    drawing.removals[0] = dataclasses.replace(drawing.removals[0], removed=sure, detected_count=len(sure))
    unsure = drawing.detections[0].people[-1]
    bare = decode(drawing.material().store.read_bytes("results", f"{drawing.images[0].id}.png"))
    changed = np.argwhere((emptied(drawing).ready(0).pixels != bare).any(axis=2))
    assert len(changed) > 0.5 * unsure["w"] * unsure["h"]
    middle = unsure["x"] + unsure["w"] / 2, unsure["y"] + unsure["h"] / 2
    assert np.abs(changed.mean(axis=0)[::-1] - middle).max() < 2


def test_a_photograph_full_of_people_nobody_removed_is_no_background(tmp_path):
    drawing = Drawing(tmp_path / "town")
    group = person({"x": 0.0, "y": 0.0, "w": 200.0, "h": 150.0}, ignore=True)
    drawing.photograph(people=[group], points=[], count=0)
    with pytest.raises(ThrongError, match="no background"):
        emptied(drawing)


def test_a_photograph_painted_over_too_much_is_no_background(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET)
    (place,) = emptied(drawing).places
    assert emptied(drawing, most_painted=place.painted).places
    with pytest.raises(ThrongError, match=r"of 1 emptied photographs the least painted over is so by \d+%"):
        emptied(drawing, most_painted=place.painted - 0.01)


def test_a_borrowed_plane_serves_only_while_better_ones_are_few(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph()
    for _ in range(3):
        drawing.photograph(FEET)
    places = emptied(drawing, 20).places
    borrowed = [place for place in places if place.certainty == BORROWED]
    assert len(places) == 4 and len(borrowed) == 1
    assert borrowed[0].plane.slope == pytest.approx(PLANE.slope, rel=0.1)
    for _ in range(9):
        drawing.photograph(FEET)
    assert {place.certainty for place in emptied(drawing, 20).places} == {KNOWN}


def test_the_least_painted_over_are_taken_first(tmp_path):
    drawing = Drawing(tmp_path / "town")
    crowded = drawing.photograph([*FEET, (105, 135), (155, 150)])
    calm = drawing.photograph(FEET)
    assert [place.photograph.id for place in emptied(drawing, 1).places] == [calm]
    assert {place.photograph.id for place in emptied(drawing, 2).places} == {calm, crowded}


def test_what_a_smooth_remover_filled_in_is_filled_again_and_that_of_others_is_not(tmp_path):
    drawing = Drawing(tmp_path / "town")
    name = drawing.photograph(FEET)
    smeared = np.zeros((192, 256), bool)
    smeared[100:140, 60:90] = True
    mask = rle.encode(smeared, height=192, width=256)
    drawing.removals[0] = dataclasses.replace(drawing.removals[0], mask=mask, backend="opencv")
    path = drawing.folder / "results" / f"{name}.png"
    bare = decode(path.read_bytes())
    bare[smeared] = 255
    path.write_bytes(encode_png(bare))
    (place,) = emptied(drawing, refill=[]).places
    assert place.painted == pytest.approx(smeared.mean())
    assert np.array_equal(emptied(drawing, refill=[]).ready(0).pixels, bare)
    filled = emptied(drawing).ready(0).pixels
    assert filled[smeared].max() < 255
    assert np.array_equal(filled[~smeared], bare[~smeared])
    assert np.array_equal(emptied(drawing).ready(0).pixels, filled)


def test_legs_that_a_short_box_leaves_are_painted_out():
    row = image_row("i", "s", "p", (192, 256))
    feet = np.array(FEET, float)
    heights = PLANE.height_at(feet[:, 1])
    boxes = np.stack([feet[:, 0] - 8, feet[:, 1] - heights, np.full(len(feet), 16.0), heights], axis=1)
    assert legs(row, boxes, boxes) == ()
    short = boxes.copy()
    short[2, 3] *= 0.6
    (below,) = legs(row, boxes, short)
    x, y, w, h = boxes[2]
    assert (below["x"], below["w"]) == (x, w)
    assert below["y"] == pytest.approx(y + 0.6 * h)
    assert below["y"] + below["h"] == pytest.approx(y + h, rel=0.03)
    short[2, 3] *= 0.5
    assert legs(row, boxes, short) == ()
