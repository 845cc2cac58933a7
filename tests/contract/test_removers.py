"""One suite for every remover that fills masks: what is outside is untouched, and nothing depends on the company."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import inpainters, pipelines
from throng import removers
from throng.errors import ThrongError
from throng.removers.protocol import Remover, Request
from throng.sections.remove import MODULES, DiffusersInpaint, Lama, OpenCV, Remove, Variants

# a section and the weights that it needs, made in a folder
Made = tuple[Remove, Path | None]


def _lama(folder: Path, size: int | None) -> Made:
    model = inpainters.build(folder / "mean.onnx", size=size)
    return Lama(model=str(model), size=size, context=8), model


def _diffusers(folder: Path) -> Made:
    model = pipelines.build(folder, "inpaint")
    return DiffusersInpaint(model=str(model), steps=1, batch=2, size=64), model


CONFIGS: dict[str, Callable[[Path], Made]] = {
    "opencv telea": lambda _: (OpenCV(method="telea"), None),
    "opencv navier-stokes": lambda _: (OpenCV(method="navier-stokes", radius=4.5), None),
    "lama any size": lambda folder: _lama(folder, None),
    "lama fixed size": lambda folder: _lama(folder, 32),
    "diffusers-inpaint": _diffusers,
}
UNTRAINED = {"diffusers-inpaint"}  # random weights paint noise


def test_every_backend_that_fills_masks_is_in_the_suite():
    rendering = {get_args(one.model_fields["backend"].annotation)[0] for one in Variants.__subclasses__()}
    assert {name.split()[0] for name in CONFIGS} == set(MODULES) - rendering


@pytest.fixture(scope="module", params=CONFIGS)
def remover(request, tmp_path_factory) -> Remover:
    return removers.load(*CONFIGS[request.param](tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module", params=sorted(CONFIGS.keys() - UNTRAINED))
def trained(request, tmp_path_factory) -> Remover:
    return removers.load(*CONFIGS[request.param](tmp_path_factory.mktemp("weights")))


def textured(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def rectangle(height: int, width: int, *, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top:bottom, left:right] = True
    return mask


def fill(image: np.ndarray, mask: np.ndarray, seed: int = 0) -> Request:
    return Request("chain", image, mask, seed)


def edit(remover: Remover, *requests: Request) -> list[np.ndarray]:
    """Edit, none of it refused."""
    made = remover.edit(requests)
    images = [image for image in made if isinstance(image, np.ndarray)]
    assert len(images) == len(requests), made
    return images


def test_pixels_outside_the_mask_stay_bit_identical_and_the_source_is_not_written_to(remover):
    image = textured(60, 90)
    before = image.copy()
    small = rectangle(60, 90, top=10, left=20, bottom=30, right=40)
    large = small | rectangle(60, 90, top=0, left=70, bottom=60, right=90)
    first, second = edit(remover, fill(image, small, seed=3), fill(image, large, seed=4))
    assert np.array_equal(image, before)
    for edited, mask in ((first, small), (second, large)):
        assert edited.dtype == np.uint8
        assert np.array_equal(edited[~mask], image[~mask])
        assert not np.array_equal(edited[mask], image[mask])


def test_a_person_on_an_even_ground_vanishes(trained):
    image = np.full((80, 100, 3), (90, 120, 150), np.uint8)
    image[20:70, 40:60] = (250, 10, 10)
    mask = rectangle(80, 100, top=18, left=38, bottom=72, right=62)
    (edited,) = edit(trained, fill(image, mask))
    assert np.abs(edited.astype(int) - (90, 120, 150)).max() <= 6  # Telea's rounding drifts over large areas


def test_the_result_depends_on_image_mask_and_seed_alone(remover):
    image = textured(50, 50)
    one = rectangle(50, 50, top=5, left=5, bottom=15, right=15)
    other = one | rectangle(50, 50, top=30, left=30, bottom=40, right=45)
    together = edit(remover, fill(image, one), fill(image, other, seed=5))
    assert np.array_equal(edit(remover, fill(image, other, seed=5))[0], together[1])
    assert np.array_equal(edit(remover, fill(image, one))[0], together[0])


def test_no_masks_no_edits_and_an_empty_mask_changes_nothing(remover):
    image = textured(20, 20)
    assert list(remover.edit([])) == []
    (same,) = edit(remover, fill(image, np.zeros((20, 20), bool)))
    assert np.array_equal(same, image)


def test_images_of_a_few_pixels(remover):
    for shape in ((1, 2), (2, 2), (3, 1)):
        mask = np.zeros(shape, bool)
        mask.flat[0] = True
        (edited,) = edit(remover, fill(textured(*shape), mask))
        assert np.array_equal(edited[~mask], textured(*shape)[~mask])


@pytest.mark.parametrize("mask", [np.zeros((20, 21), bool), np.zeros((20, 20), np.uint8), np.zeros((20, 20, 1), bool)])
def test_a_mask_of_another_size_or_kind_is_refused_in_words(mask):
    with pytest.raises(ThrongError, match=r"an image of \(20, 20\) pixels .* needs a bool mask of that size; got"):
        fill(textured(20, 20), mask)


def test_what_a_row_records_can_be_written_as_json(remover):
    assert {"chain", "sham"} == set(remover.recipes)
    assert remover.model is None or all(len(value) > 0 for value in remover.model.values())
    assert remover.batch >= 1


@settings(deadline=None, max_examples=40)
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 70), st.integers(0, 90), st.integers(1, 30), st.integers(1, 25)),
        min_size=1,
        max_size=8,
    ),
    method=st.sampled_from(["telea", "navier-stokes"]),
    radius=st.sampled_from([1.0, 3.0, 5.5]),
)
def test_opencv_on_a_frame_about_the_mask_equals_opencv_on_the_whole_image(boxes, method, radius):
    image = textured(80, 100)
    mask = np.zeros((80, 100), bool)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    if mask.all():
        return
    (edited,) = edit(removers.load(OpenCV(method=method, radius=radius), None), fill(image, mask))
    flag = cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS
    assert np.array_equal(edited, cv2.inpaint(image, mask.astype(np.uint8), radius, flag))
