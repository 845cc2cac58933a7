"""Extractor ``random``: a convolutional network with fixed random weights, for smoke runs without any model."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from throng.encoders.encoder import Encoder
from throng.encoders.pooling import mean_features
from throng.encoders.small import small
from throng.gan.metrics.extractor import Extractor
from throng.seeds import generator

WIDTH = 16
NOTE = "random weights of throng: tells equal from unequal, never comparable with published numbers"


def make(seed: int, device: str) -> Extractor:
    """Return the means over the cells of every layer of throng's small encoder with weights drawn from ``seed``.

    Random features already tell distributions apart, without a notion of what matters to people.
    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020, section 4.2
    (random embeddings where ImageNet's do not fit).
    """
    with torch.random.fork_rng(devices=[]):
        encoder = small(width=WIDTH)
    digest = _draw(encoder, seed)
    encoder = encoder.eval().requires_grad_(False).to(device)
    dim = sum(tensor.shape[0] for name, tensor in encoder.state_dict().items() if name.endswith("bias"))
    return Extractor("random", digest, dim, False, NOTE, device, lambda images: _means(encoder, images))


def _means(encoder: Encoder, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([mean_features(layer) for layer in encoder.layers(images)], 1)


def _draw(encoder: Encoder, seed: int) -> str:
    """Set He-initialised weights from NumPy's generator, which PyTorch's version does not change; return their hash."""
    rng, digest = generator(seed, "gan_metrics", "random"), hashlib.sha256()
    for name, tensor in encoder.state_dict().items():
        deviation = 0.0 if name.endswith("bias") else (2 / tensor[0].numel()) ** 0.5
        drawn = (deviation * rng.standard_normal(tuple(tensor.shape))).astype(np.float32)
        tensor.copy_(torch.from_numpy(drawn))
        digest.update(drawn.tobytes())
    return digest.hexdigest()
