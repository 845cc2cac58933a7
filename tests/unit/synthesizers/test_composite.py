import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.synthesizers.drawn import FEET, Drawing, prompt, town
from throng import rle
from throng.sections.synthesize import Composite
from throng.synthesizers.composite import make, outlines
from throng.synthesizers.gathering import gather
from throng.synthesizers.protocol import Scene
from throng.workdir import Workdir


def composing(config, material, folder):
    return make(config, gather(material, config.gathering, Workdir(folder / "work"), 1))


@pytest.fixture(scope="module")
def compositor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("composite")
    config = Composite(name="composite", min_visible=0.15)
    return composing(config, town(folder / "town", photographs=4).material(), folder)


def test_outlines_are_the_pixels_of_the_map():
    owner = np.full((6, 8), -1, np.int32)
    owner[1:4, 2:5] = 1
    owner[2:5, 3:7] = 0
    boxes, masks = outlines(owner, 2)
    assert [tuple(box.values()) for box in boxes] == [(3, 2, 4, 3), (2, 1, 3, 3)]
    for person, mask in enumerate(masks):
        assert np.array_equal(rle.decode(mask, 6, 8), owner == person)
    assert outlines(np.full((6, 8), -1, np.int32), 0) == ([], [])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_masks_are_disjoint_and_together_the_map(count, seed):
    rng = np.random.default_rng(seed)
    owner = rng.integers(-1, count, (13, 17)).astype(np.int32)
    owner.ravel()[rng.permutation(owner.size)[:count]] = np.arange(count)
    masks = np.array([rle.decode(mask, 13, 17) for mask in outlines(owner, count)[1]])
    assert (masks.sum(axis=0) == (owner >= 0)).all()
    assert all((owner[mask] == person).all() for person, mask in enumerate(masks))


def test_masks_share_no_pixel_and_hold_their_heads(compositor):
    (scene,) = compositor.synthesize([prompt(9)])
    seen = np.zeros(scene.pixels.shape[:2], bool)
    for point, box, mask in zip(scene.points, scene.boxes, scene.masks, strict=True):
        mine = rle.decode(mask, *seen.shape)
        assert not (mine & seen).any()
        assert mine[round(point["y"]), round(point["x"])]
        assert mine.sum() <= box["w"] * box["h"]
        seen |= mine
    assert scene.count == 9 == len(scene.masks)


def test_a_density_gives_so_many_people_as_it_allows(compositor):
    for seed in range(6):
        (scene,) = compositor.synthesize([prompt(None, seed=seed, density="sparse", fewest=3, most=8)])
        assert 3 <= scene.count <= 8


def test_the_strictest_terms_of_all_parents_count(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET)
    drawing.photograph(FEET, licence="academic use", redistributable=False)
    compositor = composing(Composite(name="composite", min_visible=0.15), drawing.material(), tmp_path)
    (mixed,) = compositor.synthesize([prompt(9)])
    assert {parent.licence for parent in mixed.parents} == {"CC0-1.0", "academic use"}
    assert (mixed.licence, mixed.redistributable) == ("CC0-1.0 AND academic use", False)
    for seed in range(4):
        (empty,) = compositor.synthesize([prompt(0, seed=seed)])
        assert (empty.licence, empty.redistributable) == (empty.background.licence, empty.background.redistributable)


@pytest.mark.parametrize("backgrounds", ["rendered", "both"])
def test_people_stand_on_rendered_streets_which_are_no_photographs(tmp_path, backgrounds):
    config = Composite(
        name="composite", min_visible=0.15, backgrounds=backgrounds, max_backgrounds=3, street_size=(256, 192)
    )
    material = town(tmp_path / "town").material()
    compositor = composing(config, material, tmp_path)
    scenes = compositor.synthesize([prompt(8, seed=seed) for seed in range(12)])
    assert all(isinstance(scene, Scene) and scene.count == 8 for scene in scenes)
    kinds = {scene.background is None for scene in scenes}
    assert kinds == ({True} if backgrounds == "rendered" else {True, False})
    for scene in scenes:
        assert {parent.id for parent in scene.parents} <= material.photographs.keys()
        assert scene.parents and scene.pixels.shape == (192, 256, 3)


def test_streets_need_no_emptied_photograph_and_carry_their_own_licence(tmp_path):
    drawing = Drawing(tmp_path / "town")
    drawing.photograph(FEET, emptied=False, licence="academic use", redistributable=False)
    config = Composite(name="composite", backgrounds="rendered", max_backgrounds=2, street_size=(256, 192))
    compositor = composing(config, drawing.material(), tmp_path)
    empty, peopled = compositor.synthesize([prompt(0), prompt(2)])
    assert (empty.licence, empty.redistributable, empty.parents) == ("CC0-1.0", True, [])
    assert (peopled.licence, peopled.redistributable) == ("CC0-1.0 AND academic use", False)


def test_nobody_stands_twice_and_too_small_a_library_is_refused(tmp_path):
    material = town(tmp_path / "town", photographs=2).material()
    config = {"name": "composite", "min_visible": 0.05}
    strict = composing(Composite(**config), material, tmp_path)
    loose = composing(Composite(**config, repeat_cutouts=True), material, tmp_path)
    (refusal,) = strict.synthesize([prompt(30)])
    assert refusal.startswith("too few cut-outs: 30 people requested, ")
    (scene,) = loose.synthesize([prompt(30)])
    assert scene.count == 30
    assert (strict.options["repeat_cutouts"], loose.options["repeat_cutouts"]) == (False, True)
