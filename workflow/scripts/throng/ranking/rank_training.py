"""Training a ranker: ranked pairs in, an encoder with a rank head, its recipe and its history out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.counting.learning_to_count.operators import PAPER_FILTERS, downsampled, tiles
from throng.encoders.encoder import Encoder
from throng.provenance import canonical_json, digest
from throng.ranking.head import RankHead
from throng.ranking.losses import (
    delta_loss,
    empty_loss,
    listwise_loss,
    people_per_score,
    rank_loss,
    removal_loss,
    tie_loss,
    tile_loss,
)
from throng.ranking.network import RankNetwork, score_pictures
from throng.ranking.pair_batches import RankBatch, RankBatches
from throng.ranking.pair_table import RankedPair
from throng.sections.base import output_slice
from throng.sections.pretrain_rank import Ranker, RankLosses
from throng.training import LoopOptions, train

CALIBRATION_BATCHES = 8
SCORED_AT_ONCE = 32
SELECT = "rank_loss"

Stats = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Lessons:
    """What is learnt from and what is held out: pairs of pictures by number, and the pictures, (h, w, 3) uint8 each."""

    training: Sequence[RankedPair]
    held_out: Sequence[RankedPair]
    pictures: Sequence[np.ndarray]


def train_ranker(
    encoder: Encoder,
    lessons: Lessons,
    options: Ranker,
    work_folder: Path,
    *,
    seed: int,
    origin: str = "",
    workers: int = 1,
) -> tuple[RankNetwork, dict[str, Any], list[dict[str, float]]]:
    """Train a ranker on an encoder and return it with its best weights, its recipe and its history.

    The best are those of the lowest held-out rank loss, ties included, and nothing else chooses. ``origin`` is a hash
    of what the encoder was before. A killed run that is started again with the same arguments and ``work_folder`` goes
    on where its last checkpoint was, to the same result; ``workers`` do not change it. Raises ThrongError for a picture
    that cannot be read, or as :func:`throng.training.train` does.
    """
    torch.manual_seed(seed)
    network = started(encoder, lessons, options, seed)
    batches = RankBatches(lessons.training, lessons.pictures, options, seed)
    identity = {
        "section": output_slice(options),
        "origin": origin,
        "pairs": digest(canonical_json([pair.id for pair in (*lessons.training, *lessons.held_out)])),
    }
    names = LoopOptions.__dataclass_fields__.keys() - {"seed"}
    progress = train(
        network,
        batches,
        lambda model, batch: total_loss(model, batch, options.losses),
        LoopOptions(**{name: getattr(options, name) for name in names}, seed=seed),
        work_folder,
        device=options.device,
        validate=lambda model: held_out_figures(model, lessons),
        select=SELECT,
        identity=identity,
        workers=workers,
        patience=options.patience,
        checkpoint_seconds=options.checkpoint_seconds,
        title="learning to rank",
    )
    network.eval()
    recipe = {
        "options": output_slice(options),
        "origin": origin,
        "training_pairs": len(lessons.training),
        "held_out_pairs": len(lessons.held_out),
        "best_step": progress.best_step,
        "held_out_rank_loss": progress.best_score,
        "people_per_score": unit_of(network, lessons),
    }
    return network, recipe, progress.history


def started(encoder: Encoder, lessons: Lessons, options: Ranker, seed: int) -> RankNetwork:
    """Return a network that has learnt no ranks: scores differ by about 1 within the first batches' pairs."""
    head = RankHead(encoder.features, hidden_layers=options.hidden_layers, hidden_width=options.hidden_width)
    network = RankNetwork(encoder, head, options.size).to(options.device)
    batches = RankBatches(lessons.training, lessons.pictures, options, seed)
    leads: list[torch.Tensor] = []
    network.eval()
    with torch.no_grad():
        for number in range(CALIBRATION_BATCHES):
            batch = batches(number)
            scores = network(batch.pictures.to(options.device)).cpu()
            more, fewer = scores[batch.pairs[~batch.ties]].T
            leads.append(more - fewer)
    head.calibrate(torch.cat(leads))
    return network


