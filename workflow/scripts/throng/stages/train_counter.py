"""Stage ``train_counter``: a counter from the head points of real and synthetic images."""

import dataclasses
import json
import logging
from typing import Any

from throng.errors import ThrongError
from throng.files import write_text
from throng.images import ImageStore
from throng.processes import share_job
from throng.provenance import canonical_json
from throng.sections.train_counter import Trained
from throng.seeds import sample_seed
from throng.stage import Context, Files

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Trained, context: Context) -> None:
    """Train on the training rows, choose by the validation rows of real images, write weights, recipe and history.

    More than one process share a job: they train alike, and the first of them writes.
    """
    job = f"counter {config.name}, {context.wildcards['run']}"
    if config.validation == "test":
        log.warning("%s: chosen by the test split (seed_compat): its figures are marked best on test", job)
    work = context.workdir()
    log.info("%s: to watch it learn, tensorboard --logdir %s", job, work.path)
    try:
        share_job(fit, inputs, outputs, config, context)
    except ThrongError as error:
        raise ThrongError(f"{job}: {error}") from error
    work.remove()


def fit(inputs: Files, outputs: Files, config: Trained, context: Context) -> None:
    """Do the job of one process: all of it, or its share of one that several processes have."""
    import torch

    from throng.counting.registry import save_counter
    from throng.counting.rows import LabelledImages, Tables, choose
    from throng.counting.train import CounterOptions, train_counter

    torch.set_num_threads(context.threads)
    losses = config.losses.chosen()
    chosen = choose(
        Tables(
            inputs.one("images"),
            inputs.many("synthetic"),
            next(iter(inputs.many("calibrated")), None),
            next(iter(inputs.many("pairs")), None),
            inputs.many("detections"),
        ),
        config.data.model_dump(),
        validation=config.validation,
        teaches_counts=bool({"count", "count_likelihood"} & losses.keys()),
        confidence=config.detected_confidence,
    )
    store = ImageStore(context.roots)
    options = CounterOptions(
        **shared(config, CounterOptions),
        model_options=config.options,
        losses=losses,
        seed=run_seed(context),
    )
    log.info(
        "training %s on %d images and %d ranked pairs, validating on %d",
        config.model,
        sum(share > 0 for share in chosen.shares),
        len(chosen.pairs),
        len(chosen.validation),
    )
    model, recipe, history = train_counter(
        LabelledImages(chosen.training, store),
        LabelledImages(chosen.validation, store),
        options,
        context.workdir().path,
        config.device,
        shares=chosen.shares,
        pairs=chosen.pairs,
        backbone=inputs.one("backbone") if config.weights else None,
        workers=context.threads,
        cache_gigabytes=config.cache_gigabytes / config.processes,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return
    recipe |= {
        "counter": config.name,
        "run": context.wildcards["run"],
        "best_on_test": config.validation == "test",
        "data": config.data.model_dump(),
        "labels": config.labels,
        "validation": config.validation,
    }
    save_counter(outputs.one("weights"), model, recipe)
    footer = dataclasses.asdict(context.provenance(backend=config.model))
    write_text(
        outputs.one("recipe"), json.dumps({"recipe": recipe, "made_by": footer}, indent=1, sort_keys=True) + "\n"
    )
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in history))


def shared(config: Trained, options: type) -> dict[str, Any]:
    """Return the keys that section and options have in common by name, the section's plain values."""
    named = {field.name for field in dataclasses.fields(options)} - {"losses"}
    return {name: value for name, value in config.model_dump().items() if name in named}


def run_seed(context: Context) -> int:
    """Return the seed of a run: the same for every counter, so that two counters are compared on equal draws."""
    # torch and NumPy take signed 64-bit seeds
    return sample_seed(context.seed, "train_counter", context.wildcards["run"]) >> 1
