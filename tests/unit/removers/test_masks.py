"""Masks on drawn people: boxes, instance masks, margins, shadows, and who stands in front."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng import rle
from throng.errors import ThrongError
from throng.removers import masks
from throng.tables.detections import Detection

PLAIN = {"dilation_px": 0.0, "dilation_share": 0.0, "shadow_share": 0.0}


def person(x: float, y: float, w: float, h: float, mask: str | None = None) -> Detection:
    return Detection(x=x, y=y, w=w, h=h, score=1.0, mask=mask)


def ellipse(height: int, width: int, x: int, y: int, w: int, h: int) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
    return canvas.astype(bool)


def test_a_box_covers_the_pixels_that_it_touches_and_is_cut_at_the_frame():
    mask = masks.scene([person(-3, 1.5, 5.2, 3)], 10, 12, **PLAIN).without([0])
    wanted = np.zeros((10, 12), bool)
    wanted[1:5, 0:3] = True
    assert np.array_equal(mask, wanted)


def test_an_instance_mask_counts_where_there_is_one():
    outline = ellipse(60, 80, 20, 10, 16, 40)
    mask = masks.scene([person(20, 10, 16, 40, rle.encode(outline, height=60, width=80))], 60, 80, **PLAIN).without([0])
    assert np.array_equal(mask, outline)


def test_an_empty_instance_mask_leaves_the_box():
    empty = rle.encode(np.zeros((60, 80), bool), height=60, width=80)
    assert masks.scene([person(20, 10, 16, 40, empty)], 60, 80, **PLAIN).without([0]).sum() == 16 * 40


def test_a_mask_of_another_image_is_refused():
    other = rle.encode(np.ones((50, 80), bool), height=50, width=80)
    with pytest.raises(ThrongError, match="belongs to another image"):
        masks.scene([person(20, 10, 16, 40, other)], 60, 80, **PLAIN)


@pytest.mark.parametrize(("px", "share", "reach"), [(8.0, 0.0, 8), (0.0, 0.1, 10), (8.0, 0.1, 10), (8.0, 0.05, 8)])
def test_the_margin_is_the_larger_of_pixels_and_share(px, share, reach):
    scene = masks.scene([person(100, 50, 40, 100)], 300, 300, dilation_px=px, dilation_share=share, shadow_share=0.0)
    rows, columns = np.nonzero(scene.without([0]))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (
        50 - reach,
        149 + reach,
        100 - reach,
        139 + reach,
    )


def test_the_shadow_lies_about_the_feet():
    scene = masks.scene([person(100, 50, 40, 100)], 300, 300, dilation_px=0.0, dilation_share=0.0, shadow_share=0.2)
    rows, columns = np.nonzero(scene.without([0]))
    assert (rows.min(), rows.max()) == (50, 170)
    assert (columns.min(), columns.max()) == (80, 160)
    upper = columns[rows < 125]
    assert (upper.min(), upper.max()) == (100, 139)


def test_margins_stop_at_who_stays():
    scene = masks.scene(
        [person(10, 10, 20, 50), person(34, 10, 20, 50)], 80, 80, dilation_px=8.0, dilation_share=0.0, shadow_share=0.3
    )
    mask = scene.without([0])
    assert mask[10:60, 10:34].all()
    assert not mask[10:60, 34:54].any()


def test_the_head_of_who_stands_in_front_is_kept_and_of_who_stands_behind_is_not():
    far, near = person(10, 0, 20, 50), person(22, 20, 24, 60)
    scene = masks.scene([far, near], 100, 100, **PLAIN)
    head = np.s_[20:30, 28:40]
    without_far = scene.without([0])
    assert not without_far[head].any()
    assert without_far[31:50, 10:30].all()
    without_near = scene.without([1])
    assert without_near[20:80, 22:46].all()


def test_an_instance_in_front_is_kept_whole():
    near = ellipse(100, 100, 22, 20, 24, 60)
    people = [person(10, 0, 20, 50), person(22, 20, 24, 60, rle.encode(near, height=100, width=100))]
    mask = masks.scene(people, 100, 100, **PLAIN).without([0])
    assert not (mask & near).any()
    assert mask[:50, 10:30].sum() == 20 * 50 - (near[:50, 10:30]).sum()


boxes = st.lists(
    st.tuples(st.floats(-20, 90), st.floats(-20, 70), st.floats(1, 50), st.floats(1, 60)), min_size=1, max_size=8
)


@settings(deadline=None)
@given(boxes, st.data())
def test_masks_grow_with_who_is_removed_and_all_gone_covers_everybody(people, data):
    scene = masks.scene(
        [person(*box) for box in people], 80, 100, dilation_px=4.0, dilation_share=0.05, shadow_share=0.1
    )
    order = data.draw(st.permutations(range(len(people))))
    previous = np.zeros((80, 100), bool)
    for count in range(1, len(people) + 1):
        mask = scene.without(order[:count])
        assert not (previous & ~mask).any()
        previous = mask
    for index in range(len(people)):
        assert previous[scene.bodies[index].window][scene.bodies[index].mask].all()
