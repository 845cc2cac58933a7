"""Pooling of layers: AlexNet's published sizes exactly, SAME windows by hand, and never 10,000 features."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.probing.layers import layer_features, pool_kernel, pool_same


def test_alexnet_at_256_pixels_gets_the_published_kernels_and_sizes():
    with torch.device("meta"):
        shapes = [tuple(layer.shape[1:]) for layer in build_encoder("alexnet").layers(torch.zeros(1, 3, 256, 256))]
    kernels = [pool_kernel(*shape) for shape in shapes]
    sizes = [shape[0] * -(-shape[1] // k) * -(-shape[2] // k) for shape, k in zip(shapes, kernels, strict=True)]
    assert kernels == [7, 6, 4, 4, 3]
    assert sizes == [9600, 9216, 6144, 6144, 9216]


@given(st.integers(1, 9999), st.integers(1, 64), st.integers(1, 64))
def test_the_kernel_is_the_smallest_that_leaves_fewer_than_10000(channels: int, height: int, width: int):
    def features(kernel: int) -> int:
        return channels * -(-height // kernel) * -(-width // kernel)

    kernel = pool_kernel(channels, height, width)
    assert features(kernel) < 10_000
    assert kernel == 1 or features(kernel - 1) >= 10_000


def test_a_layer_of_10000_channels_is_refused():
    with pytest.raises(ThrongError, match="10000 channels cannot be pooled to fewer than 10000 features"):
        pool_kernel(10_000, 4, 4)


def test_windows_at_the_border_are_means_of_the_cells_inside():
    cells = torch.arange(8.0).reshape(1, 1, 1, 8)
    # kernel 3 over 8: one cell is missing, and it is missing at the end
    assert pool_same(cells, 3).flatten().tolist() == [1.0, 4.0, 6.5]
    # kernel 5 over 7: three are missing, one at the start and two at the end
    assert pool_same(torch.arange(7.0).reshape(1, 1, 1, 7), 5).flatten().tolist() == pytest.approx([1.5, 5.0])


def test_features_do_not_depend_on_the_batch():
    torch.manual_seed(0)
    encoder = build_encoder("small", width=2).eval()
    pictures = np.random.default_rng(0).integers(0, 256, (35, 48, 64, 3), np.uint8)
    together = layer_features(encoder, pictures, "cpu")
    alone = layer_features(encoder, pictures[33:34], "cpu")
    assert [tuple(layer.shape) for layer in together] == [(35, layer.shape[1]) for layer in alone]
    for layer, one in zip(together, alone, strict=True):
        torch.testing.assert_close(layer[33:34], one)
