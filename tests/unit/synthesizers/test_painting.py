import numpy as np
import pytest

from tests.unit.synthesizers.drawn import image_row
from throng.synthesizers.cutouts import CutOut
from throng.synthesizers.ground import GroundPlane
from throng.synthesizers.painting import paint
from throng.synthesizers.photometry import Look
from throng.synthesizers.placement import Deck, place_people
from throng.synthesizers.places import KNOWN, Background, Place

LOOK = Look((120.0, 0.0, 0.0), (50.0, 20.0, 20.0), 0.3)
PLANE = GroundPlane(0.3, 0.0)


def background(shape=(384, 512)):
    row = image_row("i", "s", "p", shape)
    place = Place("i", shape[1], shape[0], row, PLANE, KNOWN, np.zeros((0, 2)), None, 0.0)
    light = np.full((shape[0] // 32, shape[1] // 32), 120, np.float32)
    return Background(place, np.full((*shape, 3), 120, np.uint8), LOOK, light)


def flat_cutouts(number, seed=0):
    colours = np.random.default_rng(seed).integers(0, 100, (number, 3))
    made = []
    for index, colour in enumerate(colours):
        rgba = np.full((200, 60, 4), 255, np.uint8)
        rgba[..., :3] = colour
        made.append(CutOut("p", index, rgba, (30.0, 14.0), 30.0, LOOK))
    return made


@pytest.fixture(scope="module")
def scene():
    ground = background()
    rng = np.random.default_rng(1)
    people, owner = place_people(ground.place, Deck(flat_cutouts(60), rng, repeat=False), 30, 0.3, rng)
    return ground, people, owner, paint(ground, people)


def test_what_is_painted_is_who_is_seen(scene):
    _, people, owner, pixels = scene
    for index, person in enumerate(people):
        mine = owner == index
        assert np.abs(pixels[mine].astype(int) - person.cutout.rgba[0, 0, :3]).max() <= 1


def test_shadows_darken_the_ground_at_the_feet_and_nothing_far_away(scene):
    _, people, owner, pixels = scene
    bare = owner == -1
    assert pixels[bare].max() <= 120
    rows, columns = np.indices(bare.shape)
    far = bare.copy()
    for person in people:
        far &= np.hypot(columns - person.foot[0], rows - person.foot[1]) > person.height
    assert far.any()
    assert (pixels[far] == 120).all()
    near = [pixels[round(p.foot[1]) + 1, round(p.foot[0])] for p in people if p.foot[1] + 1 < bare.shape[0] - 1]
    assert np.mean(near) < 100


def test_nobody_leaves_the_background_untouched():
    ground = background()
    painted = paint(ground, [])
    assert np.array_equal(painted, ground.pixels)
    assert painted is not ground.pixels
