"""Drawings on a tiny scene: what is drawn is where it should be, in the colour of the legend."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.density.crowd import Crowd
from throng.density.grid import Cells, cells
from throng.density.ground import Ground
from throng.density.kde import Field, field
from throng.density_audit import overlays
from throng.density_audit.overlays import BODY, HEAD, HORIZON, OUTLINES, Sheet

GREY = np.full((60, 80, 3), 100, np.uint8)
GROUND = Ground(20.0, 39.5, 4.0, 80.0, (4.0, 4.0), (80.0, 80.0))


def crowd(feet, height=16.0, ground=None) -> Crowd:
    feet = np.array(feet, float).reshape(-1, 2)
    heads = feet - (0, 0.9 * height)
    return Crowd(80, 60, float(len(feet)), heads, feet, np.full(len(feet), height), "full-boxes", ground)


def square(x, y, half=6.0) -> np.ndarray:
    return np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])


def planted(*of) -> Cells:
    corners = np.array([square(x, y) for x, y, _, _ in of]).reshape(-1, 4, 2)
    people, component = (np.array([one[n] for one in of], np.int64) for n in (2, 3))
    return Cells(corners, people, component, 1.0, "people per cell")


def like(drawn, colour) -> np.ndarray:
    """Tell of pixels whether they have a colour, but for smooth edges."""
    return (np.abs(drawn.astype(float) - colour) < 45).all(axis=-1)


def blend(colour) -> np.ndarray:
    return 100 * (1 - overlays.OPAQUE) + overlays.OPAQUE * np.array(colour, float)


def test_cells_have_the_colour_of_their_people_and_nothing_else_changes():
    drawn = overlays.draw_cells(GREY, planted((20, 20, 1, 0), (60, 40, 8, 1)), 80).astype(float)
    assert drawn.shape == GREY.shape
    assert drawn[20, 20] == pytest.approx(blend(overlays.cell_colour(1)), abs=1)
    assert drawn[40, 60] == pytest.approx(blend(overlays.cell_colour(8)), abs=1)
    changed = (drawn != 100).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert changed[15:26, 15:26].all() and changed[35:46, 55:66].all()
    near = ((abs(rows - 20) <= 7) & (abs(columns - 20) <= 7)) | ((abs(rows - 40) <= 7) & (abs(columns - 60) <= 7))
    assert near.all()


def test_the_fullest_of_overlapping_cells_shows_and_components_are_outlined():
    drawn = overlays.draw_cells(GREY, planted((20, 20, 9, 0), (26, 20, 2, 0), (60, 40, 1, 1)), 80).astype(float)
    assert drawn[20, 23] == pytest.approx(blend(overlays.cell_colour(9)), abs=1)
    assert drawn[20, 30] == pytest.approx(blend(overlays.cell_colour(2)), abs=1)
    white = like(drawn, OUTLINES[0])
    assert white[20, [14, 32]].all() and not white[20, 15:32].any(), "around the union, not between its cells"
    assert not white[30:].any(), "somebody alone has no outline"


def test_a_cell_that_reaches_behind_the_camera_is_cut_to_the_picture():
    corners = np.array([[(40, 30), (50, 30), (4e5, 9e5), (-4e5, 9e5)], [(200, 5), (210, 5), (210, 9), (200, 9)]], float)
    found = Cells(corners, np.array([1, 1]), np.array([0, 1]), 4.0, "people/m2")
    drawn = overlays.draw_cells(GREY, found, 80).astype(float)
    assert drawn[55, 45] == pytest.approx(blend(overlays.cell_colour(1)), abs=1)
    assert (drawn[:25] == 100).all() and (drawn[55, 5] == 100).all()


def test_real_cells_cover_their_people():
    group = crowd([(30, 40), (33, 41), (60, 50)], ground=GROUND)
    for method in ("grid", "grid-metres"):
        drawn = overlays.draw_cells(GREY, cells(method, group), 80)
        for x, y in group.feet.astype(int):
            assert (drawn[y, x] != 100).any()


def test_density_is_brightest_where_people_stand_and_clear_where_nobody_does():
    per_m2 = np.zeros((6, 8), np.float32)
    per_m2[4, 2] = 2.0
    drawn = overlays.draw_density(GREY, Field(per_m2 * 3, per_m2, 10), 2.0, 80)
    assert np.unravel_index(np.argmax(drawn[..., 0]), (60, 80)) == (44, 24) or drawn[45, 25, 0] == drawn[..., 0].max()
    assert (drawn[:30] == 100).all() and (drawn[:, 40:] == 100).all()
    top = overlays.heat(np.array([1.0]))[0]
    assert drawn[45, 25] == pytest.approx(0.2 * 100 + 0.8 * top.astype(float), abs=3)


def test_the_field_of_a_window_is_drawn_over_the_whole_of_it():
    group = crowd([(20, 50), (22, 52), (21, 48)], ground=GROUND)
    made = field(group, step=7)
    drawn = overlays.draw_density(GREY, made, overlays.density_top(made), 80).astype(int)
    brightness = np.abs(drawn - 100).sum(axis=2)
    row, column = np.unravel_index(np.argmax(brightness), brightness.shape)
    assert drawn.shape == GREY.shape and abs(column - 21) < 12 and abs(row - 50) < 12


@given(st.floats(0.001, 400))
def test_a_scale_ends_at_a_round_number_above_what_people_stand_in(density):
    per_m2 = np.full((3, 3), density, np.float32)
    top = overlays.density_top(Field(np.ones((3, 3), np.float32), per_m2, 1))
    assert top >= min(density, top) and top >= 0.1 * (1 - 1e-9) and (density <= top * (1 + 1e-6))
    assert top <= max(0.1, 2.5 * density) * (1 + 1e-6)
    assert f"{top:.0e}"[0] in "125"


def test_people_stand_from_feet_to_crown_under_the_horizon():
    drawn = overlays.draw_people(GREY, crowd([(40.0, 50.0)], 20.0, GROUND), 80)
    assert like(drawn[[40, 45, 49], 40], BODY).all() and like(drawn[50, 39:42], BODY).all()
    assert (drawn[55, 40] == 100).all() and like(drawn[32, 40], HEAD)
    assert like(drawn[20], HORIZON).sum() > 20 and (drawn[10] == 100).all()
    alone = overlays.draw_people(GREY, Crowd(80, 60, 1.0, np.array([(10.0, 10.0)])), 80)
    assert like(alone[10, 10], HEAD) and (alone[25:] == 100).all(), "without heights there are heads only"
    nobody = overlays.draw_people(GREY, Crowd(80, 60, 3.0), 80)
    assert (nobody == 100).all()


def test_small_pictures_are_enlarged_and_large_ones_shrunk_points_with_them():
    assert Sheet(GREY, 1000).pixels.shape == (120, 160, 3) and Sheet(GREY, 40).pixels.shape == (30, 40, 3)
    assert Sheet(GREY, 40).places(np.array([(-0.5, 59.5)])) == pytest.approx(np.array([(-0.5, 29.5)]))


def test_more_people_are_brighter_up_to_the_last_colour_of_the_legend():
    luma = [np.dot(overlays.cell_colour(2**power), (0.3, 0.6, 0.1)) for power in range(9)]
    assert luma[:7] == sorted(luma[:7]) and luma[6] == luma[7] == luma[8]
    assert overlays.cell_steps(planted((1, 1, 1, 0), (2, 2, 9, 1))) == [1, 2, 4, 8]
    assert overlays.cell_steps(planted()) == []
