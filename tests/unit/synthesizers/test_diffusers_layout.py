"""Maps of a rendered crowd, against what the renderer knows of it."""

import numpy as np
import pytest

from tests.rows import prompt_row
from throng.render.scene import Frame
from throng.synthesizers.diffusers_layout import BUILDING, MAPS, PERSON, ROAD
from throng.synthesizers.rendered import frame_of


@pytest.fixture(scope="module")
def frame() -> Frame:
    rendered = frame_of(prompt_row(count=9, seed=4), 320, 200, "layout")
    assert isinstance(rendered, Frame)
    return rendered


def test_just_as_many_people_as_asked_for_are_laid_out(frame):
    assert frame.count == 9
    assert set(np.unique(frame.instances)) == set(range(10))


@pytest.mark.parametrize("name", MAPS)
def test_every_map_is_a_picture_of_the_layouts_size(frame, name):
    drawn = MAPS[name](frame)
    assert drawn.shape == (200, 320, 3)
    assert drawn.dtype == np.uint8
    assert len(np.unique(drawn)) > 1


def test_segmentation_has_people_where_they_are_seen(frame):
    drawn = MAPS["segmentation"](frame)
    assert np.array_equal((drawn == PERSON).all(axis=2), frame.instances > 0)
    rest = frame.instances == 0
    assert np.array_equal((drawn == ROAD).all(axis=2) & rest, frame.scene.is_ground & rest)
    assert np.array_equal((drawn == BUILDING).all(axis=2), ~frame.scene.is_ground & rest)


def test_edges_are_white_on_black_and_few(frame):
    drawn = MAPS["canny"](frame)
    assert set(np.unique(drawn)) == {0, 255}
    assert 0.01 < (drawn == 255).mean() < 0.4


def test_depth_falls_with_distance(frame):
    drawn = MAPS["depth"](frame)[..., 0].astype(int)
    people, metres = frame.people, frame.people.ground_m[:, 1]
    grey = np.array([drawn[frame.instances == number + 1].mean() for number in range(len(people))])
    for number in range(len(people)):
        assert np.ptp(drawn[frame.instances == number + 1]) == 0  # one person, one depth
    order = np.argsort(metres)
    assert (np.diff(grey[order]) <= 0).all()
    assert grey[order[0]] > grey[order[-1]]
    inverse = np.polynomial.Polynomial.fit(1 / metres, grey, 1)
    assert np.abs(inverse(1 / metres) - grey).max() <= 1  # linear in inverse depth, but for rounding
    ground = np.where(frame.scene.is_ground & (frame.instances == 0), drawn, -1).max(axis=1)
    seen = ground[ground >= 0]
    assert (np.diff(seen) >= 0).all()  # from the horizon down, the ground comes nearer


def test_nobody_to_lay_out_leaves_an_empty_place():
    empty = frame_of(prompt_row(count=0, seed=4), 128, 128, "layout")
    assert isinstance(empty, Frame)
    assert not (MAPS["segmentation"](empty) == PERSON).all(axis=2).any()
    assert MAPS["depth"](empty).max() == 255
