"""Truth of rendered windows: areas by counting pixels, crowding by counting pairs, and tables that do not fit."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.test_detectors import image_row
from throng.density.crowd import Window, crop_window
from throng.density_audit.truth import RenderedTruth, View, crowding, window_truth
from throng.errors import ThrongError
from throng.render.camera import Camera, Ground, visible_area
from throng.render.scene import Frame, make_place, make_scene, render_frame
from throng.render.truth import SCHEMA, truth_row

CAMERA = Camera(4.0, 200.0, 40.5, 240, 180)
GROUND = Ground(-6.0, 5.0, 45.0)


@pytest.fixture(scope="module")
def frame() -> Frame:
    return render_frame(make_scene(5, 2, 320, 240), 0, 40)


def write(folder: Path, *rows: dict) -> Path:
    path = folder / "truth.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path)
    return path


def test_a_window_that_is_the_image_has_the_renderers_own_figures(frame):
    row = truth_row(frame, "crowdhuman", "train", "x.jpg")
    camera, ground = make_place(5, 2, 320, 240)
    assert (camera, ground) == (frame.camera, frame.scene.ground), "without painting it is the same place"
    told = window_truth(row, camera, ground, crop_window("none", 320, 240))
    assert told.people == 40 and told.per_m2 == pytest.approx(frame.persons_per_m2)
    assert told.crowd.ground.to_metres(told.crowd.feet) == pytest.approx(frame.people.ground_m)
    tops = told.crowd.feet[:, 1] - told.crowd.heights
    boxes = frame.people.full_box
    assert np.abs(tops - boxes[:, 1]).max() < 0.12 * boxes[:, 3].max(), "bodies reach from the feet to the crown"
    assert View.of(camera, ground, Window(0, 0, 320, 240)).area == pytest.approx(visible_area(camera, ground))


def test_people_are_those_whose_head_is_in_the_window(frame):
    row = truth_row(frame, "crowdhuman", "train", "x.jpg")
    camera, ground = make_place(5, 2, 320, 240)
    window = Window(100, 60, 80, 100)
    told = window_truth(row, camera, ground, window)
    x, y = frame.people.head_point.T
    inside = (x >= 99.5) & (x < 179.5) & (y >= 59.5) & (y < 159.5)
    assert 0 < inside.sum() < 40 and told.people == inside.sum()
    assert told.felt == pytest.approx(crowding(frame.people.ground_m[inside]))
    assert told.crowd.ground.horizon == pytest.approx(camera.horizon_px - 60)


@given(st.integers(0, 200), st.integers(0, 150), st.integers(10, 120), st.integers(10, 120))
def test_the_area_of_a_window_is_that_of_the_ground_whose_pixels_are_in_it(x, y, w, h):
    window = Window(x, y, min(w, 240 - x), min(h, 180 - y))
    across, away = np.meshgrid(np.arange(-5.975, 5, 0.05), np.arange(0.025, 45, 0.05))
    places = np.stack([across.ravel(), np.zeros(across.size), away.ravel()], 1)
    columns, rows = CAMERA.project(places).T
    seen = (columns >= window.x - 0.5) & (columns < window.x + window.w - 0.5)
    seen &= (rows >= window.y - 0.5) & (rows < window.y + window.h - 0.5)
    view = View.of(CAMERA, GROUND, window)
    assert view.area == pytest.approx(seen.sum() * 0.0025, rel=0.02, abs=0.3)
    assert view.shows(places[:, [0, 2]]).sum() == pytest.approx(seen.sum(), abs=60), "but for the edges"


def test_crowding_is_the_others_within_two_metres():
    assert crowding(np.zeros((0, 2))) == 0 and crowding(np.zeros((1, 2))) == 0
    disc = np.pi * 4
    assert crowding(np.array([[0, 0], [0, 1.9], [0, 4.0]])) == pytest.approx((1 + 1 + 0) / 3 / disc)
    assert crowding(np.array([[0, 0], [0, 2.0]])) == pytest.approx(1 / disc), "the disc's edge is in it"
    random = np.random.default_rng(1)
    many = random.uniform(0, 20, (2000, 2))
    apart = np.linalg.norm(many[:, None] - many, axis=2)
    assert crowding(many) == pytest.approx(((apart <= 2).sum(1) - 1).mean() / disc)
    assert crowding(many) == pytest.approx(2000 / 400, rel=0.12), "people per square metre, less at the edges"


def test_photographs_are_found_by_source_and_path(frame, tmp_path):
    path = write(tmp_path, truth_row(frame, "crowdhuman", "train", "crowdhuman/a.zip/Images/x.jpg"))
    roots = {"results": tmp_path.parent / "elsewhere", "ch": tmp_path / "crowdhuman", "mine": tmp_path.parent / "mine"}
    truth = RenderedTruth(path, 5, roots)
    window = Window(0, 0, 320, 240)
    told = truth.of(image_row(240, 320, "a", source="ch", path="a.zip/Images/x.jpg"), window)
    assert told is not None and told.people == 40
    assert truth.of(image_row(240, 320, "a", source="mine", path="a.zip/Images/x.jpg"), window) is None
    with pytest.raises(ThrongError, match=r"does not know a.zip/y.jpg of source 'ch'.*render again"):
        truth.of(image_row(240, 320, "a", source="ch", path="a.zip/y.jpg"), window)
    with pytest.raises(ThrongError, match="rendered with another seed or release"):
        RenderedTruth(path, 6, roots).of(image_row(240, 320, "a", source="ch", path="a.zip/Images/x.jpg"), window)


def test_a_truth_of_other_sources_or_no_truth_at_all_is_refused(frame, tmp_path):
    path = write(tmp_path, truth_row(frame, "crowdhuman", "train", "x.jpg"))
    with pytest.raises(ThrongError, match="knows none of the sources"):
        RenderedTruth(path, 5, {"mine": tmp_path.parent / "mine"})
    path.write_bytes(b"PAR1")
    with pytest.raises(ThrongError, match="no table of rendered truth"):
        RenderedTruth(path, 5, {"ch": tmp_path})
