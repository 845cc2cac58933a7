"""Stage ``evaluate_gan``: is a generator good, are its images its own, and are they as crowded as was asked?"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from throng.errors import ThrongError
from throng.files import write_bytes, write_text
from throng.images import ImageStore
from throng.sections.evaluate_gan import EvaluateGan
from throng.stage import Context, Files

if TYPE_CHECKING:
    from throng.gan.conditioning.asked import Asked
    from throng.gan.data import TrainingSet
    from throng.gan.files import StoredGenerator
    from throng.gan.metrics.features import Extractor
    from throng.gan.report.memory import Neighbours

log = logging.getLogger(__name__)
Record = dict[str, Any]
PICTURES = ("sheet", "sweep", "conditioning", "neighbours")
KEYS = ("frechet", "kernel")


def run(inputs: Files, outputs: Files, config: EvaluateGan, context: Context) -> None:
    """Write all figures, the pictures and the page of one generator."""
    import torch

    from throng.gan.files import read_generator
    from throng.gan.report.page import render

    os.environ.setdefault("OMP_NUM_THREADS", str(context.threads))
    torch.set_num_threads(context.threads)
    stored = read_generator(inputs.one("generator"))
    store = ImageStore(context.roots)
    images = training_set(inputs, stored, store)
    extractors = load_features(inputs, config)
    found: Record = {"generator": about(stored, config), "training_set": describe(images)}
    measured, neighbours = quality(stored, images, extractors, config, context)
    asked, pictures = conditioning(inputs, stored, images, extractors[0], config, context)
    found |= measured | smoothness(stored, images, extractors[0], config, context) | asked
    found["leaks"], unmeasured = leaked(stored, images, config, context)
    found["unmeasured"] += unmeasured
    pictures |= {"neighbours": neighbours}
    for name in PICTURES:
        write_bytes(outputs.one(name), pictures[name])
    write_text(outputs.one("metrics"), json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    title = f"{found['generator']['gan']}, {found['generator']['run']}"
    write_text(outputs.one("page"), render(title, found, pictures))
    store.close()
    report(found)


def training_set(inputs: Files, stored: "StoredGenerator", store: ImageStore) -> "TrainingSet":
    """Open what the generator has learnt from, labelled in the way that it was told; its recipe says both."""
    from throng.gan.data import open_training_set
    from throng.gan.requests import kind_of

    data = stored.recipe.get("data")
    if not isinstance(data, Mapping):
        raise ThrongError(
            f"{inputs.one('generator')} does not say what it has learnt from: train it anew with stage 'train_gan'"
        )
    network: Any = stored.generator
    section = SimpleNamespace(**data)
    return open_training_set(inputs, section, network.resolution, store, wanted=kind_of(stored.encoding))


def load_features(inputs: Files, config: EvaluateGan) -> "list[Extractor]":
    """Return the extractors of the section in their order; raises ThrongError when one's weights are missing."""
    from throng.gan.metrics.features import load_extractor

    return [
        load_extractor(one.kind, model_path(inputs.many(f"features_{place}")), device=config.device)
        for place, one in enumerate(config.features)
    ]


def model_path(files: list[Path]) -> Path | None:
    """Return the file of a model, the folder of one of several files, None of one without any."""
    return None if not files else files[0] if len(files) == 1 else Path(os.path.commonpath(files))


def about(stored: "StoredGenerator", config: EvaluateGan) -> Record:
    """Return what is known of a generator."""
    recipe, network = stored.recipe, stored.generator
    known: Any = network
    names = ("gan", "run", "kimg", "seed", "licence", "redistributable", "config_hash")
    said = {name: recipe.get(name) for name in names}
    return said | {
        "redistributable": bool(recipe.get("redistributable", False)),
        "architecture": known.architecture["name"],
        "options": dict(known.architecture.get("options", {})),
        "resolution": known.resolution,
        "encoding": stored.encoding.card(),
        "sha256": stored.digest,
        "truncation": config.truncation,
    }


def describe(images: "TrainingSet") -> Record:
    """Return what the training set is."""
    numbers = images.label_counts.values()
    return {
        "images": len(images),
        "kind": images.kind,
        "classes": [{"label": name, "images": n} for name, n in zip(images.classes, numbers, strict=False)],
        "people_known": images.counts is not None,
    }


