"""What every synthesizer must do, whatever it is made of."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.unit.synthesizers.drawn import prompt, town
from throng import synthesizers
from throng.errors import ThrongError
from throng.images import decode
from throng.sections.synthesize import MODULES, Synthesize
from throng.synthesizers.protocol import Material, RefusedPromptError


@pytest.fixture(scope="module", params=sorted(MODULES))
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    config = TypeAdapter(Synthesize).validate_python({"backend": request.param, "min_visible": 0.15})
    material = town(folder / "town", photographs=4).material()
    return synthesizers.load(config, material, folder), material, config


@pytest.mark.parametrize("count", [0, 1, 7, 30])
def test_count_points_and_boxes_agree_and_lie_in_the_image(made, count):
    scene = made[0].synthesize(prompt(count, seed=count))
    height, width, channels = scene.pixels.shape
    assert channels == 3 and scene.pixels.dtype == np.uint8
    assert scene.count == count
    if scene.points is None or scene.boxes is None:
        return
    assert len(scene.points) == len(scene.boxes) == count
    for point, box in zip(scene.points, scene.boxes, strict=True):
        assert box["x"] <= round(point["x"]) < box["x"] + box["w"]
        assert box["y"] <= round(point["y"]) < box["y"] + box["h"]
        assert box["x"] >= 0 and box["x"] + box["w"] <= width
        assert box["y"] >= 0 and box["y"] + box["h"] <= height


def test_the_image_follows_from_the_prompt_alone(made):
    synthesizer = made[0]
    first = synthesizer.synthesize(prompt(6, seed=1))
    synthesizer.synthesize(prompt(9, seed=2))
    again = synthesizer.synthesize(prompt(6, seed=1))
    assert np.array_equal(first.pixels, again.pixels)
    assert (first.points, first.boxes) == (again.points, again.boxes)
    assert not np.array_equal(first.pixels, synthesizer.synthesize(prompt(6, seed=3)).pixels)


def test_every_photograph_whose_pixels_are_used_is_a_parent(made):
    synthesizer, material, _ = made
    scene = synthesizer.synthesize(prompt(12))
    names = [parent.id for parent in scene.parents]
    assert names == sorted(set(names))
    assert set(names) <= material.photographs.keys()
    assert scene.background is None or scene.background.id in names


def test_what_cannot_be_met_is_refused_with_a_reason(made):
    with pytest.raises(RefusedPromptError, match=r"^[a-z ]+: "):
        made[0].synthesize(prompt(5000))


def test_without_material_one_sentence_says_so(made, tmp_path):
    nothing = Material({}, {}, {}, made[1].store)
    with pytest.raises(ThrongError, match="no background"):
        synthesizers.load(made[2], nothing, tmp_path)


def test_nobody_asked_for_gives_the_bare_background(made):
    synthesizer, material, _ = made
    scene = synthesizer.synthesize(prompt(0))
    assert scene.background is not None
    emptied = material.emptied[scene.background.id]
    assert np.array_equal(scene.pixels, decode(material.store.read_bytes("results", emptied.path)))
