"""Who is probed: networks that learnt, and each of them as it was before it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from throng.counting.learning_to_count.networks import Connected, CountingNetwork, counting_network, load_counting
from throng.encoders.encoder import Encoder
from throng.encoders.files import read_network
from throng.encoders.registry import build_encoder, options_of
from throng.files import sha256_file
from throng.provenance import canonical_json
from throng.seeds import sample_seed

NETWORK, RANKER, RANDOM = "network", "ranker", "random init"
ANY_TILE = (128, 128)  # a summing head takes every size; its reference only scales


@dataclass(frozen=True)
class Subject:
    """One run of a network: its encoder, what counts behind it (networks of pretrain_count), its recipe and file."""

    name: str
    run: str
    kind: str
    encoder: Encoder
    counting: CountingNetwork | None
    recipe: Mapping[str, Any]
    sha256: str | None

    @property
    def label(self) -> str:
        """Return what a sentence calls it."""
        return f"{self.name}, {self.run}" if self.kind == RANDOM else f"{self.kind} {self.name}, {self.run}"


def read_subject(path: Path, kind: str) -> Subject:
    """Return the network (of pretrain_count) or ranker of ``<folder>/<name>/<run>/<file>``.

    Raises ThrongError when the file is another kind of network, or none.
    """
    run, name = path.parent.name, path.parent.parent.name
    stored = read_network(path, kinds=("ranker" if kind == RANKER else "counting",))
    if kind == RANKER:
        return Subject(name, run, kind, stored.encoder, None, stored.recipe, sha256_file(path))
    network = load_counting(path)
    return Subject(name, run, kind, network.encoder, network, stored.recipe, sha256_file(path))


def control_of(subject: Subject) -> str:
    """Return the name of a subject's random init: architecture, options that are not usual, and head."""
    architecture = subject.encoder.architecture
    usual = options_of(architecture["name"])
    unusual = [f"{name}={value}" for name, value in architecture["options"].items() if usual[name] != value]
    said = " ".join([RANDOM, architecture["name"], *unusual])
    if subject.counting is None:
        return said
    card = subject.counting.head.card()
    size = f" at {card['size'][0]}x{card['size'][1]}" if "size" in card else ""
    return f"{said}, {card['name']} head of {card['units']}{size}"


def untrained(subject: Subject, dataset_seed: int) -> Subject:
    """Return the random-init control of a subject: its architecture and head from the random numbers of its run.

    The seed is that of the run of the same name of pretrain_count, so a network that started from scratch is compared
    with itself.
    """
    name, options = subject.encoder.architecture["name"], subject.encoder.architecture["options"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sample_seed(dataset_seed, "pretrain_count", subject.run) >> 1)
        if subject.counting is None:
            encoder, counting = build_encoder(name, **options).eval(), None
        else:
            head = subject.counting.head
            size = head.size if isinstance(head, Connected) else ANY_TILE
            counting = counting_network(name, size, units=head.units, head=head.card()["name"], options=options).eval()
            encoder = counting.encoder
    return Subject(control_of(subject), subject.run, RANDOM, encoder, counting, subject.recipe, None)


def controls(subjects: Sequence[Subject], dataset_seed: int) -> list[Subject]:
    """Return the random inits that the subjects are compared with, each once.

    An encoder without a counting head shares the control of a network of its architecture and run, if there is one.
    """
    found: dict[tuple[str, str], Subject] = {}
    heads = {(canonical_json(one.encoder.architecture), one.run) for one in subjects if one.counting is not None}
    for subject in subjects:
        covered = subject.counting is None and (canonical_json(subject.encoder.architecture), subject.run) in heads
        if not covered and (key := (control_of(subject), subject.run)) not in found:
            found[key] = untrained(subject, dataset_seed)
    return list(found.values())


def layer_names(encoder: Encoder) -> list[str]:
    """Return the layers' names: conv1, conv2, ... of plain convolutions, layer1, layer2, ... of anything else."""
    plain = all(stage.startswith("relu") for stage in encoder.stages)
    return [f"{'conv' if plain else 'layer'}{number}" for number in range(1, len(encoder.stages) + 1)]
