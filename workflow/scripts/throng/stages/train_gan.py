"""Stage ``train_gan``: a generator of crowds that heeds a density."""

import dataclasses
import json
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throng.errors import ThrongError
from throng.files import sha256_file, write_bytes, write_text
from throng.folders import whole_folder
from throng.images import ImageStore, encode_png
from throng.processes import share_job
from throng.provenance import canonical_json, digest
from throng.sections.base import output_slice
from throng.sections.train_gan import Gan
from throng.seeds import sample_seed
from throng.stage import Context, Files

if TYPE_CHECKING:
    from torch import nn

    from throng.gan.data import TrainingSet
    from throng.gan.labels import Encoding
    from throng.gan.training import GanProgress, Networks

log = logging.getLogger(__name__)
SNAPSHOTS = "snapshots"
SAMPLE = 1000
QUANTILES = 11


def run(inputs: Files, outputs: Files, config: Gan, context: Context) -> None:
    """Train on labelled images; write generator, discriminator, recipe, history, statistics, sheets and snapshots.

    More than one process share a job: they train alike, and the first of them writes.
    """
    job = f"generator {config.name}, {context.wildcards['run']}"
    work = context.workdir()
    log.info("%s: to watch it learn, look at %s, or tensorboard --logdir %s", job, work.path / SNAPSHOTS, work.path)
    try:
        share_job(fit, inputs, outputs, config, context)
    except ThrongError as error:
        raise ThrongError(f"{job}: {error}") from error
    work.remove()


def fit(inputs: Files, outputs: Files, config: Gan, context: Context) -> None:
    """Do the job of one process: all of it, or its share of one that several processes have."""
    import torch

    from throng.gan import recipes
    from throng.gan.data import open_training_set
    from throng.gan.pieces import Pieces
    from throng.gan.sampler import Sampler
    from throng.gan.training import train_gan

    torch.set_num_threads(context.threads)
    log.info("%s", recipes.check_implementation(config))
    images = open_training_set(
        inputs,
        config.data,
        config.resolution,
        ImageStore(context.roots),
        wanted=recipes.KINDS[config.conditioning.kind],
        gigabytes=config.cache_gigabytes / config.processes,
    )
    seed = run_seed(context)
    encoding = recipes.encoding_for(config.conditioning, images)
    start = next(iter(inputs.many("start")), None)
    generator, discriminator, said = recipes.build(config, encoding, start, seed)
    log.info("%s networks of %s, %s", config.recipe.kind, _sizes(generator, discriminator), said)
    options = recipes.options_of(config, seed)
    sampler = Sampler(
        images.labels, images.kind, options.batch, seed, options.balance, options.mirror, options.fake_labels
    )
    vicinity = recipes.vicinity_for(config.recipe.vicinity, images)
    pieces = Pieces(images, sampler, encoding, options, config.recipe.z_dim, vicinity)
    writer = Writer(context.workdir().path / SNAPSHOTS, images, encoding, recipe_of(config, images, seed, context))
    if first_process():
        writer.begin(generator)
    networks, progress = train_gan(
        generator,
        discriminator,
        pieces,
        options,
        context.workdir().path,
        strength=recipes.strength_of(config.recipe.augment),
        seen=recipes.sight_of(config),
        device=config.device,
        identity=identity_of(config, images, start),
        on_snapshot=writer.snapshot,
        measure=recipes.measure_of(config, images, encoding, seed),
        workers=context.threads,
        checkpoint_seconds=config.checkpoint_seconds,
        title=f"generator {config.name}",
    )
    if first_process():
        writer.finish(outputs, networks, progress, context)