def total_loss(network: torch.nn.Module, batch: RankBatch, losses: RankLosses) -> tuple[torch.Tensor, Stats]:
    """Return the weighted sum of the chosen losses over a batch, a scalar, and each of them by name.

    All pictures go through the network at once, their tiles at once too. A loss that a batch has nothing for is 0.
    """
    scores = network(batch.pictures)
    more, fewer = scores[batch.pairs].T
    sure, known = ~batch.ties, ~batch.deltas.isnan()
    none = scores.sum() * 0
    with torch.autocast(scores.device.type, enabled=False):
        parts = {
            "rank": rank_loss(more[sure], fewer[sure], batch.weights[sure]) if sure.any() else none,
            "tie": tie_loss(more[~sure], fewer[~sure], batch.weights[~sure]) if batch.ties.any() else none,
        }
        if losses.delta:
            parts["delta"] = (
                delta_loss(more[known], fewer[known], batch.deltas[known]) if (batch.deltas > 0).any() else none
            )
        if losses.listwise:
            parts["listwise"] = (
                listwise_loss(_chained(scores, batch), batch.chain_weights) if len(batch.chains) else none
            )
        if losses.empty:
            parts["empty"] = empty_loss(scores, batch.empty)
        if losses.tiles or losses.removal:
            parts |= _tile_losses(network, batch, losses)
        total = torch.stack([getattr(losses, name) * part for name, part in parts.items()]).sum()
        accuracy = (more[sure] > fewer[sure]).float().mean() if sure.any() else none + 0.5
    return total, {**parts, "accuracy": accuracy}


def held_out_figures(network: torch.nn.Module, lessons: Lessons) -> dict[str, float]:
    """Return the rank loss of the held-out pairs, its parts, and the accuracy, where an equal score is half right.

    The loss is RankNet's with its target of every pair, 1 where one shows more and 1/2 where both show as many: the
    mean over the former plus the mean over the latter. Without these, the network that best sees painting would win.
    """
    assert isinstance(network, RankNetwork)
    leads = torch.from_numpy(leads_of(network, lessons.pictures, lessons.held_out))
    ties = torch.tensor([pair.tie for pair in lessons.held_out])
    nought, ordered = torch.zeros_like(leads), leads[~ties]
    order = float(rank_loss(ordered, nought[~ties]))
    tie = float(tie_loss(leads[ties], nought[ties])) if ties.any() else 0.0
    accuracy = float((ordered > 0).double().mean() + (ordered == 0).double().mean() / 2)
    return {SELECT: order + tie, "order": order, "tie": tie, "accuracy": accuracy}


def leads_of(network: RankNetwork, pictures: Sequence[np.ndarray], pairs: Sequence[RankedPair]) -> np.ndarray:
    """Return by how much the first picture's score leads in each pair, (P,) float64."""
    members = sorted({number for pair in pairs for number in (pair.more, pair.fewer)})
    scores = dict(zip(members, score_pictures(network, pictures, members, SCORED_AT_ONCE).tolist(), strict=True))
    return np.array([scores[pair.more] - scores[pair.fewer] for pair in pairs], np.float64)


def unit_of(network: RankNetwork, lessons: Lessons) -> float | None:
    """Return people per unit of the score by the removals of the training pairs; None where no number is known."""
    counted = [pair for pair in lessons.training if pair.delta >= 0]
    if not any(pair.delta for pair in counted):
        return None
    leads = torch.from_numpy(leads_of(network, lessons.pictures, counted))
    unit = people_per_score(leads, torch.zeros_like(leads), torch.tensor([pair.delta for pair in counted]))
    return unit if np.isfinite(unit) else None


def loss_curves(history: Sequence[Mapping[str, float]]) -> dict[str, list[list[float]]]:
    """Return [step, value] by name of every loss and accuracy in the history of a training."""
    curves: dict[str, list[list[float]]] = {}
    for row in history:
        for name, value in row.items():
            if name not in ("step", "learning_rate", "grad_norm"):
                curves.setdefault(name, []).append([row["step"], value])
    return curves


def _chained(scores: torch.Tensor, batch: RankBatch) -> torch.Tensor:
    return torch.where(batch.chains >= 0, scores[batch.chains.clamp(min=0)], torch.nan)


def _tile_losses(network: torch.nn.Module, batch: RankBatch, losses: RankLosses) -> Stats:
    cut = tiles(batch.pictures)
    pictures = [cut.flatten(0, 1)]
    if losses.tiles:
        drawn = torch.randint(len(PAPER_FILTERS), (len(batch.pictures),)).to(batch.pictures.device)
        pictures.append(downsampled(batch.pictures, drawn))
    scores = network(torch.cat(pictures))
    parts, whole = scores[: cut.shape[0] * cut.shape[1]].reshape(cut.shape[:2]), scores[cut.shape[0] * cut.shape[1] :]
    found: Stats = {}
    if losses.tiles:
        found["tiles"] = tile_loss(whole, parts)
    if losses.removal:
        more, fewer = batch.pairs.T
        found["removal"] = removal_loss(parts[more], parts[fewer], batch.removed)
    return found
