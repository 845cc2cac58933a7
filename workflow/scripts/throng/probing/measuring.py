"""All probes of one frozen network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from throng.probing.classes import ClassPictures, LayerScore, probe_layers
from throng.probing.frozen import frozen
from throng.probing.heads import HeadOptions
from throng.probing.people import VECTOR, CountedPictures, pooled_features, probe_people
from throng.probing.style_leak import style_leak
from throng.probing.subjects import RANDOM, Subject

Row = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """What every network is shown: kinds of things, sets of counted pictures, photographs to be filtered."""

    classes: ClassPictures
    people: Sequence[tuple[CountedPictures, Sequence[np.ndarray]]]
    leak: Sequence[np.ndarray]
    filters: Sequence[str]


@dataclass(frozen=True)
class Probed:
    """What the probes found in one subject; layers and leak are those of counting networks alone."""

    subject: Subject
    parameters: str
    scores: list[LayerScore] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    leak: list[Row] = field(default_factory=list)

    def who(self) -> Row:
        """Return what every row of this subject says of it."""
        one = self.subject
        return {
            "name": one.name,
            "run": one.run,
            "kind": one.kind,
            "architecture": one.encoder.architecture["name"],
            "trained": one.kind != RANDOM,
        }

    def layers(self) -> list[Row]:
        """Return a row per layer."""
        return [self.who() | score.figures() for score in self.scores]

    def facts(self) -> Row:
        """Return what identifies the subject: its file's sha256 (None: untrained) and its parameters'."""
        return self.who() | {"sha256": self.subject.sha256, "parameters_sha256": self.parameters}


def probe(subject: Subject, material: Material, options: HeadOptions, *, seed: int, device: str) -> Probed:
    """Return what a frozen network's layers, counts and filters show; raises ThrongError if it changes meanwhile."""
    network = subject.counting if subject.counting is not None else subject.encoder
    network.to(device)
    with frozen(network, subject.label) as parameters:
        found = Probed(subject, parameters)
        found.people.extend(_people(found, material, device))
        if subject.counting is not None:
            found.scores.extend(probe_layers(subject.encoder, material.classes, options, seed=seed, device=device))
            found.leak.append(found.who() | style_leak(subject, material.leak, device, material.filters))
    network.to("cpu")
    return found


def _people(found: Probed, material: Material, device: str) -> Iterator[Row]:
    for pictures, seen in material.people:
        for representation, features in pooled_features(found.subject, seen, device).items():
            row = {"pictures": pictures.name, "representation": representation, "dimensions": features.shape[1]}
            if representation == VECTOR:
                row["active_units"] = int((features > 0).any(0).sum())
            yield found.who() | row | probe_people(features, pictures)
