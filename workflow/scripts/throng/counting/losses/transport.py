"""DM-Count's distribution matching: optimal transport from heads to the predicted map, and total variation.

Source: Wang et al., "Distribution matching for crowd counting", NeurIPS 2020, eq. 4-8; Sinkhorn's iterations in the log
domain with kernels absorbed between products: Schmitzer, "Stabilized sparse scaling algorithms for entropy regularized
transport problems", SIAM J. Sci. Comput. 2019; over-relaxed: Thibault et al., "Overrelaxed Sinkhorn-Knopp algorithm for
regularized optimal transport", Algorithms 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from throng.counting.losses.labels import Truth, counts_of
from throng.errors import ThrongError

PRODUCTS = 20
COOLING = 0.25
RELAXATION = 1.8
SMALLEST_MASS = 1e-8


@dataclass(frozen=True)
class Transport:
    """The entropic transport cost between heads and map, each divided by its sum, in square pixels, mean over images.

    The value is W = min over plans P of <C, P> + ``epsilon`` KL(P | heads x map), C the squared distance from a head
    to a cell's centre in square pixels. Its gradient in the map is the dual potential, by the envelope
    theorem. Where nobody is, in the labels or in the prediction, there is nothing to transport and the term is 0.
    """

    epsilon: float = 10.0
    iterations: int = 100
    tolerance: float = 5e-3

    def __post_init__(self) -> None:
        if not (self.epsilon > 0 and self.iterations >= 1 and self.tolerance >= 0):
            raise ThrongError(
                f"the transport loss takes a positive epsilon, iterations of at least 1 and a tolerance of at least 0; "
                f"got {self.epsilon}, {self.iterations} and {self.tolerance}"
            )

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; cells below zero count as empty."""
        shares, peopled = map_shares(predicted)
        both = peopled & truth.present.any(1)
        shares = shares.flatten(1)
        with torch.no_grad():
            # A problem without mass is replaced by one that has a solution, and left out of the mean.
            cells = torch.where(both[:, None], shares, torch.full_like(shares, 1 / shares.shape[1]))
            alpha, beta = self.potentials(truth, cells)
            fixed = (alpha * uniform(truth.present, shares.dtype)).sum(1)
        return truth.mean(fixed + (beta * shares).sum(1), both)

    def potentials(self, truth: Truth, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the dual potentials of the heads (B, N) and of the cells (B, h * w), whose shares are ``cells``."""
        down, across = (offsets.to(cells.dtype) for offsets in truth.offsets)
        heads = uniform(truth.present, cells.dtype)
        alpha, beta = torch.zeros_like(heads), torch.zeros_like(cells)
        # On a CPU the kernel of one image stays in the cache, without padding; a GPU wants them all at once.
        single = cells.device.type == "cpu"
        for images in [slice(i, i + 1) for i in range(truth.images)] if single else [slice(None)]:
            number = max(1, *(len(points) for points in truth.points[images]))
            cost = (down[images, :number, :, None] ** 2 + across[images, :number, None, :] ** 2).flatten(2)
            alpha[images, :number], beta[images] = sinkhorn(
                cost, heads[images, :number], cells[images], self.epsilon, self.iterations, self.tolerance
            )
        return alpha, beta


@dataclass(frozen=True)
class Variation:
    """Heads times half the sum over cells of |share of the heads - share of the map|, in people; mean over the images.

    A head's person is in the one cell that holds its point, as in DM-Count's published training.
    """

    def __call__(self, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
        """Return the loss of maps (B, 1, h, w), a scalar; it is 0 for images without heads."""
        shares, _ = map_shares(predicted)
        numbers = counts_of(truth.dots)
        true = truth.dots / numbers.clamp(min=1)[:, None, None, None]
        return truth.mean(0.5 * numbers * (true - shares).abs().sum((1, 2, 3)), truth.located)


def map_shares(predicted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return maps (B, 1, h, w) cut at zero and divided by their sums, and which of them hold anybody, (B,) bool."""
    mass = predicted.clamp(min=0)
    sums = counts_of(mass)
    peopled = sums > SMALLEST_MASS
    return mass / torch.where(peopled, sums, torch.ones_like(sums))[:, None, None, None], peopled


def uniform(present: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return an equal share for each of the ``present`` (B, N), everything for the first where there is none."""
    first = torch.arange(present.shape[1], device=present.device) == 0
    real = torch.where(present.any(1, keepdim=True), present, first).to(dtype)
    return real / real.sum(1, keepdim=True)


def sinkhorn(
    cost: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    epsilon: float,
    iterations: int,
    tolerance: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the dual potentials (B, N) and (B, M) of entropic transport between masses a and b, in units of ``cost``.

    ``cost`` is (B, N, M); ``a`` (B, N) and ``b`` (B, M) are not negative and sum to 1. The plan
    a_i b_j exp((alpha_i + beta_j - cost_ij) / epsilon) has the column sums b exactly, so that <alpha, a> + <beta, b> is
    its dual value; it ends when the row sums are off by less than ``tolerance`` in all, or after ``iterations``.

    The regularisation cools from the size of the costs by ``COOLING`` per step, as small ones alone converge slowly. In
    between, the plan so far is the kernel of plain products, whose factors stay near 1.
    """
    alpha = torch.zeros_like(a)
    level = max(float(cost.amax()) if cost.numel() else 0.0, epsilon)
    while level > epsilon:
        alpha, _ = _absorbed(cost, alpha, a, b, level, PRODUCTS)
        level *= COOLING
    done = 0
    while done < iterations:
        rounds = min(PRODUCTS, iterations - done)
        alpha, error = _absorbed(cost, alpha, a, b, epsilon, rounds)
        done += rounds
        if error < tolerance:
            break
    return alpha, _potential(cost, alpha, a, epsilon)[0]


def _absorbed(
    cost: torch.Tensor,
    alpha: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    epsilon: float,
    rounds: int,
) -> tuple[torch.Tensor, float]:
    """Return ``alpha`` after some rounds of scaling, and how far the row sums were off before them at worst."""
    _, plan = _potential(cost, alpha, a, epsilon)
    smallest = torch.finfo(cost.dtype).tiny
    rows = _product(plan, b)
    error = float((rows - a).abs().sum(1).amax())
    row_log, column_log = torch.zeros_like(a), torch.zeros_like(b)
    for _ in range(rounds - 1):
        target = torch.where(a > 0, a / rows.clamp(min=smallest), 1).log()
        row_log = row_log + RELAXATION * (target - row_log)
        columns = _product(plan.transpose(1, 2), row_log.exp())
        column_log = column_log - RELAXATION * (columns.clamp(min=smallest).log() + column_log)
        rows = _product(plan, b * column_log.exp())
    target = torch.where(a > 0, a / rows.clamp(min=smallest), 1).log()
    return alpha + epsilon * target, error


def _product(matrices: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    return (matrices @ vectors[:, :, None])[:, :, 0]


def _potential(
    cost: torch.Tensor, alpha: torch.Tensor, a: torch.Tensor, epsilon: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return beta (B, M), the soft minimum of cost - alpha over the rows, and the shares of the rows in each column."""
    exponents = (a.log() + alpha / epsilon)[:, :, None] - cost / epsilon
    top = exponents.amax(1, keepdim=True)
    shares = exponents.sub_(top).exp_()
    sums = shares.sum(1, keepdim=True)
    beta = -epsilon * (top + sums.log())[:, 0]
    return beta, shares.div_(sums)
