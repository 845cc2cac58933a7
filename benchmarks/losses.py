"""What each loss costs per training step, and ours against the form it is usually written in.

    python benchmarks/losses.py [--rounds 9]

Twelve crops of 192x256 pixels at stride 8 with 0 to 300 heads, one thread. A step is the loss of a batch of predicted
maps from its head points and its gradient in the maps; what the points have to become on the way (density maps,
posteriors, transport plans) is part of it. The second half compares three losses with their plain formulation after
their values and gradients were found to agree: SSIM with 11x11 windows, the Bayesian loss with every posterior stored,
and 100 of Sinkhorn's iterations in the log domain in NumPy, beside how much mass either leaves in the wrong rows.
Medians of rounds taken in turn in one process, and ratios of paired rounds, go to standard output and to
benchmarks/results/losses.json.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.losses import DM_COUNT, Labels, build_loss
from throng.counting.losses.labels import Truth
from throng.counting.losses.transport import Transport

RESULTS = Path(__file__).parent / "results"
SHAPE, STRIDE, CROPS, MOST_HEADS = (192, 256), 8, 12, 300
WIDE = 2000.0
TERMS: dict[str, dict[str, Any]] = {
    "pixel": {"pixel": 1.0},
    "ssim": {"ssim": 1.0},
    "pixel + ssim (SANet)": {"pixel": 1.0, "ssim": 1e-3},
    "bayesian": {"bayesian": 1.0},
    "transport": {"transport": 1.0},
    "variation": {"variation": 1.0},
    "DM-Count": DM_COUNT,
    "count": {"count": 1.0},
    "count_likelihood": {"count_likelihood": 1.0},
    "ranking": {"ranking": 1.0},
}
Step = Callable[[torch.Tensor, Labels], torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    predicted, labels = batch()
    figures: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "crops": CROPS,
        "shape": SHAPE,
        "stride": STRIDE,
        "heads": [len(points) for points in labels.points if points is not None],
    }
    ways = {name: ours(terms) for name, terms in TERMS.items()}
    print("cost of a step, and its ratio to pixel's")
    figures["step"] = timed(ways, predicted, labels, options.rounds, "pixel")
    for name, plain in {"ssim": ssim_by_windows, "bayesian": bayesian_by_posteriors}.items():
        figures[f"{name} against its plain form"] = {
            "relative difference": agreeing(name, ours({name: 1.0}), plain, predicted, labels, 1e-4),
            **timed({"ours": ours({name: 1.0}), "plain": plain}, predicted, labels, options.rounds, "ours"),
        }
    figures["transport against its plain form"] = transport(predicted, labels, options.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "losses.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def batch() -> tuple[torch.Tensor, Labels]:
    """Return maps as a half-trained counter makes them, with too little, too much and misplaced mass, and labels."""
    random = np.random.default_rng(0)
    numbers = np.linspace(0, MOST_HEADS, CROPS).astype(int)
    limits = SHAPE[1] - 1, SHAPE[0] - 1
    points = [
        torch.from_numpy(np.clip(random.normal(random.uniform((0, 0), limits), 80, (n, 2)), 0, limits)) for n in numbers
    ]
    count = torch.from_numpy(numbers)
    labels = Labels(points, SHAPE, STRIDE, stds=0.2 * count, pairs=torch.tensor([[i + 1, i] for i in range(CROPS - 1)]))
    true = Truth(Labels(points, SHAPE, STRIDE, sigma=12.0), torch.zeros(CROPS, 1, SHAPE[0] // 8, SHAPE[1] // 8)).density
    noise = torch.from_numpy(random.gamma(2.0, 0.5, true.shape)).float()
    return 0.8 * true * noise + 0.02 * noise, labels


def ours(terms: dict[str, Any]) -> Step:
    loss = build_loss(terms, target_scale=100.0)
    return lambda predicted, labels: loss(predicted, labels).total


def timed(ways: dict[str, Step], predicted: torch.Tensor, labels: Labels, rounds: int, base: str) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            maps = predicted.clone().requires_grad_()
            started = time.process_time()
            way(maps, labels).backward()
            if turn:
                seconds[name].append(time.process_time() - started)
    figures = {}
    for name, values in seconds.items():
        ratios = [value / own for value, own in zip(values, seconds[base], strict=True)]
        figures[name] = {
            "CPU ms": round(1e3 * statistics.median(values), 2),
            "ratio": round(statistics.median(ratios), 2),
            "ratio least": round(min(ratios), 2),
            "ratio most": round(max(ratios), 2),
        }
        print(f"  {name:22s} {figures[name]}", flush=True)
    return figures


def transport(predicted: torch.Tensor, labels: Labels, rounds: int) -> dict[str, Any]:
    """Compare where the textbook's iterations converge, at a wide epsilon, then time them at the usual one."""
    wide = {"transport": {"weight": 1.0, "epsilon": WIDE, "iterations": 1000, "tolerance": 1e-4}}
    agreement = agreeing(
        "transport", ours(wide), TextbookTransport(predicted, labels, WIDE, 300), predicted, labels, 1e-3
    )
    plain = TextbookTransport(predicted, labels, Transport().epsilon, Transport().iterations)
    errors = {"ours": our_row_error(predicted, labels, plain), "plain": plain.row_error(predicted)}
    print(f"  mass in the wrong rows: {errors}")
    figures = timed({"ours": ours({"transport": 1.0}), "plain": plain}, predicted, labels, rounds, "ours")
    for name, error in errors.items():
        figures[name]["row error"] = round(error, 4)
    return {"relative difference at a wide epsilon": agreement, "wide epsilon": WIDE, **figures}


