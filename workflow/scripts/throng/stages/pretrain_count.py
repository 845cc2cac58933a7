"""Stage ``pretrain_count``: a network that learns to count from pictures alone."""

import dataclasses
import json
import logging
from typing import Any

from throng.errors import ThrongError
from throng.files import write_text
from throng.images import ImageStore
from throng.processes import share_job
from throng.provenance import canonical_json, digest
from throng.sections.pretrain_count import Pretext
from throng.seeds import sample_seed
from throng.stage import Context, Files

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Pretext, context: Context) -> None:
    """Train on the pictures of split train, watch on photographs of split val, write network, recipe and history.

    More than one process share a job: they train alike, and the first of them writes.
    """
    job = f"network {config.name}, {context.wildcards['run']}"
    work = context.workdir()
    log.info("%s: to watch it learn, tensorboard --logdir %s", job, work.path)
    try:
        share_job(fit, inputs, outputs, config, context)
    except ThrongError as error:
        raise ThrongError(f"{job}: {error}") from error
    work.remove()


def fit(inputs: Files, outputs: Files, config: Pretext, context: Context) -> None:
    """Do the job of one process: all of it, or its share of one that several processes have."""
    import torch

    from throng.counting.learning_to_count.networks import save_counting
    from throng.counting.learning_to_count.rows import look_up
    from throng.counting.learning_to_count.train import train_counting
    from throng.encoders.pictures import Pictures

    torch.set_num_threads(context.threads)
    looked = look_up(
        inputs.one("images"),
        inputs.many("synthetic"),
        config.pictures.model_dump(),
        size=config.size,
        crop=config.crop,
        held_out=config.held_out,
    )
    log.info("learning to count from %d pictures, watched on %d", len(looked.places), len(looked.held_out))
    store = ImageStore(context.roots)
    memory = config.cache_gigabytes / config.processes
    network, recipe, history = train_counting(
        Pictures(looked.places, store, config.size, memory),
        Pictures(looked.held_out, store, config.size, 0.0),
        pretext_options(config, run_seed(context)),
        context.workdir().path,
        device=config.device,
        shares=looked.shares,
        identity={"size": config.size, "ids": digest(canonical_json(looked.ids))},
        processes=config.nodes * config.processes,
        workers=context.threads,
        checkpoint_seconds=config.checkpoint_seconds,
    )
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return
    recipe |= {"network": config.name, "run": context.wildcards["run"], "size": config.size}
    save_counting(outputs.one("network"), network, recipe)
    footer = dataclasses.asdict(context.provenance(backend=config.encoder))
    write_text(
        outputs.one("recipe"), json.dumps({"recipe": recipe, "made_by": footer}, indent=1, sort_keys=True) + "\n"
    )
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in history))


def pretext_options(config: Pretext, seed: int) -> Any:
    """Return the section's keys as :class:`throng.counting.learning_to_count.options.PretextOptions`."""
    from throng.counting.learning_to_count.options import PretextOptions
    from throng.schedules import SCHEDULES

    schedule = config.schedule
    if not isinstance(schedule, str):
        keys = schedule.model_dump()
        schedule = SCHEDULES[keys.pop("kind")](**keys)
    named = {field.name for field in dataclasses.fields(PretextOptions)}
    shared = {name: value for name, value in config.model_dump().items() if name in named}
    own = {"schedule": schedule, "grid": config.tiles, "encoder_options": config.options, "seed": seed}
    return PretextOptions(**shared | own)


def run_seed(context: Context) -> int:
    """Return the seed of a run: the same for every network, so that two networks are compared on equal draws."""
    # torch and NumPy take signed 64-bit seeds
    return sample_seed(context.seed, "pretrain_count", context.wildcards["run"]) >> 1
