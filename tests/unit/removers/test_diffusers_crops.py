"""Crops for inpainting models: each masked pixel in exactly one, at the model's own resolution where that can be."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.removers.diffusers_crops import crops, cut, paste

BOX = st.tuples(st.integers(0, 99), st.integers(0, 139), st.integers(1, 60), st.integers(1, 60))


def masked(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for top, left, rows, columns in boxes:
        mask[top : top + rows, left : left + columns] = True
    return mask


@settings(deadline=None, max_examples=150)
@given(
    shape=st.tuples(st.integers(1, 100), st.integers(1, 140)),
    boxes=st.lists(BOX, max_size=12),
    size=st.sampled_from([16, 64, 256]),
    context=st.sampled_from([0.1, 0.5, 2.0]),
    upscale=st.sampled_from([1.0, 3.0]),
)
def test_every_masked_pixel_is_given_by_exactly_one_crop_that_shows_it(shape, boxes, size, context, upscale):
    mask = masked(*shape, *boxes)
    given_by = np.zeros(shape, int)
    for crop in crops(mask, size, context, upscale):
        rows, columns = crop.area.shape
        given_by[crop.y : crop.y + rows, crop.x : crop.x + columns] += crop.area
        assert crop.top <= crop.y and crop.y + rows <= crop.top + crop.side
        assert crop.left <= crop.x and crop.x + columns <= crop.left + crop.side
        assert crop.side >= size / upscale
        assert crop.side >= max(rows, columns) * (1 + 2 * context) - 1e-9
    assert np.array_equal(given_by, mask.astype(int))


@settings(deadline=None, max_examples=50)
@given(boxes=st.lists(BOX, min_size=1, max_size=6), size=st.sampled_from([16, 64]))
def test_pasting_changes_the_mask_and_nothing_else(boxes, size):
    mask = masked(100, 140, *boxes)
    image = np.zeros((100, 140, 3), np.uint8)
    for crop in crops(mask, size, 0.5, 2.0):
        paste(image, crop, np.full((size, size, 3), 200, np.uint8))
    assert np.array_equal(image.any(axis=2), mask)
    assert set(np.unique(image)) <= {0, 200}


def test_a_small_person_is_rendered_at_native_resolution_with_more_surroundings():
    mask = masked(1000, 1000, (500, 500, 40, 20))
    (crop,) = crops(mask, 512, 0.5, 1.0)
    assert crop.side == 512
    (crop,) = crops(mask, 512, 0.5, 2.0)
    assert crop.side == 256


def test_a_large_person_is_seen_whole_with_surroundings():
    (crop,) = crops(masked(1000, 1000, (100, 300, 600, 200)), 512, 0.25, 2.0)
    assert crop.side == 900


def test_people_near_each_other_share_a_crop_and_people_far_apart_do_not():
    near = masked(1000, 1000, (400, 400, 100, 40), (410, 460, 100, 40))
    assert len(crops(near, 512, 0.5, 2.0)) == 1
    far = masked(1000, 1000, (400, 100, 100, 40), (400, 800, 100, 40))
    assert len(crops(far, 512, 0.5, 2.0)) == 2


def test_a_crowd_is_not_rendered_below_its_own_resolution_in_one_large_crop():
    row = masked(300, 2000, *((100, left, 100, 40) for left in range(0, 2000, 60)))
    found = crops(row, 512, 0.5, 2.0)
    assert len(found) > 1
    assert max(crop.side for crop in found) <= 512


def test_a_crop_at_native_resolution_comes_back_bit_identical():
    image = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    mask = masked(80, 90, (20, 30, 10, 10))
    (crop,) = crops(mask, 64, 0.5, 1.0)
    edited = np.zeros_like(image)
    paste(edited, crop, cut(image, crop, 64))
    assert np.array_equal(edited[mask], image[mask])


def test_everything_masked_within_a_crop_is_hidden_from_the_model():
    mask = masked(80, 90, (20, 30, 20, 10), (60, 30, 5, 5))
    for crop in crops(mask, 32, 0.5, 2.0):
        shown = cut(mask, crop, 32)
        assert set(np.unique(shown)) <= {0, 255}
        scale = 32 / crop.side
        for y, x in np.argwhere(mask):
            row, column = (y - crop.top) * scale, (x - crop.left) * scale
            if 0 <= row < 32 and 0 <= column < 32:
                assert shown[int(row), int(column)] == 255


def test_an_image_smaller_than_its_crop_is_continued_by_its_border():
    image = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    (crop,) = crops(np.array([[True, False]]), 8, 0.5, 1.0)
    shown = cut(image, crop, 8)
    assert {tuple(pixel) for pixel in shown.reshape(-1, 3)} == {(0, 1, 2), (3, 4, 5)}
