"""Stage ``fit_counts``: a counter without labels, from an encoder's features and the counts of synthesised images."""

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from throng.errors import ThrongError
from throng.files import sha256_file, write_text
from throng.images import ImageStore, decode
from throng.manifest import OK, read_table
from throng.roots import RESULTS
from throng.sections.fit_counts import Fit
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.tables import images

if TYPE_CHECKING:
    from throng.encoders.files import Stored
    from throng.ranking.fitted import Head
    from throng.ranking.known_counts import KnownCount, KnownCounts
    from throng.ranking.partition import Partition

log = logging.getLogger(__name__)
Record = dict[str, Any]
Reader = Callable[[], np.ndarray]


def run(inputs: Files, outputs: Files, config: Fit, context: Context) -> None:
    """Fit, choose how photographs are cut, and write the counter and its recipe; no label of a photograph is read."""
    try:
        fit(inputs, outputs, config, context)
    except ThrongError as error:
        raise ThrongError(f"fit {config.name}, {context.wildcards['run']}: {error}") from error


def fit(inputs: Files, outputs: Files, config: Fit, context: Context) -> None:
    """Do the job of one run."""
    import torch

    from throng.ranking.choosing import Belief, Scenes, choose_counter
    from throng.ranking.fitted import FittedCounter
    from throng.ranking.known_counts import known_counts
    from throng.ranking.partition import Partition

    torch.set_num_threads(context.threads)
    store = ImageStore(context.roots)
    known = known_counts(inputs.many("synthetic"), inputs.one("calibrated"), config.model_dump())
    log.info("fitting %d synthesised images, %d held out", len(known.fitted), len(known.held_out))
    stored, about = encoder_of(inputs, config, context)
    check_size(stored.encoder, config)
    cuts = [Partition(config.partition, n, tolerance=config.tolerance) for n in config.candidates]
    fits = fitted_on(cuts, stored, known, store, config, context)
    photographs = unlabelled(inputs, config.photographs)
    counters = [
        FittedCounter(stored.encoder, head, cut, config.size, device=config.device)
        for cut, (head, _) in zip(cuts, fits, strict=True)
    ]
    chosen, records = choose_counter(
        counters,
        Scenes(
            [reader(store, source, path) for source, path in photographs],
            [reader(store, RESULTS, row.path) for row in known.held_out],
            [row.people for row in known.held_out],
        ),
        Belief(config.prior.most_people or max(known.most, 2.0), config.prior.blocks, config.prior.alpha),
        by=config.choose_by,
        dense_quantile=config.dense_quantile,
    )
    recipe: Record = {
        "fit": config.name,
        "run": context.wildcards["run"],
        "encoder": about,
        "method": config.method,
        "counts": config.counts,
        "weighting": config.weighting,
        "rows": {"fitted": len(known.fitted), "held_out": len(known.held_out), "left_out": known.left_out},
        "fit_on": config.fit_on,
        "head": fits[config.candidates.index(chosen.partition.n)][1],
        "partition": dataclasses.asdict(chosen.partition),
        "chosen_by": config.choose_by if len(cuts) > 1 else "the only candidate",
        "candidates": records,
        "photographs": len(photographs),
        "prior": {"most_people": config.prior.most_people or max(known.most, 2.0), "blocks": config.prior.blocks},
        "size": list(config.size),
    }
    chosen.recipe = recipe
    chosen.save(outputs.one("counter"))
    footer = dataclasses.asdict(context.provenance(backend=config.method))
    text = json.dumps({"recipe": recipe, "made_by": footer}, indent=1, sort_keys=True, allow_nan=False)
    write_text(outputs.one("recipe"), text + "\n")
    store.close()
    context.workdir().remove()
    log.info("%s of %s, n = %d by %s", config.partition, config.candidates, chosen.partition.n, recipe["chosen_by"])


def encoder_of(inputs: Files, config: Fit, context: Context) -> "tuple[Stored, Record]":
    """Return the encoder with what is stored beside it, and what the recipe says of it."""
    import torch

    from throng.encoders.files import Stored, read_network
    from throng.encoders.registry import build_encoder

    origin, _, name = config.encoder.partition(":")
    if origin == "random":
        with torch.random.fork_rng(devices=[]):
            # torch takes signed 64-bit seeds
            torch.manual_seed(sample_seed(context.seed, "fit_counts", context.wildcards["run"]) >> 1)
            encoder = build_encoder(name)
        return Stored(encoder.eval(), "random", {}, {}, {}), {"name": config.encoder, "sha256": None}
    path = inputs.one("encoder")
    stored = read_network(path, kinds=[{"rank": "ranker", "count": "counting"}[origin]])
    # how well it ranks pairs that it has not learnt from: the criterion of pretrain_rank, told beside ours
    loss = stored.recipe.get("held_out_rank_loss")
    about = {"name": config.encoder, "sha256": sha256_file(path), "held_out_rank_loss": loss, "recipe": stored.recipe}
    return stored, about


def check_size(encoder: Any, config: Fit) -> None:
    """Raise ThrongError where the encoder would see a picture as less than 2 x 2 cells."""
    if min(config.size) < 2 * encoder.stride:
        raise ThrongError(
            f"size {config.size[0]} x {config.size[1]} is too small for {config.encoder}: it needs at least "
            f"{2 * encoder.stride} pixels each way"
        )


