import numpy as np
import pytest

from throng.render.scene import make_scene, render_frame
from throng.synthesizers.streets import Streets, street_place


@pytest.mark.parametrize("index", [0, 3])
def test_the_ground_plane_is_the_cameras(index):
    scene = make_scene(7, index, 512, 384)
    people = render_frame(scene, 0, 12).people
    feet = scene.camera.project(np.stack([people.ground_m[:, 0], np.zeros(12), people.ground_m[:, 1]], axis=1))
    expected = scene.camera.focal_px * 1.7 / people.ground_m[:, 1]
    assert street_place(scene).plane.height_at(feet[:, 1]) == pytest.approx(expected)


def test_streets_are_empty_places_of_the_asked_size_each_another():
    streets = Streets(3, 256, 192)
    assert len(streets) == 3
    made = [streets.ready(index) for index in range(3)]
    assert all(background.pixels.shape == (192, 256, 3) for background in made)
    assert not np.array_equal(made[0].pixels, made[1].pixels)
    assert np.array_equal(made[2].pixels, Streets(3, 256, 192).ready(2).pixels)
    for index in range(3):
        place = streets.place(index)
        assert place.photograph is None
        inside = (place.feet[:, 1] < 191) & (place.feet[:, 0] >= 0) & (place.feet[:, 0] < 255)
        columns, rows = np.rint(place.feet[inside]).astype(int).T
        assert place.ground[rows, columns].mean() > 0.9
