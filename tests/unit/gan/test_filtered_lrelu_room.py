"""Compiled passes give every result its own room in a row of planes, however much of the fine grid is cropped."""

import pytest

from throng.gan.filtered_lrelu import passes, planes
from throng.gan.filtered_lrelu.taps import separable
from throng.gan.filters import lowpass

TAPS = separable(lowpass(12, 4, 4, 32))


@pytest.mark.parametrize("crop", [-12, -11, -3, 0, 9])
@pytest.mark.parametrize(("up", "down"), [(2, 2), (4, 2), (2, 4)])
def test_no_result_reaches_into_the_next_plane(up: int, down: int, crop: int) -> None:
    one = passes.forward_pass((38, 38), TAPS, TAPS, up, down, (crop, crop, crop, crop))
    for direction in (one, one.adjoint()):
        plan = planes.plan_of(direction)
        assert plan.pitch * plan.joined >= direction.result[1]
