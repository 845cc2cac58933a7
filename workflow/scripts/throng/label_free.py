"""Checks across sections: what counts without labels names things that exist, and no human label decides anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from throng.config import Config
    from throng.sections.train_counter import Trained

ANNOTATIONS, TRAINED, UNLABELLED = "annotations", "trained", "folder"


def check(config: Config) -> None:
    """Raise ValueError with one sentence for every reference that leads nowhere and every label that would decide."""
    if found := [*dangling(config), *taught(config), *upstream(config)]:
        raise ValueError("\n  ".join(found))


def dangling(config: Config) -> Iterator[str]:
    """Yield a sentence for every name in one section that no other has, or has in too few runs."""
    networks, rankers = _named(config.pretrain_count.networks), _named(config.pretrain_rank.encoders)
    fits, counters = _named(config.fit_counts.fits), _named(config.train_counter.counters)
    encoders = {"count": ("pretrain_count.networks", networks), "rank": ("pretrain_rank.encoders", rankers)}
    for ranker in rankers.values():
        if ranker.start is not None:
            where = f"pretrain_rank.encoders: {ranker.name} starts from"
            yield from _missing(where, ranker.start, "pretrain_count.networks", networks, ranker.seeds)
    for fit in fits.values():
        kind, _, name = fit.encoder.partition(":")
        if kind in encoders:
            yield from _missing(f"fit_counts.fits: {fit.name} fits", name, *encoders[kind], fit.seeds)
    for name in config.probe.networks:
        yield from _missing("probe.networks names", name, "pretrain_count.networks", networks)
    for name in config.probe.rankers:
        yield from _missing("probe.rankers names", name, "pretrain_rank.encoders", rankers)
    for rung in config.ladder.rungs:
        if rung.kind == "fit":
            yield from _missing(f"ladder.rungs: {rung.name!r} names", rung.fit, "fit_counts.fits", fits)
        if rung.kind == "counter":
            where = f"ladder.rungs: {rung.name!r} names"
            yield from _missing(where, rung.counter, "train_counter.counters", counters)


def taught(config: Config) -> Iterator[str]:
    """Yield a sentence for every counter on the ladder that learns, or is chosen by, a human label."""
    counters = _named(config.train_counter.counters)
    for rung in config.ladder.rungs:
        if rung.kind == "counter" and rung.counter in counters:
            counter = counters[rung.counter]
            for fault in _faults(counter, config.detect.backend):
                yield f"ladder.rungs: counter {counter.name} is no rung, for no label may decide there: {fault}"


def upstream(config: Config) -> Iterator[str]:
    """Yield a sentence for every label that reaches a rung through what it learns from, where that is refused."""
    if config.ladder.upstream_labels == "allow":
        return
    refused = "ladder.upstream_labels: refuse, but"
    if config.count_synthetic.counter is not None:
        yield f"{refused} count_synthetic.counter may have learnt from labels; set it to null"
    for where, detector in _detectors(config):
        if getattr(detector, "model", None) == TRAINED:
            yield f"{refused} {where} is trained on annotated boxes of these sources; name another model"
    if labelled := [source.name for source in config.ingest.sources if _teaches(source)]:
        for way in _ways(config):
            yield (
                f"{refused} {way}, or ingest the training photographs as format: folder, without labels, and of "
                f"{', '.join(labelled)} split test alone (limit: {{train: 0, val: 0}})"
            )


def _teaches(source: Any) -> bool:
    """Tell whether a source has labelled photographs of split train or val."""
    if source.format == UNLABELLED:
        return False
    if split := getattr(source, "split", None):
        return split != "test"
    return any(source.limit.get(split) != 0 for split in ("train", "val"))


def _ways(config: Config) -> Iterator[str]:
    """Yield the ways by which labels of training photographs reach what is learnt from, and how each is closed."""
    if config.detect.backend == ANNOTATIONS:
        yield "detect.backend: annotations takes annotated boxes for found people: choose ultralytics"
    if getattr(config.remove, "shams", 0) and getattr(config.remove, "shams_avoid", "") == "annotated":
        yield "remove.shams_avoid: annotated keeps shams off annotated people: choose detected"
    if config.count_synthetic.reference:
        number = config.count_synthetic.reference
        yield f"count_synthetic.reference: {number} labelled photographs calibrate counts: set it to 0"
    for maker in config.synthesize.makers:
        if maker.NEEDS_MATERIAL:
            yield f"synthesize.makers: {maker.name} cuts people out by their annotations, where there are any: drop it"


def _named(members: Sequence[Any]) -> dict[str, Any]:
    return {member.name: member for member in members}


def _missing(where: str, name: str, section: str, known: Mapping[str, Any], seeds: int = 1) -> Iterator[str]:
    if name not in known:
        yield f"{where} {name!r}, which is not in {section} (there: {', '.join(known)}): add it there, or name another"
    elif known[name].seeds < seeds:
        yield (
            f"{where} {name!r} in {seeds} runs, but {section} makes {known[name].seeds} of it: raise its seeds, "
            f"or take fewer"
        )


def _faults(counter: Trained, backend: str) -> Iterator[str]:
    if counter.data.images:
        yield f"data.images: {counter.data.images:g} teaches labelled heads; set it to 0"
    if counter.validation != "detected":
        yield f"validation: {counter.validation} chooses the weights by labels; use detected"
    if counter.seed_compat:
        yield "seed_compat allows a choice by the test split; set it to false"
    if backend == ANNOTATIONS:
        yield "the heads it learns, or is chosen by, would be detect.backend: annotations; choose ultralytics"


def _detectors(config: Config) -> Iterator[tuple[str, Any]]:
    yield "detect.model: trained", config.detect
    yield "count_synthetic.detector.model: trained", config.count_synthetic.detector
    for detector in config.remove.check.detectors if config.remove.check else []:
        yield "a model: trained of remove.check.detectors", detector
    for rung in config.ladder.rungs:
        if rung.kind == "detector":
            yield f"the model: trained of rung {rung.name!r}", rung.detector
