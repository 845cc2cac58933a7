import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throng.counting.augment import (
    Look,
    factor_between,
    fitted,
    inside,
    mean_colour,
    mirrored,
    placed,
    random_factor,
    random_look,
    random_window,
    resized,
    window_shape,
)


def spot(shape, x, y, half=3):
    """A black picture with one white square about whole pixels x, y."""
    image = np.zeros((*shape, 3), np.uint8)
    image[y - half : y + half + 1, x - half : x + half + 1] = 255
    return image, np.array([[x, y]], float)


def centroid(image):
    light = image.sum(2, dtype=np.float64)
    rows, columns = np.indices(light.shape)
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@settings(max_examples=80, deadline=None)
@example(17, 12, 0.5, 243518)
@given(st.integers(12, 107), st.integers(12, 67), st.floats(0.4, 2.5), st.integers(0, 2**32 - 1))
def test_a_head_stays_on_its_pixels_through_every_change(x, y, factor, seed):
    image, points = spot((80, 120), x, y)
    rng = np.random.default_rng(seed)
    shape = (40, 56)
    own = window_shape(shape, factor)
    window, top, left = random_window(image, own, rng)
    window, points = resized(window, points - (left, top), shape)
    window, points = random_look(mirror=True, jitter=0.2, gamma=0.5, grey=0.5, rng=rng)(
        window, points, np.empty_like(window)
    )
    assert window.shape == (*shape, 3)
    margin = 4 * factor + 2
    if (points > margin).all() and (points < np.array(shape[::-1]) - 1 - margin).all():
        # gamma weighs the half-lit pixels of opposite edges differently
        np.testing.assert_allclose(centroid(window), points[0], atol=0.25)
        sizes = shape[1] / own[1], shape[0] / own[0]
        assert sizes == pytest.approx((factor, factor), rel=0.06)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_mirroring_twice_is_nothing(height, width, seed):
    rng = np.random.default_rng(seed)
    image, points = rng.integers(0, 256, (height, width, 3), np.uint8), rng.uniform(-0.5, 20, (4, 2))
    again, moved = mirrored(*mirrored(image, points))
    np.testing.assert_array_equal(again, image)
    np.testing.assert_allclose(moved, points, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_a_window_shows_the_heads_on_its_own_pixels(height, width, h, w, seed):
    """Each pixel's value tells where it came from, so the window is checked against the picture itself."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.indices((height, width))
    points = rng.uniform(-0.5, [width - 0.5, height - 0.5], (30, 2))
    window, top, left = random_window(image, (h, w), rng)
    assert window.shape == (h, w, 3)
    rows, columns = np.minimum(np.arange(h) + top, height - 1), np.minimum(np.arange(w) + left, width - 1)
    np.testing.assert_array_equal(window[..., 0], np.broadcast_to(rows[:, None], (h, w)))
    np.testing.assert_array_equal(window[..., 1], np.broadcast_to(columns, (h, w)))
    pixels = np.floor(points + 0.5)
    expected = [left <= x < left + w and top <= y < top + h for x, y in pixels]
    np.testing.assert_array_equal(inside(points - (left, top), (h, w)), expected)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.floats(0.5, 1),
)
def test_whole_pictures_fit_at_one_scale(one, other, factor):
    shape = (30, 40)
    small = fitted([np.zeros((*size, 3), np.uint8) for size in (one, other)], shape, factor)
    largest = max(one[0], other[0]), max(one[1], other[1])
    scale = min(1, shape[0] / largest[0], shape[1] / largest[1]) * factor
    for before, after in zip((one, other), small, strict=True):
        assert after.shape[0] <= shape[0]
        assert after.shape[1] <= shape[1]
        for side, length in zip(before, after.shape[:2], strict=True):
            assert abs(length - side * scale) <= 0.5 + 1e-9 or length == 1


def test_a_placed_picture_is_all_there_and_the_rest_is_plain():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (5, 9, 3), np.uint8)
    ground = mean_colour(image)
    assert np.abs(ground - image.mean((0, 1))).max() <= 0.5
    whole = placed(image, (11, 12), ground, (0.5, 1.0))
    np.testing.assert_array_equal(whole[3:8, 3:12], image)
    whole[3:8, 3:12] = ground
    assert (whole == ground).all()


def test_sizes_are_as_often_halved_as_doubled():
    rng = np.random.default_rng(3)
    logs = np.log2([random_factor(1.0, rng) for _ in range(4000)])
    assert logs.min() > -1
    assert logs.max() < 1
    assert np.abs(np.histogram(logs, 4, (-1, 1))[0] - 1000).max() < 4 * np.sqrt(1000 * 0.75)


def looks(number=400, **options):
    rng = np.random.default_rng(4)
    still = {"mirror": False, "jitter": 0.0, "gamma": 0.0, "grey": 0.0}
    return [random_look(**still | options, rng=rng) for _ in range(number)]


def test_looks_are_as_many_and_as_strong_as_asked_for():
    assert looks(number=3) == [Look()] * 3
    assert 150 < sum(look.mirror for look in looks(mirror=True)) < 250
    assert 70 < sum(look.grey for look in looks(grey=0.25)) < 130
    middles = np.array([look.levels[128] for look in looks(gamma=1.0)])
    assert (middles == middles[:, :1]).all()
    # 128 / 255 squared, and its root, in grey levels
    assert middles.min() >= 64
    assert middles.max() <= 181
    assert np.ptp(middles) > 100
    for look in looks(gamma=1.0):
        assert (look.levels[0] == 0).all()
        assert (look.levels[255] == 255).all()
        assert (np.diff(look.levels.astype(int), axis=0) >= 0).all()


def test_grey_is_the_luma_of_the_counters():
    from throng.counting.inputs import GREY_WEIGHTS

    image = np.random.default_rng(5).integers(0, 256, (8, 8, 3), np.uint8)
    grey, _ = Look(grey=True)(image, None, np.empty_like(image))
    np.testing.assert_allclose(grey, (image @ np.array(GREY_WEIGHTS))[..., None].repeat(3, 2), atol=0.51)


def test_a_factor_between_two_ends_is_uniform_in_its_logarithm():
    rng = np.random.default_rng(3)
    drawn = np.log([factor_between(0.25, 1.0, rng) for _ in range(2000)]) / np.log(0.25)
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() <= 1
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.04)