def agreeing(
    name: str, first: Step, second: Step, predicted: torch.Tensor, labels: Labels, tolerance: float
) -> dict[str, float]:
    agreement = compare(first, second, predicted, labels)
    print(f"\n{name}: relative difference {agreement}", flush=True)
    if not max(agreement.values()) <= tolerance:
        raise SystemExit(f"{name}: ours and the plain form differ by more than {tolerance}: the times mean nothing")
    return agreement


def compare(first: Step, second: Step, predicted: torch.Tensor, labels: Labels) -> dict[str, float]:
    """Return the relative differences of the values, and of the gradients in the largest norm of the second's."""
    values, gradients = [], []
    for way in (first, second):
        maps = predicted.clone().requires_grad_()
        value = way(maps, labels)
        value.backward()
        assert maps.grad is not None
        values.append(float(value.detach()))
        gradients.append(maps.grad)
    error = (gradients[0] - gradients[1]).abs().amax() / gradients[1].abs().amax()
    return {"value": abs(values[0] - values[1]) / abs(values[1]), "gradient": float(error)}


def ssim_by_windows(predicted: torch.Tensor, labels: Labels) -> torch.Tensor:
    """One minus SSIM from five convolutions with the 11x11 window, crop by crop."""
    truth = Truth(labels, predicted)
    offsets = torch.arange(11) - 5
    taps = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = (torch.outer(taps, taps) / taps.sum() ** 2)[None, None]
    losses = []
    for maps, density in zip(predicted, truth.density, strict=True):
        peak = max(float(density.max()), STRIDE**2 / (2 * np.pi * 15**2))
        x, y = maps[None] / peak, density[None] / peak
        mx, my, xx, yy, xy = (functional.conv2d(a, window, padding=5) for a in (x, y, x * x, y * y, x * y))
        vx, vy, cov = xx - mx * mx, yy - my * my, xy - mx * my
        similar = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
        losses.append(1 - similar.mean())
    return torch.stack(losses).mean()


