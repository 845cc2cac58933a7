import pytest
import torch

from throng.counting.learning_to_count import counting_loss
from throng.errors import ThrongError


def test_a_network_that_counts_nothing_pays_the_margin():
    nothing = torch.zeros(3, 1000)
    assert float(counting_loss(nothing, torch.zeros(3, 4, 1000), nothing)) == 10.0
    both_ways = 2 * counting_loss(nothing, torch.zeros(3, 4, 1000), nothing)
    assert float(both_ways) == 20.0


def test_the_hinge_is_of_the_whole_vector():
    """The case that separates the paper's form from two others that are easily written instead of it."""
    tiles = torch.full((2, 4, 1000), 0.25)
    down_x, down_y = torch.ones(2, 1000), torch.full((2, 1000), 1.2)
    assert float(counting_loss(down_x, tiles, down_y)) == 0.0
    squares = (down_y - tiles.sum(1)).square()
    per_unit = torch.relu(10 - squares).mean()
    assert float(per_unit) == pytest.approx(9.96, abs=1e-5)
    summed_margins = torch.relu((10 - squares).sum(1)).mean()
    assert float(summed_margins) == pytest.approx(9960, rel=1e-5)


def test_terms_on_vectors_made_by_hand():
    down_x = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    tiles = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0]] * 4])
    down_y = torch.tensor([[2.0, 3.0], [4.0, 0.0]])
    # matching 1 + 1 and 0; hinge 10 - 4 and max(0, 10 - 16)
    assert float(counting_loss(down_x, tiles, down_y)) == pytest.approx((2 + 6 + 0 + 0) / 2)
    assert float(counting_loss(down_x, tiles, down_y, margin=3.0)) == pytest.approx(1.0)


def test_gradients_are_those_of_finite_differences():
    random = torch.Generator().manual_seed(0)
    down_x, down_y = (torch.rand(3, 5, dtype=torch.float64, generator=random).requires_grad_() for _ in range(2))
    tiles = torch.rand(3, 4, 5, dtype=torch.float64, generator=random).requires_grad_()
    assert torch.autograd.gradcheck(counting_loss, (down_x, tiles, down_y), atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("tiles", [torch.zeros(2, 5), torch.zeros(3, 4, 5), torch.zeros(2, 4, 6)])
def test_shapes_that_do_not_fit_are_refused(tiles):
    with pytest.raises(ThrongError, match=r"must be \(B, k\), those of tiles \(B, tiles, k\)"):
        counting_loss(torch.zeros(2, 5), tiles, torch.zeros(2, 5))
