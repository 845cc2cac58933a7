"""From the section of a generator to its networks, options and the way its discriminator sees.

StyleGAN3's numbers: Karras et al., NeurIPS 2021, appendix F; R1's weight in proportion to pixels and inverse to the
batch: Karras et al. (2020, ADA), appendix C; R3GAN's: Huang et al. (2024), appendix C.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from throng.gan.augmentation import AdaptiveP, Augmentation, FixedP, Options, RampP
from throng.gan.augmentation.strength import Strength
from throng.gan.average import default_half_life
from throng.gan.blur import blur, blur_sigma, fade_images
from throng.gan.data import Kind, TrainingSet
from throng.gan.files import read_discriminator, read_generator
from throng.gan.labels import Encoding, Fourier, OneHot, Ordinal, Unlabelled, Vector
from throng.gan.metrics.distances import frechet_distance, moments_of
from throng.gan.metrics.drawing import drawn, labels_like
from throng.gan.metrics.features import batched, features_of, load_extractor
from throng.gan.options import GanOptions, Ramp
from throng.gan.registry import build_discriminator, build_generator
from throng.gan.vicinal import Vicinity, rule_of_thumb
from throng.gan.warm_start import warm_start

KINDS: dict[str, Kind] = {
    "none": "none",
    "ordinal": "class",
    "one-hot": "class",
    "fourier": "score",
    "vector": "vector",
}
HALVES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
GAMMA, GAMMA_PIXELS, GAMMA_BATCH = 2.0, 256 * 256, 32


def encoding_for(conditioning: Any, images: TrainingSet) -> Encoding:
    """Return how the labels of a training set are told; raises ThrongError when all of its scores are equal."""
    match conditioning.kind:
        case "ordinal":
            return Ordinal(len(images.classes))
        case "one-hot":
            return OneHot(len(images.classes))
        case "fourier":
            return Fourier.of(images.labels, octaves=conditioning.octaves, steps=conditioning.steps)
        case "vector":
            return Vector(images.labels.shape[1])
    return Unlabelled()


def vicinity_for(vicinity: Any, images: TrainingSet) -> Vicinity | None:
    """Return the vicinity of a section, what it leaves out by rule of thumb."""
    if vicinity is None:
        return None
    usual = rule_of_thumb(images.labels, vicinity.kind)
    sigma = usual.sigma if vicinity.sigma is None else vicinity.sigma
    return Vicinity(vicinity.kind, sigma, usual.kappa if vicinity.kappa is None else vicinity.kappa)


def architectures(gan: Any, encoding: Encoding) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the architectures of generator and discriminator."""
    recipe, c_dim = gan.recipe, encoding.dim
    shared = {"resolution": gan.resolution, "c_dim": c_dim}
    if recipe.kind == "r3gan":
        options = shared | _stages(recipe, gan.resolution)
        return (
            {"name": "r3gan", "options": {**options, "z_dim": recipe.z_dim}},
            {"name": "r3gan", "options": options},
        )
    names = ("cbase", "cmax", "layers", "critical", "margin", "z_dim", "w_dim", "mapping_layers")
    generator = shared | {name: getattr(recipe, name) for name in names}
    generator["config"] = recipe.kind.removeprefix("stylegan3-")
    generator["w_classes"] = encoding.dim if isinstance(encoding, OneHot | Ordinal) else 0
    widths = {"cbase": recipe.discriminator_cbase, "cmax": recipe.discriminator_cmax}
    discriminator = shared | widths | {"label_layers": recipe.label_layers}
    return {"name": "stylegan3", "options": generator}, {"name": "stylegan3", "options": discriminator}


