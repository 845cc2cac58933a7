"""COCO run-length strings: the format's own examples, a plain second implementation, and random masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from throng import rle
from throng.errors import ThrongError


def plain_encode(mask: np.ndarray) -> str:
    """Encode run by run and digit by digit, as COCO's format is described."""
    runs, value, length = [], False, 0
    for pixel in mask.T.ravel():
        if pixel != value:
            runs.append(length)
            value, length = pixel, 0
        length += 1
    runs.append(length)
    text = ""
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        while True:
            digit, number = number & 31, number >> 5
            done = number == (-1 if digit & 16 else 0)
            text += chr(48 + digit + (0 if done else 32))
            if done:
                break
    return text


masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
def test_encoding_agrees_with_the_plain_one_and_decodes_to_the_mask(mask):
    height, width = mask.shape
    text = rle.encode(mask, height=height, width=width)
    assert text == plain_encode(mask)
    assert np.array_equal(rle.decode(text, height, width), mask)


@given(masks, st.integers(0, 30), st.integers(0, 30), st.integers(0, 9), st.integers(0, 9))
def test_a_crop_is_encoded_where_it_lies(mask, left, top, right, below):
    whole = np.pad(mask, ((top, below), (left, right)))
    height, width = whole.shape
    assert rle.encode(mask, height=height, width=width, left=left, top=top) == plain_encode(whole)


def test_large_masks_with_runs_longer_than_a_million():
    mask = np.zeros((1500, 2000), bool)
    mask[:, 700:1900] = True
    mask[3, 5] = True
    text = rle.encode(mask, height=1500, width=2000)
    assert text == plain_encode(mask)
    assert np.array_equal(rle.decode(text, 1500, 2000), mask)


def test_known_string():
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True  # column-major runs: 5, 2, 2, 2, 5 -> written 5, 2, 2, 0, 3
    assert rle.encode(mask, height=4, width=4) == "52203"


@pytest.mark.parametrize("text", ["", "~~", "5220Q", "52204", "o" * 20])
def test_what_is_no_mask_of_this_size_is_refused(text):
    with pytest.raises(ThrongError):
        rle.decode(text, 4, 4)


def test_a_mask_that_leaves_the_image_is_refused():
    with pytest.raises(ThrongError, match="leaves an image"):
        rle.encode(np.ones((2, 2), bool), height=2, width=2, left=1)
