"""One judge's word on a generator, with its word on real images beside it.

Source: own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.gan.conditioning.asked import Asked
from throng.gan.conditioning.judges import Judge
from throng.gan.conditioning.obedience import Answers, measured, monotone, shuffled
from throng.gan.conditioning.real_images import People
from throng.gan.conditioning.verdict import share_of_ceiling, verdict
from throng.seeds import generator

Record = dict[str, Any]


@dataclass(frozen=True)
class Counted:
    """What a judge counted in S scenes under K labels (S, K), and in real images ``held_out`` (M,): ``reals`` (M,)."""

    judge: Judge
    samples: np.ndarray
    reals: np.ndarray
    held_out: np.ndarray


def judgement(
    counted: Counted,
    asked: Asked,
    counts: np.ndarray | None,
    people: People | None,
    *,
    target: float,
    draws: int,
    seed: int,
) -> Record:
    """Return a judge's figures of generated and of real images, the control without labels, and the verdict.

    ``counts`` (N,) and ``people`` are of all real images, None where nobody knows how many people they show.
    """
    judge, labels = counted.judge, len(asked.values)
    stands_for, own, cuts = _unit(judge, asked, people)
    scenes = len(counted.samples)
    samples = Answers(
        values=np.tile(asked.values, scenes),
        group=np.tile(np.arange(labels), scenes),
        counted=counted.samples.reshape(-1),
        cluster=np.repeat(np.arange(scenes), labels),
        expected=np.tile(stands_for, scenes),
        balanced=False,
    )
    reals = Answers(
        values=asked.own[counted.held_out],
        group=asked.group[counted.held_out],
        counted=counted.reals,
        cluster=np.arange(len(counted.reals)),
        expected=own[counted.held_out],
        balanced=asked.ordered_classes,
    )

    def random(purpose: str) -> np.random.Generator:
        return generator(seed, "evaluate_gan", f"{judge.name}/{purpose}")

    found = measured(samples, asked.names, cuts, draws=draws, random=random("samples"))
    ceiling = measured(reals, asked.names, cuts, draws=draws, random=random("reals"))
    return {
        "judge": judge.name,
        "says": judge.says,
        "unit": judge.unit,
        "model": dict(judge.model),
        "samples": found,
        "reals": ceiling | {"error": _error(counted, judge, counts)},
        "shuffled": shuffled(samples, draws=draws, random=random("shuffled")),
        "monotone": monotone(counted.samples),
        "share_of_ceiling": share_of_ceiling(found, ceiling),
        "verdict": verdict(found, ceiling, target),
    }


def _unit(judge: Judge, asked: Asked, people: People | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return what labels stand for in the judge's unit, of those asked for and of real images, and classes' cuts."""
    if judge.unit == "label":
        cuts = np.arange(len(asked.values) - 1) + 0.5 if asked.ordered_classes else None
        return asked.values, asked.own, cuts
    if people is None:
        return np.full(len(asked.values), np.nan), np.full(len(asked.own), np.nan), None
    return people.asked, people.own, people.cuts


def _error(counted: Counted, judge: Judge, counts: np.ndarray | None) -> Record | None:
    """Return how far a judge is from the true counts of unseen real images; None where nobody knows those."""
    if judge.unit != "people" or counts is None:
        return None
    error = counted.reals - counts[counted.held_out]
    return {
        "mae": float(np.abs(error).mean()),
        "bias": float(error.mean()),
        "mae_of_mean_count": float(
            np.abs(counts[counted.held_out] - np.delete(counts, counted.held_out).mean()).mean()
        ),
    }
