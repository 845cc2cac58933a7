import cv2
import numpy as np
import pytest

from throng.synthesizers.photometry import Look, blur_of, look_of, matching, missing_blur


@pytest.fixture
def photograph():
    rng = np.random.default_rng(0)
    blocks = rng.integers(20, 235, (24, 32, 3), dtype=np.uint8)
    return cv2.resize(blocks, (512, 384), interpolation=cv2.INTER_NEAREST)


def apply(matrix, pixels):
    opaque = np.dstack([pixels.astype(np.float32), np.ones(pixels.shape[:2], np.float32)])
    return np.clip(opaque @ matrix.T, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.2, 2.0, 3.0])
def test_a_planted_blur_is_measured(photograph, sigma):
    assert blur_of(cv2.GaussianBlur(photograph, (0, 0), sigma)) == pytest.approx(sigma, rel=0.2)


def test_blurs_add_in_squares():
    assert missing_blur(3.0, 5.0) == pytest.approx(4.0)
    assert missing_blur(5.0, 3.0) == 0.0


def test_a_photograph_matched_to_itself_stays_as_it_is(photograph):
    look = look_of(photograph)
    assert np.abs(apply(matching(look, look), photograph).astype(int) - photograph).max() <= 1


def test_matching_moves_brightness_towards_the_target(photograph):
    dark = (photograph * 0.6).astype(np.uint8)
    made = look_of(apply(matching(look_of(photograph), look_of(dark)), photograph))
    before, wanted = look_of(photograph).mean[0], look_of(dark).mean[0]
    assert abs(made.mean[0] - wanted) < 0.5 * abs(before - wanted)


def test_on_a_black_and_white_photograph_people_have_no_colour(photograph):
    grey = Look((120.0, 0.0, 0.0), (50.0, 0.0, 0.0), 1.0)
    assert grey.is_grey
    assert np.ptp(apply(matching(look_of(photograph), grey), photograph).astype(int), axis=2).max() <= 1


def test_a_turned_hue_keeps_the_brightness():
    look = Look((120.0, 0.0, 0.0), (50.0, 20.0, 20.0), 1.0)
    red = np.full((1, 1, 3), (160, 60, 50), np.uint8)
    turned = apply(matching(look, look, turn=0.5), red).astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    assert turned[0, 0] @ luma == pytest.approx(red[0, 0] @ luma, abs=1.5)
    assert np.abs(turned - red).max() > 20
