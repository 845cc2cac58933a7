"""Blending: whole on whoever went, untouched outside, a fade in between."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from throng.removers import blend

HEIGHT, WIDTH = 24, 30
masks = arrays.arrays(bool, (HEIGHT, WIDTH))
images = st.integers(0, 99).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def square(begin: int, end: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[begin:end, begin:end] = True
    return mask


NOBODY = np.zeros((HEIGHT, WIDTH), bool)


@settings(deadline=None)
@given(mask=masks, removed=masks, staying=masks, area=masks, base=images, edit=images, feather=st.floats(0, 9))
def test_outside_is_bit_identical_and_removed_bodies_are_wholly_the_edits(
    mask, removed, staying, area, base, edit, feather
):
    weights = blend.opacity(mask, removed, staying & ~mask, feather)
    assert np.array_equal(weights > 0, mask)
    pasted = blend.paste(base, edit, area & mask, weights)
    assert np.array_equal(pasted[~(area & mask)], base[~(area & mask)])
    assert np.array_equal(pasted[area & mask & removed], edit[area & mask & removed])
    assert (pasted <= np.maximum(base, edit)).all()
    assert (pasted >= np.minimum(base, edit)).all()


def test_the_fade_takes_as_many_pixels_as_asked():
    weights = blend.opacity(square(4, 20), square(10, 14), NOBODY, 4)
    assert weights[12, 3:9].tolist() == [0, 51, 102, 153, 204, 255]
    assert (weights[9:15, 9:15] == 255).all()  # the body and a pixel around it


def test_a_body_at_the_edge_of_its_mask_does_not_shine_through():
    weights = blend.opacity(square(4, 20), square(4, 20), NOBODY, 6)
    assert np.array_equal(weights, np.where(square(4, 20), 255, 0))


def test_there_is_no_fade_at_who_stays_nor_at_the_images_edge():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:, 10:20] = True
    staying = np.zeros((HEIGHT, WIDTH), bool)
    staying[:, 20:] = True
    weights = blend.opacity(mask, NOBODY, staying, 3)
    assert (weights == np.tile(weights[0], (HEIGHT, 1))).all()
    assert weights[0, 9:21].tolist() == [0, 64, 128, 192, 255, 255, 255, 255, 255, 255, 255, 0]


def test_without_feathering_everything_in_the_mask_is_the_edits():
    assert np.array_equal(blend.opacity(square(2, 9), NOBODY, NOBODY, 0), np.where(square(2, 9), 255, 0))
