"""From scores of single runs to what is said of a network: margins over random init, in numbers and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.probing.classes import LayerScore, margin
from throng.probing.measuring import Probed
from throng.probing.subjects import NETWORK, RANDOM, control_of

Scores = Mapping[str, Sequence[LayerScore]]  # by run


def verdicts(found: Sequence[Probed]) -> list[dict[str, Any]]:
    """Return the verdict of every network of pretrain_count, all of its runs together."""
    random = {(one.subject.name, one.subject.run): one.scores for one in found if one.subject.kind == RANDOM}
    networks = [one for one in found if one.subject.kind == NETWORK]
    said = []
    for name in dict.fromkeys(one.subject.name for one in networks):
        mine = {one.subject.run: one for one in networks if one.subject.name == name}
        control = {run: random[control_of(one.subject), run] for run, one in mine.items()}
        said.append(verdict(name, {run: one.scores for run, one in mine.items()}, control))
    return said


def verdict(name: str, trained: Scores, random: Scores) -> dict[str, Any]:
    """Return a network's margins over its random inits, layer by layer, and the sentence about the two in the middle.

    Every run is compared with the random init of the same run.
    """
    layers = [score.layer for score in next(iter(trained.values()))]
    margins = {
        layer: margin(_hits(trained, number), _hits({run: random[run] for run in trained}, number))
        for number, layer in enumerate(layers)
    }
    said = layers[2:4] if len(layers) >= 4 else layers[-2:]
    return {
        "network": name,
        "runs": list(trained),
        "margins": margins,
        "sentence": f"{name}: " + ", ".join(_said(layer, margins[layer]) for layer in said),
    }


def _hits(scores: Scores, layer: int) -> list[np.ndarray]:
    return [each[layer].hits for each in scores.values()]


def _said(layer: str, found: Mapping[str, Any]) -> str:
    low, high = found["points_95"]
    points = found["points"]
    if low <= 0 <= high:
        return f"{layer} is as good as random init ({points:+.1f} points, {low:+.1f} to {high:+.1f})"
    way = "beats" if points > 0 else "falls behind"
    return f"{layer} {way} random init by {abs(points):.1f} points ({low:+.1f} to {high:+.1f})"
