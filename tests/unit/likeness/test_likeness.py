import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.likeness.pictures import COPIES, cropped, picture
from throng.fingerprint import SIDE, fingerprint, fingerprints
from throng.likeness.hashes import WHOLE, hashes_of, windows_of
from throng.likeness.keypoints import started
from throng.likeness.registration import lay, seen, start_of

WINDOWS = windows_of([0.9, 0.8])
ROUGHLY = start_of(WHOLE)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_hash_of_a_mirror_image_is_known_without_mirroring(seed: int):
    greys = np.random.default_rng(seed).uniform(0, 255, (3, SIDE, SIDE))
    turned = fingerprints(np.ascontiguousarray(greys[:, :, ::-1]))
    assert np.array_equal(fingerprints(greys, mirrored=True), turned)


def test_windows_are_the_whole_and_three_cuts_of_each_side_for_every_share():
    assert windows_of([]) == [WHOLE]
    windows = windows_of([0.9])
    assert windows[0] == WHOLE
    assert len(windows) == len(set(windows)) == 16
    assert {round(right - left, 9) for across, down in windows for left, right in (across, down)} == {1.0, 0.9}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_has_a_near_hash_and_agrees_when_it_is_laid_over(copy: str):
    image = picture(1)
    made = COPIES[copy](image)
    mine, other = hashes_of(made, WINDOWS), hashes_of(image, WINDOWS)
    assert mine is not None and other is not None
    apart = np.bitwise_count(mine[:2, None] ^ other[None, 1:])
    whole, window = np.unravel_index(int(apart.argmin()), apart.shape)
    assert apart.min() <= 10
    assert ("mirrored" in copy) == (whole == 0)
    one = seen(made if whole else np.ascontiguousarray(made[:, ::-1]))
    laid = lay(one, seen(image), start_of(WINDOWS[window]))
    assert laid.agreement > 0.9
    share = 0.81 if "cropped" in copy else 1.0
    assert laid.overlap == pytest.approx(share, abs=0.03)


def test_other_pictures_agree_nowhere():
    seconds = [seen(picture(seed)) for seed in range(10, 16)]
    assert max(lay(seen(picture(1)), second, ROUGHLY).agreement for second in seconds) < 0.1


def test_the_same_place_with_something_else_in_it_agrees_elsewhere():
    image, other = picture(1), picture(2)
    changed = image.copy()
    changed[:, 160:] = other[:, 160:]
    assert lay(seen(changed), seen(image), ROUGHLY).agreement == pytest.approx(0.5, abs=0.1)


def test_even_pictures_have_no_hash_and_agree_with_none():
    even = np.full((60, 80, 3), 77, np.uint8)
    assert hashes_of(even, WINDOWS) is None
    assert lay(seen(even), seen(even), ROUGHLY).agreement == 0
    assert lay(seen(picture(1)), seen(even), ROUGHLY).agreement == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (3000, 7)])
def test_any_size_can_be_looked_at(size: tuple[int, int]):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    hashes_of(image, WINDOWS)
    assert 0 <= lay(seen(image), seen(picture(1)), ROUGHLY).agreement <= 1


def test_key_points_tell_where_a_small_part_of_a_picture_lies():
    image = picture(3, 480, 640)
    part = cropped(image, 0.5, 0.9, 0.2)
    start = started(seen(part), seen(image))
    assert start is not None
    corner = start @ np.array([0.0, 0.0, 1.0])
    assert corner[:2] == pytest.approx([0.45, 0.1], abs=0.03)
    laid = lay(seen(part), seen(image), start)
    assert laid.agreement > 0.9
    assert laid.overlap == pytest.approx(0.25, abs=0.02)


def test_other_pictures_share_no_key_points():
    found = started(seen(picture(1)), seen(picture(2)))
    assert found is None or lay(seen(picture(1)), seen(picture(2)), found).agreement < 0.1


def test_the_fingerprint_of_one_is_that_of_many():
    image = picture(5, 32, 32)
    grey = image.astype(np.float64).mean(axis=2)
    assert fingerprint(image) == int(fingerprints(np.stack([grey, grey]))[1])
