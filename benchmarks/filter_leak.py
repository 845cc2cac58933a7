"""Whether networks that learn to count tell downsampling filters apart, with a single filter and with filters drawn.

    python benchmarks/filter_leak.py [--steps 400] [--seeds 3]

Noroozi et al., "Representation Learning by Learning to Count" (2017), table 5, made small: for each of four filters a
network is trained with that filter alone, and one with a filter drawn for each crop; all are tested by all filters on
pictures that none has seen. e_ij is the squared error of the matching term in shares of the mean squared norm. Where
filters are told apart, errors off the diagonal are larger than on it. Pictures are drawn discs on noise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.learning_to_count.leak import leak_matrix, leak_ratio
from throng.counting.learning_to_count.networks import CountingNetwork
from throng.counting.learning_to_count.operators import PAPER_FILTERS
from throng.counting.learning_to_count.options import PretextOptions
from throng.counting.learning_to_count.train import train_counting

RESULTS = Path(__file__).parent / "results"
CROP = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    unseen = torch.from_numpy(np.stack([picture[:CROP, :CROP] for picture in discs(64, 2)])).permute(0, 3, 1, 2)
    figures: dict[str, Any] = {"filters": PAPER_FILTERS, "steps": options.steps, "runs": []}
    for seed in range(options.seeds):
        single = leak_matrix([trained((name,), options.steps, seed) for name in PAPER_FILTERS], unseen)
        drawn = leak_matrix([trained(PAPER_FILTERS, options.steps, seed)], unseen)
        run = {
            "single filter": {"errors": single.round(4).tolist(), "ratio": round(leak_ratio(single), 3)},
            "filters drawn": {"errors": drawn.round(4).tolist(), "ratio": round(leak_ratio(drawn), 3)},
        }
        figures["runs"].append(run)
        print(json.dumps(run), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "filter_leak.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def trained(filters: tuple[str, ...], steps: int, seed: int) -> CountingNetwork:
    """Return a small network that learnt to count discs."""
    options = PretextOptions(
        encoder_options={"width": 8},
        units=16,
        crop=(CROP, CROP),
        filters=filters,
        batch_size=8,
        steps=steps,
        learning_rate=2e-3,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        network, _, history = train_counting(discs(200, 0), discs(16, 1), options, Path(folder))
    print(", ".join(filters), {name: round(value, 3) for name, value in history[-1].items()}, flush=True)
    return network


def discs(number: int, seed: int) -> list[np.ndarray]:
    """Return pictures (72, 80, 3) uint8 of 0 to 60 discs, smooth at their edges, on noise of one level."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:72, :80]
    pictures = []
    for _ in range(number):
        light = np.zeros((72, 80))
        for x, y in rng.uniform((0, 0), (80, 72), (int(rng.integers(0, 61)), 2)):
            light = np.maximum(light, np.clip(4 - np.hypot(columns - x, rows - y), 0, 1))
        picture = 30 + 190 * light[..., None] + rng.normal(0, 12, (72, 80, 1))
        pictures.append(np.repeat(picture.clip(0, 255), 3, 2).round().astype(np.uint8))
    return pictures


if __name__ == "__main__":
    main()
