"""Training a network to count: pictures in, a network with its recipe out, and never a label."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.learning_to_count.batches import Batch, Pairs
from throng.counting.learning_to_count.forward import counts_of, loss_terms
from throng.counting.learning_to_count.monitor import activity, check_alive
from throng.counting.learning_to_count.networks import CountingNetwork, counting_network
from throng.counting.learning_to_count.options import PretextOptions
from throng.provenance import canonical_json, digest
from throng.training import train

# The same pairs of crops for every run, however it is shared out, so that their losses can be compared.
HELD_OUT_SEED, HELD_OUT_PAIRS = 0, 16


def train_counting(
    pictures: Sequence[np.ndarray],
    held_out: Sequence[np.ndarray],
    options: PretextOptions,
    work: Path,
    *,
    device: str = "cpu",
    shares: Sequence[float] | None = None,
    identity: Mapping[str, Any] | None = None,
    processes: int = 1,
    workers: int = 1,
    checkpoint_seconds: float = 60.0,
) -> tuple[CountingNetwork, dict[str, Any], list[dict[str, float]]]:
    """Train a network on (H, W, 3) uint8 pictures and return it with its recipe and its history.

    ``held_out`` pictures, each looked at once per validation, show loss, active units, mean norm and the relative error
    of the matching term. ``shares`` is how often an epoch shows each picture in the mean (None: once). ``identity``
    says which pictures these are. ``processes`` share a step without changing its pictures; ``workers`` and
    ``checkpoint_seconds`` change no result. A killed run goes on from ``work`` to the same result. Raises ThrongError
    with fewer than two pictures of either kind, on crops that do not fit, when no unit is active any more, or as
    :func:`throng.training.train` does. Noroozi et al., "Representation Learning by Learning to Count", ICCV 2017.
    """
    torch.manual_seed(options.seed)
    pairs = Pairs(pictures, options.crops(), options.pairs_each(processes), shares)
    network = counting_network(
        options.encoder, options.tile, units=options.units, head=options.head, options=options.encoder_options
    )
    expected = len(pictures) if shares is None else math.ceil(sum(shares))
    progress = train(
        network,
        pairs,
        _loss_of(options),
        options.loop(expected),
        work,
        device=device,
        validate=_validation(held_out, options),
        select="loss" if options.select == "held_out" else None,
        on_log=lambda step, row: check_alive(row["active_units"], f"by step {step}"),
        identity={**asdict(options), "shares": digest(canonical_json(shares)), **(identity or {})},
        workers=workers,
        checkpoint_seconds=checkpoint_seconds,
        title=f"learning to count with {options.encoder}",
    )
    recipe = {
        "options": asdict(options),
        "steps": options.steps_of(expected),
        "pictures": len(pictures),
        "held_out_pictures": len(held_out),
        "best_step": progress.best_step if options.select == "held_out" else progress.step,
        "held_out": _held_out_figures(progress.history, progress.best_step or progress.step),
    }
    return network.eval(), recipe, progress.history


def _loss_of(
    options: PretextOptions,
) -> Callable[[torch.nn.Module, Batch], tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    def loss_of(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        counts = counts_of(network, batch, options.pairing, options.filters, options.grid)
        matching, hinge = loss_terms(counts, options.margin)
        seen = activity(torch.cat([counts.down_x, counts.down_y]))
        return matching + hinge, {"matching": matching, "hinge": hinge, **seen}

    return loss_of


def _validation(
    held_out: Sequence[np.ndarray], options: PretextOptions
) -> Callable[[torch.nn.Module], dict[str, float]]:
    pairs = min(HELD_OUT_PAIRS, max(1, len(held_out) // 2))
    looked_at = Pairs(held_out, replace(options.crops(), seed=HELD_OUT_SEED, mosaic=0.0), pairs)
    batches = [looked_at(number) for number in range(math.ceil(len(held_out) / (2 * pairs)))]

    def validate(network: torch.nn.Module) -> dict[str, float]:
        device = next(network.parameters()).device
        terms: list[torch.Tensor] = []
        down: list[torch.Tensor] = []
        whole: list[torch.Tensor] = []
        for batch in batches:
            here = Batch(*(part.to(device) for part in batch))
            counts = counts_of(network, here, options.pairing, options.filters, options.grid)
            terms.append(torch.stack([*loss_terms(counts, options.margin), _mismatch(counts.down_x, counts.tiles_x)]))
            down += [counts.down_x, counts.down_y]
            whole.append(counts.tiles_x.sum(1))
        matching, hinge, mismatch = (float(term) for term in torch.stack(terms).mean(0))
        seen = {name: float(value) for name, value in activity(torch.cat(down)).items()}
        check_alive(seen["active_units"], "by this validation")
        power = float(torch.cat(whole).square().sum(1).mean())
        return {
            "loss": matching + hinge,
            "matching": matching,
            "hinge": hinge,
            "relative_error": mismatch / power if power else math.inf,
            **seen,
        }

    return validate


def _mismatch(down: torch.Tensor, tiles: torch.Tensor) -> torch.Tensor:
    return (down - tiles.sum(1)).square().sum(1).mean()


def _held_out_figures(history: Sequence[Mapping[str, float]], step: int) -> dict[str, float]:
    (row,) = [row for row in history if row["step"] == step and "val_loss" in row]
    return {name.removeprefix("val_"): value for name, value in row.items() if name != "step"}
