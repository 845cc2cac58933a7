import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from throng.counting.learning_to_count.operators import (
    FILTERS,
    PAPER_FILTERS,
    downsampled,
    greyed,
    padded,
    reassembled,
    resampled,
    tiles,
)
from throng.errors import ThrongError

PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}


def pictures(batch, height, width, seed=0):
    return torch.randint(0, 256, (batch, 3, height, width), generator=torch.Generator().manual_seed(seed)).byte()


def test_tiles_are_the_four_quadrants():
    whole = pictures(2, 6, 8)
    cut = tiles(whole)
    expected = [whole[..., :3, :4], whole[..., :3, 4:], whole[..., 3:, :4], whole[..., 3:, 4:]]
    assert torch.equal(cut, torch.stack(expected, 1))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_tiles_reassemble_to_the_bit(rows, columns, height, width):
    whole = pictures(2, rows * height, columns * width)
    assert torch.equal(reassembled(tiles(whole, (rows, columns)), (rows, columns)), whole)


def test_tiles_and_downsampled_pictures_are_of_one_size():
    for grid in [(2, 2), (3, 2)]:
        whole = pictures(1, 12, 20)
        assert downsampled(whole, torch.tensor([0]), grid=grid).shape[1:] == tiles(whole, grid).shape[2:]


def test_odd_sizes_are_refused_and_can_be_padded():
    odd = pictures(1, 5, 8)
    for cut in (lambda: tiles(odd), lambda: downsampled(odd, torch.tensor([0]))):
        with pytest.raises(ThrongError, match="5x8 pixels cannot be cut into 2x2 equal tiles: take one of 6x8, or pad"):
            cut()
    even = padded(odd, (2, 2))
    assert even.shape == (1, 3, 6, 8) and even.dtype == torch.uint8
    assert torch.equal(even[..., :5, :], odd) and torch.equal(even[..., 5, :], odd[..., 4, :])
    assert torch.equal(padded(even, (2, 2)), even)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_pillows(name):
    plane = np.random.default_rng(1).uniform(0, 255, (32, 46)).astype(np.float32)
    expected = np.asarray(Image.fromarray(plane).resize((23, 16), PILLOW[name]))
    ours = resampled(torch.from_numpy(plane)[None, None], torch.tensor([0]), [name])
    np.testing.assert_allclose(ours[0, 0].numpy(), expected, atol=2e-4)


def test_each_picture_is_filtered_by_its_own_filter_and_is_a_picture_again():
    whole = pictures(5, 16, 24)
    drawn = torch.tensor([3, 0, 4, 2, 1])
    names = list(FILTERS)
    mixed = downsampled(whole, drawn, names)
    assert mixed.dtype == torch.uint8
    for picture, number, single in zip(whole, drawn, mixed, strict=True):
        alone = resampled(picture[None].float(), torch.tensor([0]), [names[number]])[0]
        assert (single.float() - alone.clamp(0, 255)).abs().max() <= 0.5


def test_overshoot_at_an_edge_is_clipped():
    edge = torch.zeros(1, 3, 8, 16, dtype=torch.uint8)
    edge[..., 9:] = 255
    lanczos = torch.tensor([PAPER_FILTERS.index("lanczos")])
    free = resampled(edge.float(), lanczos)
    assert free.max() > 260 and free.min() < -5
    assert torch.equal(downsampled(edge, lanczos).float(), free.round().clamp(0, 255))


def test_downsampling_is_antialiased():
    stripes = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    stripes[..., ::2] = 200
    for number, name in enumerate(PAPER_FILTERS):
        inner = downsampled(stripes, torch.tensor([number]))[..., 3:-3].float()
        assert (inner - 100).abs().max() <= 25, name
    assert downsampled(stripes, torch.tensor([0]), ["nearest"]).unique().tolist() in ([0], [200])


def test_an_unknown_filter_is_named():
    with pytest.raises(ThrongError, match="'box' is no downsampling filter; there are bilinear, "):
        downsampled(pictures(1, 4, 4), torch.tensor([0]), ["box"])


def test_grey_is_the_mean_of_the_channels_and_the_others_keep_their_colour():
    whole = pictures(2, 4, 4)
    grey = greyed(whole, torch.tensor([True, False]))
    assert torch.equal(grey[1], whole[1])
    assert torch.equal(grey[0, 0], grey[0, 1]) and torch.equal(grey[0, 1], grey[0, 2])
    assert (grey[0, 0].float() - whole[0].float().mean(0)).abs().max() <= 0.5
