"""The hearing: all judges look at generated and at real images, and what they say is put together.

Source: own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throng.gan.conditioning.asked import Asked
from throng.gan.conditioning.judges import Judge
from throng.gan.conditioning.judging import Counted, judgement
from throng.gan.conditioning.preservation import preservation
from throng.gan.conditioning.real_images import People
from throng.seeds import generator

Record = dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """What was counted, by judge, and the pixels (S, K, R, R, 3) uint8 of the first scenes."""

    counted: list[Counted]
    pixels: np.ndarray


def hear(
    judges: Sequence[Judge],
    generated: Iterable[np.ndarray],
    real: Iterable[np.ndarray],
    held_out: np.ndarray,
    *,
    labels: int,
    keep: int,
) -> Heard:
    """Let judges count in batches of ``generated`` images, scene by scene under K labels, and of ``real`` ones.

    ``held_out`` (M,) says which real images those are; the pixels of the first ``keep`` scenes are kept.
    """
    samples, kept = _counts(judges, generated, keep * labels)
    reals, _ = _counts(judges, real, 0)
    counted = [
        Counted(judge, sample.reshape(-1, labels), own, held_out)
        for judge, sample, own in zip(judges, samples, reals, strict=True)
    ]
    return Heard(counted, kept.reshape(-1, labels, *kept.shape[1:]))


def _counts(judges: Sequence[Judge], batches: Iterable[np.ndarray], keep: int) -> tuple[list[np.ndarray], np.ndarray]:
    said: list[list[np.ndarray]] = [[] for _ in judges]
    kept: list[np.ndarray] = []
    for batch in batches:
        for parts, judge in zip(said, judges, strict=True):
            parts.append(judge.count(batch))
        if (missing := keep - sum(map(len, kept))) > 0:
            kept.append(batch[:missing])
    return [np.concatenate(parts) for parts in said], np.concatenate(kept) if kept else np.zeros((0, 1, 1, 3), np.uint8)


def figures(
    heard: Heard,
    asked: Asked,
    counts: np.ndarray | None,
    people: People | None,
    section: Any,
    *,
    describe: Callable[[np.ndarray], np.ndarray],
    notes: Sequence[str],
    draws: int,
    seed: int,
) -> Record:
    """Return all figures of conditioning; scenes are measured by what the first judge counted."""
    scenes = min(section.scenes, section.seeds)
    first = heard.counted[0]
    return {
        "kind": asked.kind,
        "asked": list(asked.names),
        "values": asked.values.tolist(),
        "levels_of_service": asked.levels_of_service,
        "seeds": section.seeds,
        "held_out": len(first.held_out),
        "target": section.target,
        "draws": draws,
        "notes": list(notes),
        "judges": [
            judgement(one, asked, counts, people, target=section.target, draws=draws, seed=seed)
            for one in heard.counted
        ],
        "scenes": preservation(
            heard.pixels[:scenes],
            first.samples[:scenes],
            changed=section.changed,
            describe=describe,
            draws=draws,
            random=generator(seed, "evaluate_gan", "scenes"),
        ),
    }
