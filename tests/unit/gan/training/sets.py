"""Training sets in memory, networks of a few numbers, and what a training of them needs."""

from typing import Any

import numpy as np
import torch
from torch import nn

from throng.gan.augmentation import AdaptiveP, Augmentation
from throng.gan.data import TrainingSet
from throng.gan.labels import OneHot, Unlabelled
from throng.gan.options import GanOptions
from throng.gan.pieces import Pieces
from throng.gan.sampler import Sampler
from throng.gan.stylegan3 import Discriminator, Generator
from throng.gan.training import train_gan

RESOLUTION = 16
Z_DIM = 6


def images_of(labels, kind="class", resolution=RESOLUTION):
    """A training set of noise whose brightness tells its label."""
    rng = np.random.default_rng(1)
    labels = np.asarray(labels, float)
    shades = [
        rng.integers(0, 128, (resolution, resolution, 3), np.uint8) + np.uint8(40 * (np.ravel(label).sum() % 3))
        for label in labels
    ]
    classes = [f"class {n}" for n in range(int(labels.max()) + 1)] if kind == "class" else []
    ids = [f"{n:016x}" for n in range(len(labels))]
    readers = [lambda shade=shade: shade.copy() for shade in shades]
    return TrainingSet(ids, labels, kind, classes, "CC0-1.0", True, None, resolution, readers)


def networks(c_dim=3, half=None):
    torch.manual_seed(3)
    generator = Generator(
        "t", RESOLUTION, 64, 8, c_dim, z_dim=Z_DIM, w_dim=8, layers=3, critical=1, margin=2, w_classes=max(1, c_dim)
    )
    discriminator = Discriminator(RESOLUTION, 128, 8, c_dim)
    generator.half = discriminator.half = half
    return generator, discriminator


def options_of(**keys: Any) -> GanOptions:
    return GanOptions(**{"kimg": 0.064, "batch": 8, "at_once": 8, "seed": 11, "penalty_every": 3} | keys)


def pieces_of(images, options, encoding=None, z_dim=Z_DIM, **more):
    encoding = encoding or (OneHot(len(images.classes)) if images.kind == "class" else Unlabelled())
    sampler = Sampler(images.labels, images.kind, options.batch, options.seed, options.balance, options.mirror)
    return Pieces(images, sampler, encoding, options, z_dim, **more)


def trained(work, options=None, *, images=None, pieces=None, nets=None, **more):
    """Train tiny networks; return them and the progress."""
    torch.set_num_threads(1)
    options = options or options_of()
    images = images or images_of(np.arange(20) % 3)
    pieces = pieces or pieces_of(images, options)
    augment = Augmentation()
    generator, discriminator = nets or networks(pieces.encoding.dim)
    return train_gan(
        generator,
        discriminator,
        pieces,
        options,
        work,
        strength=more.pop("strength", AdaptiveP(kimg=0.5, target=-0.5)),
        seen=more.pop("seen", lambda seen, p, kimg: augment(seen, p)),
        workers=more.pop("workers", 0),
        **more,
    )


class Unaugmented:
    """Augments nothing."""

    p = 0.0

    def observe(self, real_logits):
        pass

    def advance(self, images):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class Line(nn.Module):
    """A judge that is a scalar product with the image and with the code: its gradients fit on a line of algebra."""

    def __init__(self, weight, label):
        super().__init__()
        self.weight, self.label = nn.Parameter(weight), nn.Parameter(label)

    def forward(self, images, codes):
        return (images.double().flatten(1) @ self.weight + codes.double() @ self.label)[:, None]


class Matrix(nn.Module):
    """A generator that is a matrix."""

    def __init__(self, matrix, size):
        super().__init__()
        self.matrix, self.size = nn.Parameter(matrix), size

    def forward(self, z, codes):
        return (z.double() @ self.matrix).reshape(len(z), 3, self.size, self.size)


def same(first, second):
    """Whether two nests of tensors and numbers are equal to the bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second
