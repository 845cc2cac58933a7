import numpy as np
import pytest

from tests.unit.synthesizers.drawn import prompt
from throng.errors import ThrongError
from throng.render.scene import make_scene, render_counted
from throng.sections.synthesize import Rendered
from throng.synthesizers import load, rendered
from throng.synthesizers.protocol import Scene


@pytest.fixture(scope="module")
def renderer(tmp_path_factory):
    return load(Rendered(name="r", width=160, height=120), None, tmp_path_factory.mktemp("scratch"))


def test_a_density_gives_so_many_people_as_it_allows(renderer):
    asked = [prompt(None, seed=seed, density="dense", fewest=30, most=90) for seed in range(5)]
    counts = [scene.count for scene in renderer.synthesize(asked)]
    assert all(30 <= count <= 90 for count in counts) and len(set(counts)) > 1


@pytest.mark.parametrize("seed", [0, 1])
def test_no_scene_of_the_stage_render_comes_again(renderer, seed):
    """The scenes of a dataset's seed may be held out; a prompt's seed may be that number."""
    (scene,) = renderer.synthesize([prompt(3, seed=seed)])
    for index in range(4):
        assert not np.array_equal(scene.pixels, render_counted(make_scene(seed, index, 160, 120), 0, 3).image)


def test_a_full_place_is_given_up_for_the_next(renderer, monkeypatch):
    tried = []

    def full_but_for_the_last(scene, frame_index, count):
        tried.append(scene.seed)
        if len(tried) < rendered.PLACES_TRIED:
            raise ThrongError("full")
        return render_counted(scene, frame_index, count)

    monkeypatch.setattr(rendered, "render_counted", full_but_for_the_last)
    (scene,) = renderer.synthesize([prompt(5)])
    assert isinstance(scene, Scene) and scene.count == 5
    assert len(set(tried)) == rendered.PLACES_TRIED


def test_terms_are_the_renderers_own(renderer):
    (scene,) = renderer.synthesize([prompt(1)])
    assert (scene.licence, scene.redistributable, scene.parents, scene.background) == ("CC0-1.0", True, [], None)
