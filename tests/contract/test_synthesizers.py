"""What every synthesizer must do, whatever it is made of."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests import pipelines
from tests.rows import prompt_row
from tests.unit.synthesizers.drawn import town
from throng import rle, synthesizers
from throng.sections.synthesize import MODULES, Composite, Diffusers, Rendered
from throng.synthesizers.gathering import gather
from throng.synthesizers.protocol import Scene
from throng.workdir import Workdir

EXACT = ("composite", "rendered")
COUNTS = [0, 1, 7, 14]
ASKED = [
    *(prompt_row(id=f"c{count}", count=count, text=f"{count} people", seed=2**63 + count) for count in COUNTS),
    prompt_row(id="d", count=None, density="sparse", fewest=2, most=9, text="a few people", negative="a blur", seed=3),
]


def composite(folder):
    config = Composite(name="made", min_visible=0.15)
    gathered = gather(town(folder / "town", photographs=4).material(), config.gathering, Workdir(folder / "work"), 1)
    return config, gathered, {}


def rendered(_folder):
    return Rendered(name="made", width=192, height=144), None, {}


def diffusers(folder):
    model = pipelines.build(folder, "text-to-image")
    return Diffusers(name="made", model="model", licence="any", steps=2, batch=3), None, {"model": [model]}


BACKENDS = {"composite": composite, "diffusers": diffusers, "rendered": rendered}


@pytest.fixture(scope="module", params=sorted(MODULES))
def given(request, tmp_path_factory):
    """Everything that the backend's load is called with."""
    folder = tmp_path_factory.mktemp(request.param)
    return BACKENDS[request.param](folder)


@pytest.fixture(scope="module")
def made(given):
    return synthesizers.load(*given)


@pytest.fixture(scope="module")
def scenes(made):
    found = made.synthesize(ASKED)
    assert all(isinstance(one, Scene) for one in found), found
    return list(found)


def assert_same(one, other):
    assert np.array_equal(one.pixels, other.pixels)
    said = (one.count, one.points, one.boxes, one.masks, one.background, one.parents, one.licence)
    assert said == (other.count, other.points, other.boxes, other.masks, other.background, other.parents, other.licence)


def test_every_prompt_gets_its_image_in_order(scenes):
    assert len(scenes) == len(ASKED)
    for scene in scenes:
        assert scene.pixels.dtype == np.uint8 and scene.pixels.ndim == 3 and scene.pixels.shape[2] == 3
        assert scene.licence


def test_the_count_is_what_was_asked_for_or_not_known_at_all(given, scenes):
    for prompt, scene in zip(ASKED, scenes, strict=True):
        if given[0].backend in EXACT:
            assert prompt.fewest <= scene.count <= prompt.most
            assert scene.count == len(scene.points) == len(scene.boxes) == len(scene.masks)
        else:
            assert scene.count is scene.points is scene.boxes is scene.masks is None


def test_points_boxes_and_masks_agree_with_each_other_and_the_image(given, scenes):
    if given[0].backend not in EXACT:
        pytest.skip("nothing is known of single people")
    for scene in scenes:
        height, width, _ = scene.pixels.shape
        seen = np.zeros((height, width), bool)
        for point, box, mask in zip(scene.points, scene.boxes, scene.masks, strict=True):
            pixels = rle.decode(mask, height, width)
            rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
            assert (box["x"], box["y"]) == (columns[0], rows[0])
            assert (box["w"], box["h"]) == (columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
            assert 0 <= point["x"] <= width - 1 and 0 <= point["y"] <= height - 1
            assert not (pixels & seen).any()
            seen |= pixels


def test_an_image_is_the_same_alone_in_any_order_and_from_another_load(given, made, scenes):
    for prompt, scene in zip(ASKED, scenes, strict=True):
        assert_same(made.synthesize([prompt])[0], scene)
    again = synthesizers.load(*given)
    for scene, other in zip(scenes, again.synthesize(ASKED[::-1])[::-1], strict=True):
        assert_same(scene, other)


def test_who_says_parallel_may_be_called_by_several_threads(made, scenes):
    if not made.parallel:
        pytest.skip("called by one thread at a time")
    with ThreadPoolExecutor(4) as pool:
        for (one,), scene in zip(pool.map(lambda prompt: made.synthesize([prompt]), ASKED), scenes, strict=True):
            assert_same(one, scene)


def test_seed_and_count_decide(made, scenes):
    others = [{"count": 7, "text": "7 people", "seed": 5}, {"count": 8, "text": "8 people", "seed": 2**63 + 7}]
    for other in made.synthesize([prompt_row(**said) for said in others]):
        assert isinstance(other, Scene)
        assert not np.array_equal(other.pixels, scenes[2].pixels)


def test_every_photograph_whose_pixels_are_used_is_a_parent(given, scenes):
    for scene in scenes:
        names = [parent.id for parent in scene.parents]
        assert names == sorted(set(names))
        assert bool(names) == given[0].NEEDS_MATERIAL
        assert given[1] is None or set(names) <= given[1].photographs.keys()
        assert scene.background is None or scene.background.id in names


def test_what_cannot_be_met_is_refused_with_a_kind_and_a_detail(given, made):
    if given[0].backend not in EXACT:
        pytest.skip("draws whatever is asked for")
    refused, fine = made.synthesize([prompt_row(count=50_000, seed=1), prompt_row(count=1, seed=1)])
    assert re.match(r"^[a-z -]+: .*50000", refused)
    assert isinstance(fine, Scene)


def test_what_decides_the_image_is_said_as_plain_data(made):
    assert json.loads(json.dumps(dict(made.options))) == dict(made.options)
    assert made.model is None or all(isinstance(value, str) for value in made.model.values())
    assert made.batch >= 1


def test_where_counts_are_exact_the_text_plays_no_part(given, made):
    if given[0].backend not in EXACT:
        pytest.skip("the text decides")
    some = [prompt_row(id=name, count=4, text=text, seed=9) for name, text in (("a", "a square"), ("b", "a street"))]
    assert_same(*made.synthesize(some))
