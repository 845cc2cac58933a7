"""Recipes that a model made: its file is found by the sha256 that the release pins, another one is refused."""

import shutil
from pathlib import Path

import pytest

from tests import pipelines
from tests.unit.gan.generators import saved
from tests.unit.release.rebuild.test_rebuild import recipes_of, shown_in
from tests.unit.release.rebuild.world import MAKERS, World
from throng.release.rebuild.rebuilding import rebuild
from throng.sections.sample_gan import Every, Sampler
from throng.sections.synthesize import Diffusers

pytestmark = pytest.mark.slow
QUICK = {"steps": 2, "batch": 2}
INPAINT = {"backend": "diffusers-inpaint", "kept": [0.5], "shams": 1, "prompt": "a place", "dilation_px": 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {kind: pipelines.build(folder, kind) for kind in ("inpaint", "text-to-image")}


@pytest.fixture(scope="module")
def world(tmp_path_factory, models):
    made = World(tmp_path_factory.mktemp("world"))
    text = models["text-to-image"]
    terms = {"licence": "a model's own", "redistributable": False}
    drawing = Diffusers(name="drawn", chunks=1, model=str(text), width=64, height=64, **QUICK, **terms)
    made.make({**INPAINT, **QUICK, "model": str(models["inpaint"])}, [MAKERS[1], drawing], models=models)
    made.draw(
        saved(made.results / "generator.safetensors", redistributable=False),
        Sampler(name="crowds", generator="x", labels=Every()),
    )
    made.release(backends=["annotations", "diffusers-inpaint", "rendered", "diffusers", "stylegan3", "r3gan"])
    return made


@pytest.fixture
def release(world):
    return world.results / "release" / "tiny"


def test_edits_and_drawn_images_come_back_identical_from_the_pinned_models(world, models, release, tmp_path):
    renamed = Path(shutil.copytree(models["inpaint"], tmp_path / "under-another-name"))
    given = [renamed, models["text-to-image"], world.results / "generator.safetensors"]
    outcome = rebuild(release, [str(world.copy)], given, tmp_path / "out")
    assert outcome.complete, outcome.first_fault
    for product in ("ranked_pairs", "fixed_count", "requested_density"):
        recipes = recipes_of(release, product)
        assert recipes
        assert shown_in(tmp_path / "out", product).keys() == recipes.keys()


def test_another_model_is_not_taken_for_the_pinned_one(world, models, release, tmp_path):
    other = pipelines.build(tmp_path, "inpaint", seed=1)
    outcome = rebuild(release, [str(world.copy)], [other, models["text-to-image"]], tmp_path / "out")
    assert set(outcome.kinds("ranked_pairs")) == set(outcome.kinds("requested_density")) == {"model not given"}
    assert not outcome.faults["fixed_count"]
    assert f"{other} has" in outcome.first_fault
    assert "inpaint with sha256" in outcome.first_fault