def _stages(recipe: Any, resolution: int) -> dict[str, Any]:
    """Return R3GAN's stages: min(cbase / resolution, cmax) channels from 4 x 4 pixels up, in whole groups."""
    sizes = [2**power for power in range(2, resolution.bit_length())]
    per = recipe.group_channels
    widths = [max(per, min(recipe.cbase // size, recipe.cmax) // per * per) for size in sizes]
    return {
        "widths": widths,
        "blocks": recipe.blocks,
        "groups": [width // per for width in widths],
        "expansion": recipe.expansion,
        "label_dim": recipe.label_dim,
    }


def build(gan: Any, encoding: Encoding, start: Path | None, seed: int) -> tuple[nn.Module, nn.Module, str]:
    """Return new networks from the numbers of ``seed``, or from those of ``start``, and a sentence on where from.

    Beside a generator of train_gan lies its discriminator, which is started from too. Raises ThrongError when ``start``
    is no generator or does not fit.
    """
    torch.manual_seed(seed)
    ours, judges = architectures(gan, encoding)
    generator, discriminator = build_generator(ours), build_discriminator(judges)
    said = "from new weights"
    if start is not None:
        warm_start(generator, read_generator(start).generator)
        beside = start.with_name("discriminator.safetensors")
        if beside.is_file():
            warm_start(discriminator, read_discriminator(beside).discriminator)
        said = f"from {start}, and {'its discriminator' if beside.is_file() else 'a new discriminator'}"
    half = HALVES[gan.precision]
    for network in (generator, discriminator):
        network.half = half  # pyright: ignore[reportAttributeAccessIssue]
    if gan.recipe.kind != "r3gan":
        generator.implementation = gan.recipe.filtered_lrelu  # pyright: ignore[reportAttributeAccessIssue]
    return generator, discriminator, said


def options_of(gan: Any, seed: int) -> GanOptions:
    """Return the options of a section."""
    recipe = gan.recipe
    average = recipe.average_kimg or default_half_life(gan.batch) / 1000
    ramp_in = getattr(gan.conditioning, "ramp_in", None)
    shared: dict[str, Any] = {
        "kimg": gan.kimg,
        "batch": gan.batch,
        "at_once": gan.at_once or gan.batch,
        "seed": seed,
        "balance": gan.balance,
        "fake_labels": gan.fake_labels,
        "mirror": gan.mirror,
        "ramp_in": tuple(ramp_in) if ramp_in else None,
        "fresh_fakes": gan.fresh_fakes,
        "tick_kimg": gan.tick_kimg,
        "snapshot_kimg": gan.snapshot_kimg,
        "measure_kimg": gan.measure_kimg,
    }
    if recipe.kind == "r3gan":
        kimg = recipe.ramp_kimg or gan.kimg
        rate = Ramp(recipe.rate.start, recipe.rate.end, kimg)
        return GanOptions(
            **shared,
            pairing="relativistic",
            generator_rate=rate,
            discriminator_rate=rate,
            beta2=Ramp(recipe.beta2.start, recipe.beta2.end, kimg),
            gamma=Ramp(recipe.gamma.start, recipe.gamma.end, kimg),
            penalty_every=1,
            penalise_fakes=True,
            average_kimg=Ramp(0.0, average, kimg),
            average_ramp=None,
        )
    usual = GAMMA * gan.resolution**2 / GAMMA_PIXELS * GAMMA_BATCH / gan.batch
    return GanOptions(
        **shared,
        generator_rate=Ramp(recipe.generator_rate),
        discriminator_rate=Ramp(recipe.discriminator_rate),
        gamma=Ramp(recipe.gamma or usual),
        penalty_every=recipe.penalty_every,
        average_kimg=Ramp(average),
        average_ramp=None if gan.start else 0.05,
        mismatched=recipe.mismatched,
    )


def strength_of(augment: Any) -> Strength:
    """Return how the probability of augmentation moves."""
    strength = augment.strength
    match strength.kind:
        case "adaptive":
            return AdaptiveP(target=strength.target, kimg=strength.kimg, bound=strength.bound)
        case "fixed":
            return FixedP(strength.p)
    return RampP(start=strength.start, end=strength.end, kimg=strength.kimg)


def sight_of(gan: Any) -> Callable[[Tensor, float, float], Tensor]:
    """Return how the discriminator sees images (B, 3, R, R), with probability p and after so many kimg."""
    recipe = gan.recipe
    augment = Augmentation(Options(recipe.augment.set, recipe.augment.multipliers, recipe.augment.strengths))
    fade = fade_of(gan)

    def seen(images: Tensor, p: float, kimg: float) -> Tensor:
        return augment(blur(images, blur_sigma(int(kimg * 1000), fade)), p)

    return seen


def fade_of(gan: Any) -> float:
    """Return after how many images the discriminator's blur is gone; one that starts from another has none."""
    recipe = gan.recipe
    if recipe.kind == "r3gan" or gan.start:
        return 0.0
    if recipe.blur_kimg is not None:
        return recipe.blur_kimg * 1000
    return fade_images(gan.batch) if recipe.kind == "stylegan3-r" else 0.0


def check_implementation(gan: Any) -> str:
    """Return what the log says of filtered leaky ReLUs; raises ThrongError where the chosen one cannot run."""
    if gan.recipe.kind == "r3gan":
        return "r3gan has no filtered leaky ReLU"
    from throng.gan import filtered_lrelu

    device = torch.device(gan.device)
    filtered_lrelu.check_implementation(gan.recipe.filtered_lrelu, device)
    return filtered_lrelu.describe(gan.recipe.filtered_lrelu, device)


def measure_of(
    gan: Any, images: TrainingSet, encoding: Encoding, seed: int
) -> Callable[[nn.Module], dict[str, float]] | None:
    """Return what measures the Frechet distance to the photographs by random features; None where none is wanted.

    It compares snapshots of one run and nothing else.
    """
    if not gan.measure_kimg:
        return None
    extractor = load_extractor("random", device=gan.device)
    number = gan.measure_images
    chosen = np.random.default_rng([seed, number]).permutation(len(images))[:number]
    pixels = (images.pixels(int(index)) for index in chosen)
    reals = moments_of(features_of(extractor, batched(pixels, gan.batch)))
    labels = labels_like(images.labels, number, seed=seed)

    def measure(generator: nn.Module) -> dict[str, float]:
        batches = drawn(generator, encoding, labels, seed=seed, batch_size=gan.batch, device=gan.device)
        return {"frechet_random": frechet_distance(reals, moments_of(features_of(extractor, batches)))}

    return measure
