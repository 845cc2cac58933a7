"""Stage ``pretrain_rank``: an encoder that learns from ranked pairs alone which picture shows more people."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throng.errors import ThrongError
from throng.files import sha256_file, write_text
from throng.images import ImageStore
from throng.manifest import OK, read_rows
from throng.provenance import canonical_json
from throng.sections.pretrain_rank import Ranker
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.tables import detections, images, ranked_pairs
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow

if TYPE_CHECKING:
    from throng.encoders.encoder import Encoder
    from throng.ranking.network import RankNetwork
    from throng.ranking.rank_training import Lessons

log = logging.getLogger(__name__)

VAL = "val"


def run(inputs: Files, outputs: Files, config: Ranker, context: Context) -> None:
    """Train on the ranked pairs of split train, choose by those of split val, and say how often the ranker is right."""
    job = f"encoder {config.name}, {context.wildcards['run']}"
    log.info("%s: to watch it learn, tensorboard --logdir %s", job, context.workdir().path)
    try:
        _fit(inputs, outputs, config, context)
    except ThrongError as error:
        raise ThrongError(f"{job}: {error}") from error
    context.workdir().remove()


def _fit(inputs: Files, outputs: Files, config: Ranker, context: Context) -> None:
    import torch

    from throng.encoders.pictures import Pictures
    from throng.ranking.network import save_ranker
    from throng.ranking.pair_table import Album, choose_pairs
    from throng.ranking.rank_training import Lessons, loss_curves, started, train_ranker

    torch.set_num_threads(context.threads)
    rows = read_rows(inputs.one("pairs"), ranked_pairs.TABLE, RankedPairRow)
    training, held_out = choose_pairs(rows, config.kinds)
    photographs = {row.id: row for row in read_rows(inputs.one("images"), images.TABLE, ImageRow) if row.status == OK}
    album = Album()
    losses = config.losses
    found = inputs.many("detections") if losses.removal or losses.empty else []
    learnt = _numbered(training, album, photographs, found)
    known = _numbered(held_out, album, photographs, [])
    looked_at = [pair for tie in (False, True) for pair in [p for p in known if p.tie == tie][: config.val_pairs]]
    # figures are of every kind in the table, so that encoders that learn from different kinds compare
    judged = _numbered([row for row in rows if row.split == VAL], album, photographs, [])
    labelled = [row for row in photographs.values() if row.split == VAL]
    shown = [album.number(row.source, row.path) for row in labelled]
    pictures = Pictures(album.places, ImageStore(context.roots), config.size, config.cache_gigabytes)
    lessons = Lessons(learnt, looked_at, pictures)
    # torch and NumPy take signed 64-bit seeds
    seed = sample_seed(context.seed, "pretrain_rank", context.wildcards["run"]) >> 1
    log.info("%d ranked pairs to learn from, %d held out, %d pictures", len(learnt), len(looked_at), len(pictures))

    def judge(network: RankNetwork) -> dict[str, Any]:
        return _judged(network, dataclasses.replace(lessons, held_out=judged), rows, labelled, shown)

    torch.manual_seed(seed)
    untrained = judge(started(_encoder(inputs, config), lessons, config, seed))
    torch.manual_seed(seed)
    network, recipe, history = train_ranker(
        _encoder(inputs, config),
        lessons,
        config,
        context.workdir().path,
        seed=seed,
        origin=_origin(inputs),
        workers=context.threads,
    )
    recipe |= {"encoder": config.name, "run": context.wildcards["run"]}
    accuracy = {"trained": judge(network), "untrained": untrained, "curves": loss_curves(history)}
    save_ranker(outputs.one("ranker"), network, recipe)
    footer = dataclasses.asdict(context.provenance(backend=config.encoder))
    _write_json(outputs.one("recipe"), {"recipe": recipe, "made_by": footer})
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in history))
    _write_json(outputs.one("accuracy"), accuracy)
    _tell(accuracy["trained"])


def _numbered(rows: list[RankedPairRow], album: Any, photographs: dict[str, ImageRow], parts: list[Path]) -> list[Any]:
    """Return rows as pairs of numbered pictures; by the parts of table detections, with who was removed where."""
    from throng.ranking.pair_table import is_emptied, numbered, removed_boxes

    found = {row.id: row for row in read_rows(parts, detections.TABLE, DetectionRow)} if parts else {}
    if not parts:
        return [numbered(row, album) for row in rows]
    return [
        numbered(row, album, removed_boxes(row, photographs, found), emptied=is_emptied(row, found)) for row in rows
    ]


def _encoder(inputs: Files, config: Ranker) -> Encoder:
    """Return the encoder as it begins: that of a network of pretrain_count, of ImageNet weights, or from scratch."""
    from throng.encoders.files import read_network
    from throng.encoders.registry import build_encoder, load_weights

    encoder = build_encoder(config.encoder, **config.options)
    if start := next(iter(inputs.many("start")), None):
        stored = read_network(start, ["counting"]).encoder
        if stored.architecture != encoder.architecture:
            raise ThrongError(
                f"start {config.start} has encoder {_spelled(stored)}, this one is {_spelled(encoder)}: give both the "
                f"same encoder and options"
            )
        return stored
    if weights := next(iter(inputs.many("weights")), None):
        load_weights(encoder, weights)
    return encoder


def _spelled(encoder: Encoder) -> str:
    options = ", ".join(f"{name} {value}" for name, value in sorted(encoder.architecture["options"].items()))
    return encoder.architecture["name"] + (f" ({options})" if options else "")


def _origin(inputs: Files) -> str:
    return " ".join(sha256_file(path) for name in ("start", "weights") for path in inputs.many(name))


def _judged(
    network: RankNetwork, lessons: Lessons, rows: list[RankedPairRow], labelled: list[ImageRow], shown: list[int]
) -> dict[str, Any]:
    """Return how often a network is right; the only place where labels are read, of photographs of split val."""
    import numpy as np

    from throng.ranking.network import score_pictures
    from throng.ranking.rank_accuracy import edited_members, kind_accuracies, real_accuracies, sham_wins
    from throng.ranking.rank_training import SCORED_AT_ONCE, leads_of

    leads = leads_of(network, lessons.pictures, lessons.held_out)
    known = [(row.count, number) for row, number in zip(labelled, shown, strict=True) if row.count is not None]
    scores = score_pictures(network, lessons.pictures, [number for _, number in known], SCORED_AT_ONCE)
    return {
        "held_out": kind_accuracies(lessons.held_out, leads),
        "sham": sham_wins(lessons.held_out, leads, {row.id: row for row in rows}, edited_members(rows)),
        "real": real_accuracies(scores, np.array([count for count, _ in known])),
    }


def _write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def _tell(found: dict[str, Any]) -> None:
    shares = {kind: figures["accuracy"] for kind, figures in found["held_out"].items()}
    log.info("right on held-out pairs: %s", {kind: f"{share:.1%}" for kind, share in shares.items()})
    for name, share in (("the sham wins", found["sham"]["all"]["share"]), ("real", found["real"]["all"]["accuracy"])):
        log.info("%s: %s", name, "no pairs" if share is None else f"{share:.1%}")
