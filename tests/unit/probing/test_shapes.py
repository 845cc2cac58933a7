"""The drawn set: the kind is told by the outline alone, and equal seeds give equal pictures."""

import numpy as np
import pytest

from throng.errors import ThrongError
from throng.probing.shapes import FIELDS, KINDS, shape_set


def test_kinds_take_turns_and_equal_seeds_give_equal_pictures():
    pictures, kinds = shape_set(3, "train", 23, 64)
    again, _ = shape_set(3, "train", 23, 64)
    fewer, _ = shape_set(3, "train", 11, 64)
    assert pictures.shape == (23, 64, 64, 3) and pictures.dtype == np.uint8
    assert kinds.tolist() == [n % len(KINDS) for n in range(23)]
    assert np.array_equal(pictures, again)
    assert np.array_equal(pictures[:11], fewer), "a picture depends on how many others are drawn"


@pytest.mark.parametrize(("seed", "split"), [(4, "train"), (3, "val")])
def test_another_seed_or_split_shares_no_picture(seed: int, split: str):
    first, _ = shape_set(3, "train", 10, 48)
    other, _ = shape_set(seed, split, 10, 48)
    assert not any(np.array_equal(one, two) for one in first for two in other)


@pytest.mark.parametrize("kind", KINDS)
def test_things_fit_into_their_circle_and_are_not_empty(kind: str):
    y, x = np.mgrid[-1.2:1.2:241j, -1.2:1.2:241j]
    inside = FIELDS[kind](x, y) > 0
    assert inside.any() and not inside[np.hypot(x, y) > 1.03].any()


def test_outlines_differ_by_a_tenth_of_their_areas_at_least():
    y, x = np.mgrid[-1:1:201j, -1:1:201j]
    masks = [FIELDS[kind](x, y) > 0 for kind in KINDS]
    for number, one in enumerate(masks):
        for other in masks[number + 1 :]:
            assert (one ^ other).sum() > 0.1 * (one | other).sum()


def test_too_few_pictures_are_refused():
    with pytest.raises(ThrongError, match=r"9 pictures cannot show 10 kinds of things: ask for 10 or more"):
        shape_set(0, "train", 9, 64)
