"""Photographs in parts: every pixel once, sums conserved, and which parts are looked at again."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from throng.encoders.pictures import place_on
from throng.errors import ThrongError
from throng.ranking.partition import (
    DENSE,
    EMPTY,
    SPARSE,
    Part,
    Partition,
    Seen,
    Window,
    agree,
    cut,
    merged_map,
    overlaps,
    parts_of,
    rectangle,
)

SIZE = (24, 32)


def look(images):
    """An ideal counter: a pixel of value v is v people, in a map of 4 x 4 cells."""
    return [seen(image[..., 0].astype(float)) for image in images]


def seen(people, variance=None):
    rows, columns = (min(4, side) for side in people.shape)
    down = overlaps(np.arange(people.shape[0] + 1.0), np.linspace(0, people.shape[0], rows + 1))
    across = overlaps(np.arange(people.shape[1] + 1.0), np.linspace(0, people.shape[1], columns + 1))
    density = down @ people @ across.T
    total = float(density.sum())
    edges = np.linspace(0, 1, rows + 1), np.linspace(0, 1, columns + 1)
    return Seen(total, total if variance is None else variance, np.array([total]), density, *edges)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 9))
def test_windows_hold_every_pixel_exactly_once(height, width, n):
    if min(height, width) < n:
        with pytest.raises(ThrongError, match="use fewer parts"):
            cut(height, width, n)
        return
    times = np.zeros((height, width), int)
    windows = cut(height, width, n)
    for w in windows:
        times[w.top : w.top + w.height, w.left : w.left + w.width] += 1
    assert len(windows) == n * n
    assert (times == 1).all()
    for sides in ({w.height for w in windows}, {w.width for w in windows}):
        assert max(sides) - min(sides) <= 1


partitions = st.one_of(
    st.builds(Partition, st.sampled_from(["legacy", "full"]), st.integers(1, 5)),
    st.builds(Partition, st.just("guided"), st.integers(1, 4), dense_from=st.floats(0.5, 200)),
    st.builds(Partition, st.just("quadtree"), st.integers(0, 3), tolerance=st.floats(0.01, 3)),
)


@given(partitions, st.integers(9, 90), st.integers(9, 90), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_parts_cover_a_photograph_once_and_their_map_sums_to_the_count(partition, height, width, seed):
    assume(max(height, width) <= 4 * min(height, width))  # a strip on the canvas has fewer rows than parts
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 3, (height, width, 3), dtype=np.uint8)

    def shaky(images):  # so that quarters disagree with their whole
        return [seen(image[..., 0] * rng.uniform(0.5, 1.5)) for image in images]

    parts = parts_of(image, shaky, partition, SIZE)
    times = np.zeros((height * 60, width * 60)) if height * width < 900 else None
    area = sum(part.window.height * part.window.width for part in parts)
    assert area == pytest.approx(height * width)
    if times is not None:
        for w in (part.window for part in parts):
            rows, columns = (
                slice(round(a * 60), round((a + b) * 60)) for a, b in ((w.top, w.height), (w.left, w.width))
            )
            times[rows, columns] += 1
        assert (times == 1).mean() > 0.99
    for stride in (1, 4, 7):
        density = merged_map(parts, image.shape, stride)
        assert density.shape == (-(-height // stride), -(-width // stride))
        assert density.sum() == pytest.approx(sum(part.people for part in parts), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_full_parts_of_an_ideal_counter_add_up_and_lie_where_they_are(n):
    image = np.zeros((37, 53, 3), np.uint8)
    image[30, 7] = 5
    parts = parts_of(image, look, Partition("full", n), SIZE)
    assert sum(part.people for part in parts) == 5
    density = merged_map(parts, image.shape, 1)
    row, column = np.argwhere(density > 0).mean(0)
    assert abs(row - 30) < 10 / n + 1
    assert abs(column - 7) < 14 / n + 1


def test_legacy_cuts_what_was_made_small_first_and_full_what_was_not():
    shapes = {}
    for kind in ("legacy", "full"):
        shown = []
        image = np.zeros((240, 320, 3), np.uint8)
        parts_of(image, lambda images, shown=shown: shown.extend(images) or look(images), Partition(kind, 2), SIZE)
        shapes[kind] = {image.shape[:2] for image in shown}
    assert shapes == {"legacy": {(12, 16)}, "full": {(120, 160)}}


def test_guided_looks_again_only_where_it_is_dense():
    image = np.zeros((40, 40, 3), np.uint8)
    image[5, 5], image[25, 25] = 100, 3
    shown = []
    parts = parts_of(
        image,
        lambda images: shown.extend(images) or look(images),
        Partition("guided", 2, dense_from=50),
        SIZE,
    )
    assert [part.density for part in parts] == [DENSE, EMPTY, EMPTY, SPARSE]
    assert [image.shape[:2] for image in shown] == [(40, 40), (20, 20)]
    assert [part.people for part in parts] == pytest.approx([100, 0, 0, 3])


def test_guided_parts_without_dense_ones_are_the_whole_photographs_map():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 2, (41, 59, 3), dtype=np.uint8)
    whole = parts_of(image, look, Partition("full", 1), SIZE)
    parts = parts_of(image, look, Partition("guided", 3, dense_from=1e9), SIZE)
    np.testing.assert_allclose(
        merged_map(parts, image.shape, 5), merged_map(whole, image.shape, 5), rtol=1e-9, atol=1e-9
    )
    assert sum(part.seen.features[0] for part in parts) == pytest.approx(whole[0].people)


def test_a_quadtree_stops_where_whole_and_quarters_agree():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2, ::2] = 1
    assert len(parts_of(image, look, Partition("quadtree", 3), SIZE)) == 1

    def blind(images):  # sees a crowd only when close
        return [seen(image[..., 0] * {64: 0.1, 32: 0.4}.get(len(image), 1.0)) for image in images]

    image[:32, :32] = 0
    parts = parts_of(image, blind, Partition("quadtree", 3), SIZE)
    assert {part.depth for part in parts} == {1, 2}
    assert [part.depth for part in parts].count(1) == 1
    assert sum(part.people for part in parts) == image[..., 0].sum()


def test_agreement_is_in_standard_deviations_of_both_looks():
    whole = Part(Window(0, 0, 2, 2), seen(np.full((2, 2), 5.0), variance=9.0))
    quarters = [Part(Window(0, 0, 1, 1), seen(np.full((1, 1), 6.25), variance=4.0)) for _ in range(4)]
    assert agree(whole, quarters, 1.0)
    assert not agree(whole, quarters, 0.99)


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([(24, 32), (192, 256), (100, 30)]))
@settings(max_examples=40, deadline=None)
def test_rectangle_is_where_a_picture_lies_on_the_canvas(height, width, size):
    image = np.full((height, width, 3), 255, np.uint8)
    image[: (height + 1) // 2] = 1  # the mean colour is neither
    placed = place_on(image, size)
    top, left, tall, wide = rectangle(image.shape, size)
    outside = np.ones(size, bool)
    outside[top : top + tall, left : left + wide] = False
    canvas = np.rint(image.mean((0, 1))).astype(np.uint8)
    assert (placed[outside] == canvas).all()
    if min(height, tall) > 1:
        assert (placed[top, left : left + wide] < canvas[0]).all()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kind": "diagonal"}, "cut by legacy, full, guided, quadtree, not 'diagonal'"),
        ({"kind": "full", "n": 0}, "needs n of at least 1"),
        ({"kind": "quadtree", "n": -1}, "needs n of at least 0"),
    ],
)
def test_a_partition_that_is_none_is_refused(keys, said):
    with pytest.raises(ThrongError, match=said):
        Partition(**keys)
