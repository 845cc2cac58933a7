"""Recipes turned into pixels again, from the user's own copy: identical by hash, or said to be otherwise, and why."""

import shutil

import pytest

from tests.unit.release.rebuild.world import World
from throng.release.rebuild.rebuilding import rebuild


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    made.make()
    made.release()
    return made


@pytest.fixture
def release(world, tmp_path):
    return shutil.copytree(world.results / "release" / "tiny", tmp_path / "tiny")


def test_every_recipe_is_rebuilt_identical(world, release, tmp_path):
    outcome = rebuild(release, [str(world.copy)], [], tmp_path / "out")
    assert outcome.complete, outcome.faults
    print(outcome)