def quality(
    stored: "StoredGenerator",
    images: "TrainingSet",
    extractors: "list[Extractor]",
    config: EvaluateGan,
    context: Context,
) -> tuple[Record, bytes]:
    """Return distances from the training images, what is remembered of them, and the picture of the latter."""
    from throng.gan.conditioning.real_images import by_hash
    from throng.gan.metrics.comparison import Options
    from throng.gan.metrics.drawing import drawn, labels_like
    from throng.gan.metrics.looking import look
    from throng.gan.report import quality as measured
    from throng.gan.report.looks import real_batches
    from throng.gan.report.memory import Memory

    chosen = np.sort(by_hash(images.ids, context.seed)[: config.most_reals])
    pixels = real_batches(images, chosen, config.batch_size)
    real = measured.Side(look(pixels, extractors, "training images", len(chosen)), images.labels[chosen])
    labels = labels_like(images.labels, config.images, seed=context.seed)
    pixels = drawn(stored.generator, stored.encoding, labels, **drawing(config, context))
    fake = measured.Side(look(pixels, extractors, "drawn images", config.images), labels)
    options = Options(resamples=config.resamples, neighbours=config.neighbours.k)
    names = [one.name for one in config.features]
    memory = Memory(names[0], real.looked, fake.looked)
    return {
        "quality": [
            measured.quality(name, extractor, number, real, fake, images.kind, options)
            for number, (name, extractor) in enumerate(zip(names, extractors, strict=True))
        ],
        "halves": [
            measured.halves(name, features, seed=0) for name, features in zip(names, real.looked.features, strict=True)
        ],
        "memorisation": memory.figures(),
    }, neighbours(stored, images, chosen, labels, memory.shown(config.neighbours.shown), config, context)


def neighbours(
    stored: "StoredGenerator",
    images: "TrainingSet",
    chosen: np.ndarray,
    labels: np.ndarray,
    shown: "list[Neighbours]",
    config: EvaluateGan,
    context: Context,
) -> bytes:
    """Return the picture of generated images above the real ones, of those ``chosen``, that they resemble most."""
    from throng.gan.metrics.drawing import latents_of
    from throng.gan.pixels import to_pixels
    from throng.gan.report.pictures import beside

    network: Any = stored.generator
    numbers = [one.sample for one in shown]
    how = {"seed": context.seed, "device": config.device, "truncation": config.truncation}
    latents = latents_of(network, stored.encoding, labels[numbers], numbers, **how)
    samples = to_pixels(network.draw(latents).detach()).cpu().numpy()
    by_pixels = [images.pixels(int(chosen[one.by_pixels])) for one in shown]
    by_features = [images.pixels(int(chosen[one.by_features])) for one in shown]
    return beside(samples, np.stack(by_pixels), np.stack(by_features), config.features[0].name)


def drawing(config: EvaluateGan, context: Context) -> Record:
    """Return how every image of this job is drawn."""
    return {
        "seed": context.seed,
        "batch_size": config.batch_size,
        "device": config.device,
        "truncation": config.truncation,
    }


def smoothness(
    stored: "StoredGenerator",
    images: "TrainingSet",
    extractor: "Extractor",
    config: EvaluateGan,
    context: Context,
) -> Record:
    """Return path length and equivariance where they are asked for, and why what is asked for is not measured."""
    from throng.gan.metrics.drawing import labels_like
    from throng.gan.metrics.equivariance import equivariance
    from throng.gan.metrics.path_length import path_length

    network: Any = stored.generator
    found: Record = {"path_length": None, "equivariance": None, "unmeasured": []}
    how: Record = drawing(config, context) | {"resamples": config.resamples}
    if config.path_length:
        labels = labels_like(images.labels, config.path_length.pairs, seed=context.seed)
        options: Record = {name: value for name, value in how.items() if name != "device"}
        found["path_length"] = path_length(network, stored.encoding, labels, extractor, **options)
    if config.equivariance:
        labels = labels_like(images.labels, config.equivariance.images, seed=context.seed)
        kinds = ("eq_t_int", "eq_t_frac", *(["eq_r"] if config.equivariance.rotation else []))
        if network.architecture["name"] != "stylegan3":
            found["unmeasured"] = ["Equivariance is not measured: this architecture's input cannot be moved."]
        else:
            found["equivariance"] = equivariance(network, stored.encoding, labels, kinds=kinds, **how)
    return found


def leaked(
    stored: "StoredGenerator", images: "TrainingSet", config: EvaluateGan, context: Context
) -> tuple[Record | None, list[str]]:
    """Return which augmentations show in what is drawn, where that is asked for, and why it is not measured then."""
    from throng.gan.report.leaks import leaks, unmeasurable

    if config.leaks is None:
        return None, []
    if reason := unmeasurable(stored.recipe, len(images)):
        return None, [reason]
    log.info("looking for leaks of augmentations: %d steps of training", config.leaks.steps)
    return leaks(stored, images, config.leaks, drawing(config, context)), []