class Writer:
    """Writes snapshots and sheets while a generator learns, and everything at the end."""

    def __init__(self, folder: Path, images: "TrainingSet", encoding: "Encoding", recipe: dict[str, Any]) -> None:
        from throng.gan.grids import Sheet

        self.folder, self.images, self.encoding, self.recipe = folder, images, encoding, recipe
        self.grid = Sheet.of(images, recipe["seed"])

    def begin(self, generator: "nn.Module") -> None:
        """Write the sheets of photographs and of what the generator draws before it has learnt anything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes(self.folder / "reals.png", self.reals())
        write_bytes(self.folder / "fakes_init.png", self.fakes(generator))

    def snapshot(self, average: "nn.Module", kimg: float) -> None:
        """Write the generator as it is, and what it draws."""
        name = f"{round(kimg):06d}"
        self.save(self.folder / f"network-{name}.safetensors", average, kimg)
        write_bytes(self.folder / f"fakes-{name}.png", self.fakes(average))

    def save(self, path: Path, network: "nn.Module", kimg: float) -> None:
        """Write a generator to a file of its own."""
        from throng.gan.files import save_generator

        save_generator(path, network, encoding=self.encoding, recipe=self.recipe | {"kimg": kimg})

    def reals(self) -> bytes:
        """Return the sheet of photographs as PNG."""
        return encode_png(self.grid.reals(self.images))

    def fakes(self, generator: "nn.Module") -> bytes:
        """Return the sheet of what a generator draws as PNG."""
        return encode_png(self.grid.fakes(generator, self.encoding, self.recipe["seed"]))

    def finish(self, outputs: Files, networks: "Networks", progress: "GanProgress", context: Context) -> None:
        """Write all outputs of the job."""
        from throng.gan.files import save_discriminator

        kimg = progress.history[-1]["kimg"]
        recipe = self.recipe | {"kimg": kimg}
        with whole_folder(outputs.one("snapshots")) as folder:
            for file in sorted(self.folder.iterdir()):
                shutil.copyfile(file, folder / file.name)
        write_bytes(outputs.one("reals"), self.reals())
        write_bytes(outputs.one("fakes"), self.fakes(networks.average))
        footer = dataclasses.asdict(context.provenance(backend=self.recipe["recipe"]))
        told = {"recipe": recipe, "made_by": footer}
        write_text(outputs.one("recipe"), json.dumps(told, indent=1, sort_keys=True) + "\n")
        write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in progress.history))
        write_text(outputs.one("stats"), "".join(json.dumps(line) + "\n" for line in progress.lines))
        save_discriminator(outputs.one("discriminator"), networks.discriminator, encoding=self.encoding, recipe=recipe)
        self.save(outputs.one("generator"), networks.average, kimg)


def first_process() -> bool:
    """Return whether this process is alone, or the first of those that share the job."""
    return os.environ.get("RANK", "0") == "0"


def recipe_of(config: Gan, images: "TrainingSet", seed: int, context: Context) -> dict[str, Any]:
    """Return what a generator's file says of how it was learnt, but for how long."""
    found: dict[str, Any] = {
        "gan": config.name,
        "run": context.wildcards["run"],
        "seed": seed,
        "recipe": config.recipe.kind,
        "augment": config.recipe.augment.model_dump(mode="json"),
        "mirror": config.mirror,
        "data": config.data.model_dump(mode="json"),
        "images": len(images),
        "splits": list(images.splits),
        "licence": images.licence,
        "redistributable": images.redistributable,
        "config_hash": digest(canonical_json(context.config)),
    }
    if images.kind == "class":
        return found | {"classes": images.classes, "label_counts": images.label_counts}
    if images.kind == "score":
        levels = np.quantile(images.labels, np.linspace(0, 1, QUANTILES))
        sample = np.quantile(images.labels, np.linspace(0, 1, min(SAMPLE, len(images))), method="nearest")
        return found | {
            "score_range": [float(images.labels.min()), float(images.labels.max())],
            "score_quantiles": levels.tolist(),
            "label_sample": sample.tolist(),
        }
    if images.kind == "vector":
        return found | {"label_sample": images.labels[:: max(1, len(images) // SAMPLE)].tolist()}
    return found


def identity_of(config: Gan, images: "TrainingSet", start: Path | None) -> dict[str, Any]:
    """Return what makes this run another than any run of other options, images, labels or start."""
    return {
        "section": output_slice(config),
        "images": digest(*images.ids),
        "labels": digest(canonical_json(images.labels.tolist())),
        "start": sha256_file(start) if start else "",
    }


def run_seed(context: Context) -> int:
    """Return the seed of a run: the same for every generator, so that two are compared on equal draws."""
    # torch and NumPy take signed 64-bit seeds
    return sample_seed(context.seed, "train_gan", context.wildcards["run"]) >> 1


def _sizes(generator: "nn.Module", discriminator: "nn.Module") -> str:
    numbers = [sum(parameter.numel() for parameter in one.parameters()) for one in (generator, discriminator)]
    return f"{numbers[0]:,} and {numbers[1]:,} weights"
