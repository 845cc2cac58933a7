import numpy as np
import pytest
import torch

from throng.counting.learning_to_count.leak import filter_errors, leak_matrix, leak_ratio
from throng.counting.learning_to_count.operators import FILTERS, PAPER_FILTERS, downsampled


def pictures():
    return torch.randint(0, 256, (10, 3, 16, 16), generator=torch.Generator().manual_seed(1)).byte()


def brightness(pixels):
    return pixels.float().mean((1, 2, 3))[:, None]


def test_errors_are_shares_of_what_the_tiles_count():
    flat = torch.full((3, 3, 8, 8), 50, dtype=torch.uint8)
    errors = filter_errors(brightness, flat, list(FILTERS), batch_size=2)
    assert errors == pytest.approx(dict.fromkeys(FILTERS, (50 - 200) ** 2 / 200**2))
    assert filter_errors(lambda pixels: 4 * brightness(pixels)[:, [0, 0]], flat)["area"] == pytest.approx(0.5625)


def test_a_network_that_sees_the_filter_is_found_out():
    """Planted: it says four for what is smooth, and so is right wherever downsampling smoothes."""
    noise = torch.randint(0, 256, (10, 3, 48, 48), generator=torch.Generator().manual_seed(1)).byte()

    def contrast(pixels):
        return pixels.float().diff(dim=3).abs().mean((1, 2, 3))[:, None]

    smooth, sharp = (float(contrast(downsampled(noise, torch.full((10,), j))).mean()) for j in (0, 2))

    def cheat(pixels):
        return 1 + 3 * (contrast(pixels) < (smooth + sharp) / 2).float()

    errors = filter_errors(cheat, noise)
    assert errors["bilinear"] < 0.06 and errors["area"] == pytest.approx(0.5625)
    assert leak_ratio(np.array([list(errors.values())])) > 1.5
    assert leak_ratio(leak_matrix([brightness], noise)) == pytest.approx(1.0, abs=0.01)


def test_batches_do_not_change_the_errors():
    all_at_once = filter_errors(brightness, pictures(), batch_size=10)
    assert filter_errors(brightness, pictures(), batch_size=3) == pytest.approx(all_at_once)
    assert leak_matrix([brightness, brightness], pictures()).shape == (2, len(PAPER_FILTERS))


def test_the_ratio_is_largest_off_the_diagonal_over_mean_on_it():
    assert leak_ratio(np.array([[1.0, 6.0], [4.0, 3.0]])) == 3.0
    assert leak_ratio(np.array([1.0, 2.0, 3.0])) == 1.5
    assert leak_ratio(np.full((3, 3), 0.2)) == pytest.approx(1.0)
