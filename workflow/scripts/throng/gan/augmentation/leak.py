"""Whether generated images show the augmentations that their discriminator was trained under.

Karras et al. (2020, ADA), section 2.2, name the leak; measured here by a small network that learns to tell which
transform, if any, photographs went through. Its mean answer for generated images is then explained as a mixture of its
mean answers for photographs and for photographs after each transform; the shares are what leaked: adjusted counting,
Forman (2008), "Quantifying counts and costs via classification"; Hopkins and King (2010), eq. 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.optimize import nnls
from torch import Tensor, nn
from torch.nn import functional as F

from throng.errors import ThrongError
from throng.gan.augmentation import Augmentation, Options

FEWEST = 64
STEPS = 500
BATCH = 64
LARGEST = 64
RESAMPLINGS = 200
# below this a transform cannot be told from none, and nothing is said about it
SKILL = 0.6


@dataclass(frozen=True)
class Leak:
    """What was found of one transform.

    ``skill``: area under the ROC curve with which photographs that went through it are told from others, on photographs
    the network did not learn from; ``share``: of the generated images, how many seem to have gone through it, 0 or
    more, with its 95 % interval ``low``..``high``; None where the skill is below 0.6.
    """

    transform: str
    skill: float
    share: float | None
    low: float | None
    high: float | None


def measure_leaks(
    photographs: Tensor, generated: Tensor, options: Options, *, seed: int, steps: int = STEPS
) -> list[Leak]:
    """Return what leaked of each transform of ``options``, in the order of their application.

    Both are float images (N, 3, R, R), -1..1, N at least 64. Half of the photographs teach the network, the other half
    judge it. Generated images that differ from photographs otherwise (blurred, say) can look like a transform to it: a
    share is a reason to look, and evidence only where the other shares are near 0. PyTorch's own random numbers are
    left as they are. Raises ThrongError for too few images or another shape.
    """
    for what, images in (("photographs", photographs), ("generated images", generated)):
        if images.ndim != 4 or images.shape[1:] != photographs.shape[1:] or len(images) < FEWEST:
            raise ThrongError(
                f"a leak takes {FEWEST} or more {what} of shape (N, {', '.join(map(str, photographs.shape[1:]))}): "
                f"found {tuple(images.shape)}"
            )
    if not options.names:
        return []
    alone = {name: Augmentation(Options("none", {name: 1.0}, _strengths(options, name))) for name in options.names}
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        shuffled = photographs[torch.randperm(len(photographs))]
        learnt, held = shuffled[::2], shuffled[1::2]
        network = _learn(learnt, alone, steps)
        none, drawn = _scores(network, held), _scores(network, generated)
        through = torch.stack([_scores(network, _through(transform, held)) for transform in alone.values()])
        return _leaks(tuple(alone), none, through, drawn)


def _leaks(names: tuple[str, ...], none: Tensor, through: Tensor, drawn: Tensor) -> list[Leak]:
    """Return the leaks: answers (N, T) for photographs and generated images, (T, N, T) after each transform."""
    skills = [_area(none[:, number], answers[:, number]) for number, answers in enumerate(through)]
    told = [number for number, skill in enumerate(skills) if skill >= SKILL]
    found: dict[int, tuple[float, float, float]] = {}
    if told:
        after = through[told].transpose(0, 1)
        again = [_shares(_resampled(none), _resampled(after), _resampled(drawn)) for _ in range(RESAMPLINGS)]
        low, high = torch.stack(again).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64), dim=0).tolist()
        found = dict(zip(told, zip(_shares(none, after, drawn).tolist(), low, high, strict=True), strict=True))
    return [
        Leak(name, skill, *found.get(number, (None, None, None)))
        for number, (name, skill) in enumerate(zip(names, skills, strict=True))
    ]


def _strengths(options: Options, name: str) -> Mapping[str, float]:
    return {} if name in ("x_flip", "rotate90", "luma_flip") else {name: options.strength(name)}


def _small(images: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(images, min(LARGEST, images.shape[-1]))


def _network(outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, outputs)
    )


def _learn(images: Tensor, transforms: Mapping[str, Augmentation], steps: int) -> nn.Module:
    """Return a network whose logits (B, 1 + transforms) say through which transform an image went, 0 being none."""
    network = _network(1 + len(transforms)).to(images.device)
    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = 1e-3 * (1 + math.cos(math.pi * step / steps))
        batch = images[torch.randint(len(images), (BATCH,))]
        # half of them went through nothing
        kinds = torch.randint(1, 1 + len(transforms), (BATCH,)) * torch.randint(2, (BATCH,))
        for number, transform in enumerate(transforms.values(), start=1):
            of_kind = (kinds == number).nonzero()[:, 0]
            if len(of_kind):
                batch[of_kind] = transform(batch[of_kind], 1.0)
        loss = F.cross_entropy(network(_small(batch)), kinds.to(images.device))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network


@torch.no_grad()
def _scores(network: nn.Module, images: Tensor) -> Tensor:
    """Return for each image the probability of each transform, (B, transforms), float64 on the CPU."""
    logits = torch.cat([network(_small(part)) for part in images.split(256)])
    return logits.double().softmax(dim=1)[:, 1:].cpu()


def _through(transform: Augmentation, images: Tensor) -> Tensor:
    return torch.cat([transform(part, 1.0) for part in images.split(BATCH)])


def _shares(none: Tensor, after: Tensor, drawn: Tensor) -> Tensor:
    """Return the shares (T,) of the transforms that best explain the mean answer (K,) for generated images.

    ``none`` and ``drawn`` are (N, K) answers for photographs and generated images, ``after`` (N, T, K) for photographs
    after each transform.
    """
    start = none.mean(dim=0)
    shares, _ = nnls((after.mean(dim=0) - start).T.numpy(), (drawn.mean(dim=0) - start).numpy())
    return torch.from_numpy(shares)


def _resampled(images: Tensor) -> Tensor:
    return images[torch.randint(len(images), (len(images),))]


def _area(none: Tensor, through: Tensor) -> float:
    """Return the probability that a transformed photograph scores above another one, ties counting half."""
    difference = through[:, None] - none[None]
    return ((difference > 0).double() + (difference == 0).double() / 2).mean().item()
