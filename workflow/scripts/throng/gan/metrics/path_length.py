"""Perceptual path length: how abruptly images change on the way from one latent to another.

Source: Karras, Laine, Aila, "A style-based generator architecture for generative adversarial networks", CVPR 2019,
section 4.1. Published figures measure the change by LPIPS over VGG-16, which throng does not ship: here it is the
squared distance of any extractor's features, so figures compare within one extractor alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from throng.errors import ThrongError
from throng.evaluation.resampling import LEVEL, quantiles
from throng.gan.metrics.drawing import STAGE, latents_of
from throng.gan.metrics.equivariance import in_full_precision
from throng.gan.metrics.extractor import Extractor
from throng.gan.metrics.intervals import again
from throng.seeds import generator as seeded

EPSILON = 1e-4
DROPPED = 0.01


def path_length(
    generator: Any,
    encoding: Any,
    labels: np.ndarray,
    extractor: Extractor,
    *,
    seed: int,
    ends: bool = True,
    epsilon: float = EPSILON,
    batch_size: int = 8,
    truncation: float = 1.0,
    resamples: int = 0,
    level: float = LEVEL,
) -> dict[str, Any]:
    """Return the mean ``value`` of |f(G(l(t + epsilon))) - f(G(l(t)))|^2 / epsilon^2, its ``interval`` and ``pairs``.

    Each label has two latents, l(0) and l(1), on whose straight line t lies: at 0 where only ``ends`` count, the
    published way, else anywhere. Latents are what ``generator.latents`` gives: StyleGAN3's W. Values below
    the 1st and above the 99th percentile are dropped. Images are float32, never rounded to pixels. The interval is
    a bootstrap over pairs. Raises ThrongError without labels.
    """
    if len(labels) == 0:
        raise ThrongError("a path length needs 1 pair of latents at least: give a label for each")
    device = extractor.device
    generator.eval().to(device)
    lengths = []
    with in_full_precision(generator), torch.no_grad():
        for start in range(0, len(labels), batch_size):
            part = labels[start : start + batch_size]
            numbers = np.arange(start, start + len(part))
            one, other = (
                latents_of(
                    generator, encoding, part, 2 * numbers + side, seed=seed, device=device, truncation=truncation
                )
                for side in (0, 1)
            )
            t = torch.tensor([0.0 if ends else _place(seed, int(number)) for number in numbers], device=device)
            t = t.reshape(-1, *[1] * (one.ndim - 1)).to(one)
            near, far = (extractor.of(_looked_at(generator, torch.lerp(one, other, at))) for at in (t, t + epsilon))
            lengths.append(((far.double() - near.double()).square().sum(1) / epsilon**2).cpu().numpy())
    return _summary(np.concatenate(lengths), resamples, seed, level)


def _looked_at(generator: Any, latents: torch.Tensor) -> torch.Tensor:
    """Return images as extractors take them, 0..255, neither rounded nor cut: a small step must not vanish."""
    return generator.draw(latents).float() * 127.5 + 127.5


def _place(seed: int, pair: int) -> float:
    return float(seeded(seed, STAGE, f"path {pair}").uniform())


def _summary(lengths: np.ndarray, resamples: int, seed: int, level: float) -> dict[str, Any]:
    low, high = np.quantile(lengths, DROPPED, method="lower"), np.quantile(lengths, 1 - DROPPED, method="higher")
    kept = lengths[(lengths >= low) & (lengths <= high)]
    rng = np.random.default_rng(seed)
    draws = [again(len(kept), rng) @ kept / len(kept) for _ in range(resamples)] if len(kept) > 1 else []
    return {"value": float(kept.mean()), "interval": quantiles(np.array(draws), level), "pairs": len(lengths)}
