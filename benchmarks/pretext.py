"""Learning to Count at a small scale: what its layers tell of drawn pictures, beside random init and a faulty loss.

The stand-in for ImageNet, on a CPU in minutes: networks learn to count on the training pictures of the drawn set of
stage probe without their labels; linear heads on their frozen layers then tell the kinds of other pictures. Three
networks have the same architecture, seed, pictures and schedule: untrained, trained by the paper's loss, and trained
by the published faulty form, whose hinge is taken per coordinate and averaged.

    python benchmarks/pretext.py [--seeds 1] [--steps 500] [--encoder small] [--width 16]
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.counting.learning_to_count import forward, loss
from throng.counting.learning_to_count.networks import CountingNetwork, counting_network
from throng.counting.learning_to_count.options import PretextOptions
from throng.counting.learning_to_count.train import train_counting
from throng.probing.classes import ClassPictures, LayerScore, class_pictures, probe_layers
from throng.probing.frozen import frozen
from throng.probing.heads import HeadOptions
from throng.probing.shapes import shape_set
from throng.probing.summary import verdict

SIDE, CROP = 112, 96
RANDOM, PAPER, FAULTY = "random init", "paper's loss", "per-coordinate loss"


def per_coordinate_terms(
    down_x: torch.Tensor, tiles_x: torch.Tensor, down_y: torch.Tensor, margin: float = loss.MARGIN
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the faulty form's terms: both are means over coordinates, and every coordinate has its own hinge."""
    whole = tiles_x.sum(1)
    return (down_x - whole).square().mean(), torch.relu(margin - (down_y - whole).square()).mean()


@contextlib.contextmanager
def trained_by(terms: Any) -> Iterator[None]:
    """Let the trainer minimise other terms for a while."""
    usual = forward.counting_terms
    forward.counting_terms = terms
    try:
        yield
    finally:
        forward.counting_terms = usual


def main() -> None:
    """Train, probe, print a table and write it beside the other results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--width", type=int, default=16, help="of encoder small")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--labelled", type=int, default=600)
    parser.add_argument("--validation", type=int, default=800)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "pretext.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    options = PretextOptions(
        encoder=asked.encoder,
        encoder_options={"width": asked.width} if asked.encoder == "small" else {},
        units=asked.units,
        crop=(CROP, CROP),
        batch_size=asked.batch_size,
        steps=asked.steps,
        learning_rate=asked.learning_rate,
        log_every=100,
    )
    pictures, _ = shape_set(0, "train", asked.pictures, SIDE)
    held_out, _ = shape_set(1, "train", 64, SIDE)
    material = class_pictures(0, pictures=asked.labelled, validation=asked.validation, side=SIDE, crop=CROP, views=2)
    scores: dict[str, dict[str, list[LayerScore]]] = {RANDOM: {}, PAPER: {}, FAULTY: {}}
    runs: list[dict[str, Any]] = []
    for seed in range(asked.seeds):
        for name, found in scores.items():
            network, history, seconds = network_of(name, options, seed, list(pictures), list(held_out))
            run = f"seed-{seed + 1}"
            found[run] = probed(network, material, f"{name}, {run}")
            figures = [score.figures() for score in found[run]]
            runs.append({"network": name, "run": run, "layers": figures, "seconds": seconds, "held_out": history})
            print(f"{name:20} {run}: " + " ".join(f"{one['layer']} {one['top1']:.1f}" for one in figures), flush=True)
    verdicts = [
        verdict(PAPER, scores[PAPER], scores[RANDOM]),
        verdict(FAULTY, scores[FAULTY], scores[RANDOM]),
        verdict(f"{PAPER} against {FAULTY}", scores[PAPER], scores[FAULTY]),
    ]
    for one in verdicts[:2]:
        print(one["sentence"])
    print(f"{PAPER} less {FAULTY}: " + ", ".join(said(layer, one) for layer, one in verdicts[2]["margins"].items()))
    settings = {name: str(value) for name, value in vars(asked).items() if name != "out"}
    asked.out.write_text(json.dumps({"settings": settings, "runs": runs, "verdicts": verdicts}, indent=1) + "\n")


def said(layer: str, margin: dict[str, Any]) -> str:
    """Return a margin in a few words."""
    return f"{layer} {margin['points']:+.1f} ({margin['points_95'][0]:+.1f} to {margin['points_95'][1]:+.1f})"


def network_of(
    name: str, options: PretextOptions, seed: int, pictures: list[np.ndarray], held_out: list[np.ndarray]
) -> tuple[CountingNetwork, dict[str, float], float]:
    """Return a network as it starts, or trained by one of the losses, its last figures and the seconds it took."""
    options = PretextOptions(**{**vars(options), "seed": seed})
    if name == RANDOM:
        torch.manual_seed(seed)
        made = counting_network(
            options.encoder, options.tile, units=options.units, head=options.head, options=options.encoder_options
        )
        return made.eval(), {}, 0.0
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as work,
        trained_by(loss.counting_terms if name == PAPER else per_coordinate_terms),
    ):
        network, recipe, _ = train_counting(pictures, held_out, options, Path(work))
    return network, recipe["held_out"], round(time.monotonic() - started, 1)


def probed(network: CountingNetwork, material: ClassPictures, name: str) -> list[LayerScore]:
    """Return the scores of the network's layers."""
    with frozen(network, name):
        return probe_layers(network.encoder, material, HeadOptions(), seed=0, device="cpu")


if __name__ == "__main__":
    main()
