import numpy as np
import pytest
import torch
from torch import nn

from throng.counting.inference import decode_for, patch_layout, predict_count
from throng.counting.inputs import InputSpec
from throng.counting.network import Counter
from throng.counting.registry import build
from throng.errors import ThrongError
from throng.images import encode_png


class Mean(nn.Module):
    """A shift-equivariant network: the mean of the channels, block-averaged to the stride."""

    def __init__(self, stride):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.pool = nn.AvgPool2d(stride)

    def forward(self, images):
        return self.pool(images.mean(1, keepdim=True)) + 0 * self.unused


def identity(stride):
    return Counter(
        Mean(stride),
        stride=stride,
        multiple=stride,
        in_channels=3,
        target_scale=1.0,
        last_activation="relu",
        input_spec=InputSpec(),
    )


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("shape", [(64, 96), (61, 83), (4, 5)])
def test_stitched_patches_of_a_shift_equivariant_network_equal_the_whole(stride, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    whole_count, whole = predict_count(identity(stride), image)
    count, stitched = predict_count(identity(stride), image, scheme="patches")
    assert stitched.shape == (-(-shape[0] // stride), -(-shape[1] // stride))
    np.testing.assert_allclose(stitched, whole, rtol=1e-5)
    assert count == pytest.approx(whole_count)


def test_ownership_changes_at_three_and_five_eighths():
    starts, length, owner = patch_layout(64)
    assert (starts, length) == ([0, 16, 32], 32)
    assert np.flatnonzero(np.diff(owner)).tolist() == [23, 39]
    assert np.bincount(owner).tolist() == [24, 16, 24]


@pytest.mark.parametrize("cells", range(1, 40))
def test_every_cell_is_owned_by_the_nearest_patch_that_contains_it(cells):
    starts, length, owner = patch_layout(cells)
    for cell, patch in enumerate(owner):
        assert starts[patch] <= cell < starts[patch] + length
        distances = [abs(cell - start - (length - 1) / 2) for start in starts]
        assert distances[patch] == min(distances)


def test_grey_counters_take_the_stored_luma():
    grey = build("mcnn", 1)
    luma = np.random.default_rng(0).integers(0, 256, (16, 24), dtype=np.uint8)
    assert np.array_equal(decode_for(grey, encode_png(luma)), luma)
    assert decode_for(build("mcnn", 3), encode_png(luma)).shape == (16, 24, 3)
    from_rgb = predict_count(grey, np.repeat(luma[..., None], 3, 2))[0]
    assert predict_count(grey, luma)[0] == pytest.approx(from_rgb, rel=1e-4)


def test_only_rgb_pixels_are_counted():
    with pytest.raises(ThrongError, match="uint8 pixels"):
        predict_count(identity(1), np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ThrongError, match="RGB"):
        predict_count(identity(1), np.zeros((4, 4), np.uint8))