def conditioning(
    inputs: Files,
    stored: "StoredGenerator",
    images: "TrainingSet",
    extractor: "Extractor",
    config: EvaluateGan,
    context: Context,
) -> tuple[Record, dict[str, bytes]]:
    """Return whether the requested density is delivered, and pictures; of a generator without labels, samples alone."""
    from throng.gan.conditioning.asked import asked_for

    reason = "" if stored.encoding.dim else "This generator heeds no label: no density can be asked of it."
    try:
        asked = None if reason else asked_for(images, config.conditioning.levels)
    except ThrongError as error:
        asked, reason = None, f"No density was asked of this generator: {error}."
    if asked is None:
        log.warning("%s", reason)
        return {"conditioning": None, "unasked": reason}, unasked(stored, images, reason, config, context)
    found, pictures = hearing(inputs, stored, images, asked, extractor, config, context)
    return {"conditioning": found, "unasked": ""}, pictures


def unasked(
    stored: "StoredGenerator", images: "TrainingSet", reason: str, config: EvaluateGan, context: Context
) -> dict[str, bytes]:
    """Return samples in rows without meaning, and in place of other pictures why there are none."""
    from throng.gan.metrics.drawing import drawn, labels_like
    from throng.gan.report.pictures import plain_sheet, said

    labels = labels_like(images.labels, min(config.columns**2, config.images), seed=context.seed)
    pixels = np.concatenate(list(drawn(stored.generator, stored.encoding, labels, **drawing(config, context))))
    return {"sheet": plain_sheet(pixels, config.columns), "sweep": said(reason), "conditioning": said(reason)}


def hearing(
    inputs: Files,
    stored: "StoredGenerator",
    images: "TrainingSet",
    asked: "Asked",
    extractor: "Extractor",
    config: EvaluateGan,
    context: Context,
) -> tuple[Record, dict[str, bytes]]:
    """Return what all judges say, and the pictures of it."""
    from throng.gan.conditioning.hearing import figures, hear
    from throng.gan.conditioning.panel import Panel, notes
    from throng.gan.conditioning.real_images import people_of, split
    from throng.gan.conditioning.sweeping import swept
    from throng.gan.report.looks import real_batches, watched
    from throng.gan.report.pictures import sheet, sweep
    from throng.gan.report.plots import conditioning_plot

    section, names = config.conditioning, asked.names
    parts = split(images.ids, share=section.held_out, most=section.most_reals, seed=context.seed)
    scratch = context.workdir()
    models = [model_path(inputs.many(f"judge_{place}")) for place in range(len(section.judges))]
    panel = Panel(images, parts, asked, scratch=scratch.path, seed=context.seed, device=config.device)
    judges = [panel.judge(one, model) for one, model in zip(section.judges, models, strict=True)]
    drawn = swept(stored.generator, stored.encoding, asked, scenes=section.seeds, **drawing(config, context))
    heard = hear(
        judges,
        watched(drawn, section.seeds * len(names), "requested densities"),
        real_batches(images, parts.held_out, config.batch_size),
        parts.held_out,
        labels=len(names),
        keep=min(section.seeds, max(section.scenes, config.columns)),
    )
    found = figures(
        heard,
        asked,
        images.counts,
        people_of(asked, images.counts),
        section,
        describe=extractor,
        notes=notes(section.judges, images.counts),
        draws=config.bootstrap,
        seed=context.seed,
    )
    scratch.remove()
    first = heard.counted[0]
    return found, {
        "sheet": sheet(heard.pixels[: config.columns], names),
        "sweep": sweep(heard.pixels[0], names, first.samples[0].tolist(), judges[0].unit),
        "conditioning": conditioning_plot(found["judges"], found["scenes"], names),
    }


def report(found: Record) -> None:
    """Log what the figures come to."""
    for one in found["quality"]:
        log.info(
            "features %s: Frechet distance %.4g, kernel distance %.4g", one["name"], *(one[k]["value"] for k in KEYS)
        )
    log.info("%s", found["memorisation"]["sentence"])
    for name, one in (found["equivariance"] or {}).items():
        log.info("%s: %.1f dB", name, one["value"])
    for one in (found["leaks"] or {"transforms": []})["transforms"]:
        if one["share"]:
            log.info("augmentation %s: shows in %.0f %% of images", one["name"], 100 * one["share"]["value"])
    for judge in (found["conditioning"] or {"judges": []})["judges"]:
        log.info("judge %s: %s", judge["judge"], judge["verdict"]["sentence"])
