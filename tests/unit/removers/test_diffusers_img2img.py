"""Rendering whole photographs again by real pipeline classes with small random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import pipelines
from throng.errors import ThrongError
from throng.removers import diffusers_img2img
from throng.removers.diffusers_img2img import frame, surrounded
from throng.removers.protocol import Remover, Request
from throng.sections.remove import DiffusersImg2Img


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


def load(model: Path, **settings: Any) -> Remover:
    quick = {"steps": 2, "prompt": "an empty place", "negative_prompt": "people", "batch": 2, "crowd_prompt": "people"}
    return diffusers_img2img.make(DiffusersImg2Img(model=str(model), **quick | settings), model)


def photograph(number: int, recipe: str = "reduce", *, height: int = 60, width: int = 90) -> Request:
    image = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    return Request(recipe, image, None, seed=number + 2**63)


@pytest.mark.parametrize("kind", ["text-to-image", "sd3"])
def test_variants_are_of_the_photographs_size_and_the_same_in_any_company(folder, kind):
    remover = load(pipelines.build(folder, kind), enlarged=1)
    requests = [
        photograph(0),
        photograph(1, "enlarge"),
        photograph(2, height=40, width=40),
        photograph(3),
        photograph(4),
    ]
    together = remover.edit(requests)
    backwards = remover.edit(requests[::-1])[::-1]
    for request, one, other in zip(requests, together, backwards, strict=True):
        assert isinstance(one, np.ndarray)
        assert one.shape == request.image.shape
        assert np.array_equal(one, other)
        assert np.array_equal(one, remover.edit([request])[0])
        assert not np.array_equal(one, request.image)


def test_another_seed_gives_another_variant(folder):
    remover = load(pipelines.build(folder, "text-to-image"))
    assert remover.recipes == ("reduce",)
    image = photograph(0).image
    first, second = remover.edit([Request("reduce", image, None, seed) for seed in (1, 2)])
    assert not np.array_equal(first, second)


def test_little_strength_stays_nearer_to_the_models_own_rendering_than_much(folder):
    model = pipelines.build(folder, "text-to-image")
    request = photograph(5)
    drawn = {strength: load(model, strength=strength, steps=50).edit([request])[0] for strength in (0.02, 0.04, 1.0)}
    least, little, much = (np.asarray(drawn[strength], float) for strength in (0.02, 0.04, 1.0))
    assert np.abs(least - little).mean() < np.abs(least - much).mean()


def test_an_enlarged_variant_keeps_the_shrunk_photograph_in_its_middle(folder):
    remover = load(pipelines.build(folder, "text-to-image"), enlarged=1, shrink=0.5)
    request = photograph(1, "enlarge")
    (edited,) = remover.edit([request])
    shown, weight = surrounded(request.image, 0.5)
    assert isinstance(edited, np.ndarray)
    assert np.array_equal(edited[weight == 1], shown[weight == 1])
    assert (weight == 1).mean() > 0.15
    assert not np.array_equal(edited[weight == 0], shown[weight == 0])


def test_images_of_a_pixel(folder):
    remover = load(pipelines.build(folder, "text-to-image"), enlarged=1)
    for recipe in ("reduce", "enlarge"):
        (edited,) = remover.edit([photograph(0, recipe, height=1, width=1)])
        assert np.asarray(edited).shape == (1, 1, 3)


@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    size=st.sampled_from([512, 1024]),
    by=st.sampled_from([8, 16]),
)
def test_a_frame_keeps_the_aspect_ratio_and_the_models_number_of_pixels(height, width, size, by):
    rows, columns = frame(height, width, size, by)
    assert rows % by == columns % by == 0
    assert min(rows, columns) >= by
    if 0.25 < height / width < 4:
        assert rows * columns == pytest.approx(size**2, rel=0.05)
        assert rows / columns == pytest.approx(height / width, rel=0.05)


@given(height=st.integers(1, 50), width=st.integers(1, 50), shrink=st.floats(0.1, 0.95))
def test_what_surrounds_a_shrunk_image_has_no_weight(height, width, shrink):
    shown, weight = surrounded(np.full((height, width, 3), 77, np.uint8), shrink)
    assert shown.shape == (height, width, 3)
    assert weight.shape == (height, width)
    assert weight.min() >= 0
    assert 0 < weight.max() <= 1
    rows, columns = max(round(height * shrink), 1), max(round(width * shrink), 1)
    assert np.count_nonzero(weight) == rows * columns


def test_a_model_that_only_fills_masks_is_one_sentence(folder):
    for kind in ("inpaint", "flux-fill"):
        with pytest.raises(ThrongError, match="cannot render images again"):
            load(pipelines.build(folder, kind), size=64)


def test_fewer_than_four_variants_are_not_syrac():
    with pytest.raises(ValueError, match="greater than or equal to 4"):
        DiffusersImg2Img(model="model", reduced=3)