def bayesian_by_posteriors(predicted: torch.Tensor, labels: Labels, sigma: float = 8.0) -> torch.Tensor:
    """The paper's equations as they stand: the posterior of every head in every cell by a softmax, crop by crop."""
    rows = (torch.arange(predicted.shape[2]) + 0.5) * STRIDE - 0.5
    columns = (torch.arange(predicted.shape[3]) + 0.5) * STRIDE - 0.5
    dummy = 0.15 * min(SHAPE)
    losses = []
    for density, points in zip(predicted, labels.points, strict=True):
        assert points is not None
        if len(points) == 0:
            losses.append(density.sum().abs())
            continue
        heads = points.float()
        squares = (rows[None, :, None] - heads[:, 1, None, None]) ** 2
        squares = squares + (columns[None, None, :] - heads[:, 0, None, None]) ** 2
        background = (dummy - squares.amin(0, keepdim=True).sqrt()) ** 2
        posterior = torch.softmax(-torch.cat([squares, background]) / (2 * sigma**2), 0)
        expected = (posterior * density).sum((1, 2))
        losses.append((1 - expected[:-1]).abs().sum() + expected[-1].abs())
    return torch.stack(losses).mean()


class TextbookTransport:
    """Sinkhorn's two soft minima in NumPy, crop by crop, a fixed number of times."""

    def __init__(self, predicted: torch.Tensor, labels: Labels, epsilon: float, iterations: int) -> None:
        truth = Truth(labels, predicted)
        down, across = (offsets.float() for offsets in truth.offsets)
        self.epsilon, self.iterations = epsilon, iterations
        self.costs = [
            (i, (down[i, :n, :, None] ** 2 + across[i, :n, None, :] ** 2).flatten(1).numpy())
            for i, n in enumerate(len(points) for points in truth.points)
            if n > 0
        ]

    def __call__(self, predicted: torch.Tensor, labels: Labels) -> torch.Tensor:
        """Return the mean dual value over the crops."""
        shares = (predicted / predicted.sum((1, 2, 3), keepdim=True)).flatten(1)
        total = predicted.new_zeros(())
        for i, cost in self.costs:
            alpha, beta = textbook(cost, shares[i].detach().numpy(), self.epsilon, self.iterations)
            total = total + float(alpha.mean()) + (torch.from_numpy(beta) * shares[i]).sum()
        return total / CROPS

    def row_error(self, predicted: torch.Tensor) -> float:
        """Return by how much of the mass the plans' row sums are off, the mean over the crops."""
        shares = (predicted / predicted.sum((1, 2, 3), keepdim=True)).flatten(1).numpy()
        plans = [(textbook(cost, shares[i], self.epsilon, self.iterations)[0], i, cost) for i, cost in self.costs]
        return statistics.mean(row_error(alpha, cost, shares[i], self.epsilon) for alpha, i, cost in plans)


def our_row_error(predicted: torch.Tensor, labels: Labels, plain: TextbookTransport) -> float:
    shares = (predicted / predicted.sum((1, 2, 3), keepdim=True)).flatten(1)
    alpha, _ = Transport().potentials(Truth(labels, predicted), shares)
    return statistics.mean(
        row_error(alpha[i, : len(cost)].numpy(), cost, shares[i].numpy(), plain.epsilon) for i, cost in plain.costs
    )


def textbook(cost: np.ndarray, b: np.ndarray, epsilon: float, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the potentials of equal heads and of cells with shares ``b``."""
    log_a, log_b = np.float32(-np.log(len(cost))), np.log(b)[None]
    alpha = np.zeros(len(cost), np.float32)
    beta = soft_minimum(cost - alpha[:, None], log_a, epsilon, 0)
    for _ in range(iterations):
        alpha = soft_minimum(cost - beta[None], log_b, epsilon, 1)
        beta = soft_minimum(cost - alpha[:, None], log_a, epsilon, 0)
    return alpha, beta


def soft_minimum(cost: np.ndarray, log_mass: np.ndarray | np.float32, epsilon: float, axis: int) -> np.ndarray:
    return -epsilon * logsumexp(log_mass - cost / epsilon, axis=axis)


def row_error(alpha: np.ndarray, cost: np.ndarray, b: np.ndarray, epsilon: float) -> float:
    share = 1 / len(cost)
    beta = soft_minimum(cost - alpha[:, None], np.float32(np.log(share)), epsilon, 0)
    plan = share * b[None] * np.exp((alpha[:, None] + beta[None] - cost) / epsilon)
    return float(np.abs(plan.sum(1) - share).sum())


if __name__ == "__main__":
    main()
