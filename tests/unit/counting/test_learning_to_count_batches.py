import numpy as np
import pytest
import torch

from throng.counting.learning_to_count.batches import Batch, CropOptions, Pairs
from throng.counting.learning_to_count.forward import counts_of, loss_terms
from throng.counting.learning_to_count.networks import counting_network
from throng.counting.learning_to_count.operators import PAPER_FILTERS, downsampled, greyed, tiles
from throng.errors import ThrongError


def maps(number, height=20, width=30):
    """Pictures whose pixels tell row, column and number."""
    rows, columns = np.mgrid[:height, :width]
    return [np.dstack([rows, columns, np.full_like(rows, n)]).astype(np.uint8) for n in range(number)]


def random_batch(pairs=3, size=32):
    random = torch.Generator().manual_seed(4)
    return Batch(
        torch.randint(0, 256, (2 * pairs, 3, size, size), generator=random).byte(),
        torch.randint(0, 4, (2 * pairs,), generator=random),
        torch.rand(2 * pairs, generator=random) < 2 / 3,
    )


def test_crops_are_windows_some_of_them_mirrored():
    pixels = Pairs(maps(5), CropOptions((8, 12), 4), 60)(0).pixels
    assert pixels.shape == (120, 3, 8, 12)
    steps = pixels[:, 1].int().diff(dim=2)
    assert (steps.abs() == 1).all() and (pixels[:, 0].int().diff(dim=1) == 1).all()
    assert 0.35 < float((steps[:, 0, 0] == -1).float().mean()) < 0.65
    assert set(pixels[:, 0, 0, 0].tolist()) == set(range(13))
    still = Pairs(maps(5), CropOptions((8, 12), 4, mirror=False), 60)(0).pixels
    assert (still[:, 1].int().diff(dim=2) == 1).all()


@pytest.mark.parametrize("pictures", [2, 5])
def test_a_pair_shows_two_pictures(pictures):
    pixels = Pairs(maps(pictures), CropOptions((8, 8), 4), 200)(0).pixels
    shown = pixels[:, 2, 0, 0].reshape(2, -1)
    assert (shown[0] != shown[1]).all()
    assert torch.bincount(shown.flatten()).min() > 0.8 * 400 / pictures


def test_filters_and_grey_are_drawn_as_often_as_they_should_be():
    for filters in (4, 5):
        batch = Pairs(maps(10, 4, 4), CropOptions((4, 4), filters), 5000)(0)
        shares = torch.bincount(batch.filters) / 10_000
        assert len(shares) == filters
        assert (shares - 1 / filters).abs().max() < 0.02
        assert float(batch.grey.float().mean()) == pytest.approx(2 / 3, abs=0.02)
    assert not Pairs(maps(3), CropOptions((4, 4), 1, grey=0.0), 50)(0).grey.any()


def test_a_step_is_the_same_however_many_share_it():
    options = CropOptions((8, 8), 4, seed=3)
    whole = Pairs(maps(7), options, 6)(2)
    parts = [Pairs(maps(7), options, 2)(number) for number in (6, 7, 8)]
    for name in Batch._fields:
        halves = [getattr(part, name).chunk(2) for part in parts]
        joined = torch.cat([half[0] for half in halves] + [half[1] for half in halves])
        assert torch.equal(getattr(whole, name), joined)
    assert torch.equal(Pairs(maps(7), options, 6)(2).pixels, whole.pixels)
    assert not torch.equal(Pairs(maps(7), CropOptions((8, 8), 4, seed=4), 6)(2).pixels, whole.pixels)


def test_a_mosaic_holds_a_tile_of_each_of_several_pictures():
    pixels = Pairs(maps(50), CropOptions((6, 8), 4, grid=(3, 2), mosaic=1.0), 20)(0).pixels
    numbers = tiles(pixels, (3, 2))[:, :, 2].flatten(2)
    assert (numbers == numbers[:, :, :1]).all()
    assert min(len(set(row.tolist())) for row in numbers[:, :, 0]) >= 4


def test_bad_pictures_are_refused():
    with pytest.raises(ThrongError, match="different pictures, at least 2; got 1"):
        Pairs(maps(1), CropOptions((8, 8), 4), 2)
    with pytest.raises(ThrongError, match=r"picture [01] is 20x30 pixels, smaller than the crop of 32x16"):
        Pairs(maps(2), CropOptions((32, 16), 4), 2)(0)
    with pytest.raises(ThrongError, match="9x8 pixels cannot be cut into 2x2 equal tiles"):
        Pairs(maps(2), CropOptions((9, 8), 4), 2)


@pytest.mark.parametrize(("pairing", "passes"), [("one_way", 6), ("symmetric", 10)])
def test_one_pass_gives_what_separate_passes_give(pairing, passes):
    network = counting_network("small", (16, 16), units=6, options={"width": 4}).eval()
    batch, seen = random_batch(), []

    def phi(pixels):
        seen.append(tuple(pixels.shape))
        return network(pixels)

    counts = counts_of(phi, batch, pairing)
    assert seen == [(3 * passes, 3, 16, 16)]
    grey = greyed(batch.pixels, batch.grey)
    small, cut = downsampled(grey, batch.filters), tiles(grey)
    torch.testing.assert_close(counts.down_x, network(small[:3]))
    torch.testing.assert_close(counts.down_y, network(small[3:]))
    for tile in range(4):
        torch.testing.assert_close(counts.tiles_x[:, tile], network(cut[:3, tile]))
        if counts.tiles_y is not None:
            torch.testing.assert_close(counts.tiles_y[:, tile], network(cut[3:, tile]))
    assert (counts.tiles_y is None) == (pairing == "one_way")


def test_all_terms_of_a_picture_share_its_loss_of_colour():
    counts = counts_of(lambda pixels: pixels.float().mean((2, 3)), random_batch(), "symmetric")
    down, each = torch.cat([counts.down_x, counts.down_y]), torch.cat([counts.tiles_x, counts.tiles_y])
    for picture, grey in enumerate(random_batch().grey):
        for colour in (down[picture], *each[picture]):
            assert bool((colour == colour[0]).all()) == bool(grey)


@pytest.mark.parametrize(("pairing", "margin"), [("one_way", 10.0), ("symmetric", 20.0)])
def test_counting_nothing_costs_a_margin_per_direction(pairing, margin):
    counts = counts_of(lambda pixels: torch.zeros(len(pixels), 1000), random_batch(), pairing)
    matching, hinge = loss_terms(counts)
    assert (float(matching), float(hinge)) == (0.0, margin)


def test_gradients_of_both_directions_are_those_of_finite_differences():
    random = torch.Generator().manual_seed(0)
    weights = torch.rand(3, 5, dtype=torch.float64, generator=random).requires_grad_()

    def loss(weights):
        counts = counts_of(lambda pixels: pixels.double().mean((2, 3)) / 99 @ weights, random_batch(), "symmetric")
        matching, hinge = loss_terms(counts)
        return matching + hinge

    assert torch.autograd.gradcheck(loss, weights, atol=1e-5, rtol=0.0)


def test_filters_of_the_paper_are_drawn_from_by_default():
    assert PAPER_FILTERS == ("bilinear", "bicubic", "area", "lanczos")