def fitted_on(
    cuts: "Sequence[Partition]",
    stored: "Stored",
    known: "KnownCounts",
    store: ImageStore,
    config: Fit,
    context: Context,
) -> "list[tuple[Head, Record]]":
    """Return a head, and what the recipe says of it, for each way of cutting: one for all where the whole is fitted."""
    from throng.ranking.partition import Partition

    if config.fit_on == "parts":
        return [head_of(cut, stored, known, store, config, context) for cut in cuts]
    return [head_of(Partition("full", 1), stored, known, store, config, context)] * len(cuts)


def head_of(
    cut: "Partition", stored: "Stored", known: "KnownCounts", store: ImageStore, config: Fit, context: Context
) -> "tuple[Head, Record]":
    """Return the head of features of images cut so; method finetune trains ``stored.encoder`` in place."""
    from throng.ranking.fit import fit_counts, fit_isotonic, fit_poisson, fit_robust
    from throng.ranking.fitted import Head

    features = features_of(stored.encoder, known.fitted, cut, store, config)
    people = np.array([row.people for row in known.fitted])
    weights = np.array([row.weight for row in known.fitted])
    learnt: Record = {}
    if config.method == "poisson":
        poisson = fit_poisson(features, people, weights, ridge=config.ridge)
        head = Head(poisson.w, poisson=poisson)
        learnt["dispersion"] = poisson.dispersion
    elif config.method == "isotonic":
        w = rank_weights(stored)
        head = Head(w, isotonic=fit_isotonic(features @ w, people, weights))
    elif config.method == "robust":
        head = Head(fit_robust(features, people, weights, ridge=config.ridge))
    else:
        head = Head(fit_counts(features, people, weights, ridge=config.ridge))
    learnt |= {
        "features": len(head.w),
        "weights_above_0": int((head.w > 0).sum()),
        "fitted": errors(head, features, people),
    }
    if config.method == "finetune":
        return tuned(stored, head, known, store, config, context, learnt)
    return head, learnt


def errors(head: "Head", features: np.ndarray, people: np.ndarray) -> Record:
    """Return the errors on the images that were fitted."""
    from throng.ranking.selection import agreement

    return agreement([head.people(row) for row in features], people.tolist())


def rank_weights(stored: "Stored") -> np.ndarray:
    """Return a ranker's own non-negative weights; raises ThrongError where its score is not linear in features."""
    if any(name.startswith("hidden.") for name in stored.head):
        raise ThrongError(
            "method isotonic needs a ranker without hidden layers: its score must add up over the picture"
        )
    return stored.head["weight"].double().numpy().reshape(-1)


def features_of(
    encoder: Any, rows: "Sequence[KnownCount]", cut: "Partition", store: ImageStore, config: Fit
) -> np.ndarray:
    """Return (n, C) float64 features of synthesised images, summed over the parts that each is cut into."""
    from throng.ranking.fitted import FittedCounter, Head

    # what is seen does not depend on the head
    eye = FittedCounter(encoder, Head(np.ones(encoder.features)), cut, config.size, device=config.device)
    return np.stack(
        [np.sum([part.seen.features for part in eye.parts(read(store, RESULTS, row.path))], 0) for row in rows]
    )


def tuned(
    stored: "Stored",
    head: "Head",
    known: "KnownCounts",
    store: ImageStore,
    config: Fit,
    context: Context,
    learnt: Record,
) -> "tuple[Head, Record]":
    """Train encoder and weights on, from the frozen fit, and return the weights and the history for the recipe."""
    from throng.ranking.finetune import Example, finetune
    from throng.ranking.fitted import Head
    from throng.training import LoopOptions

    if not known.held_out:
        raise ThrongError(
            "method finetune keeps what counts held-out images best, and none is held out: raise held_out"
        )
    keys = config.finetune
    examples = [
        [Example(reader(store, RESULTS, row.path), row.people, row.weight) for row in rows]
        for rows in (known.fitted, known.held_out)
    ]
    options = LoopOptions(
        steps=keys.steps,
        learning_rate=keys.learning_rate,
        weight_decay=keys.weight_decay,
        precision=keys.precision,
        val_every=keys.val_every,
        log_every=min(keys.val_every, keys.steps),
        seed=sample_seed(context.seed, "fit_counts finetune", context.wildcards["run"]) >> 1,
    )
    w, progress = finetune(
        stored.encoder,
        head.w,
        examples[0],
        examples[1],
        config.size,
        options,
        context.workdir().path,
        batch_size=keys.batch_size,
        device=config.device,
        identity={"encoder": config.encoder, "images": [row.id for row in known.fitted]},
        workers=context.threads,
    )
    tuned_record = {
        "steps": keys.steps,
        "best_step": progress.best_step,
        "best_mae": progress.best_score,
        "history": progress.history,
    }
    return Head(w), learnt | {"weights_above_0": int((w > 0).sum()), "finetune": tuned_record}


def unlabelled(inputs: Files, number: int) -> list[tuple[str, str]]:
    """Return where up to ``number`` training photographs lie, in order of id; their labels are not even read."""
    table = read_table(inputs.one("images"), images.TABLE, ["id", "source", "path", "split", "status"])
    places = {
        row["id"]: (row["source"], row["path"])
        for row in table.to_pylist()
        if row["split"] == "train" and row["status"] == OK
    }
    return [places[key] for key in sorted(places)][:number]


def reader(store: ImageStore, source: str, path: str) -> Reader:
    """Return a function that reads an image."""
    return lambda: read(store, source, path)


def read(store: ImageStore, source: str, path: str) -> np.ndarray:
    """Return the (H, W, 3) uint8 RGB pixels of an image; raises ThrongError naming it where there are none."""
    data = store.read_bytes(source, path)
    try:
        return decode(data)
    except ThrongError as error:
        raise ThrongError(f"picture {path!r} of source {source!r}: {error}") from error
