"""Which samples become validation images and which fit a limit: decided by hashes, so additions move nothing."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from throng.seeds import sample_seed
from throng.sources.samples import Sample


def with_validation(samples: Sequence[Sample], source: str, fraction: float, seed: int) -> list[Sample]:
    """Return the samples with this share of the training scenes as split ``val``, unless the source has its own.

    A scene goes by its own hash against the threshold, so neither order nor other scenes matter.
    """
    if any(sample.split == "val" for sample in samples):
        return list(samples)

    def validates(sample: Sample) -> bool:
        if sample.split != "train":
            return False
        return sample_seed(seed, "ingest/val", f"{source}/{sample.scene}") < fraction * 2**64

    return [dataclasses.replace(sample, split="val") if validates(sample) else sample for sample in samples]


def limited(
    samples: Sequence[Sample], limit: Mapping[Any, int], source: str, seed: int
) -> tuple[list[Sample], Counter[str]]:
    """Return at most ``limit[split]`` samples of each named split, first by hash, and how many were left out.

    What is known to be unusable takes no place of the limit and always stays, to be reported.
    """
    ranked: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, sample in enumerate(samples):
        if not sample.problem and sample.split in limit:
            ranked[sample.split].append((sample_seed(seed, "ingest/limit", f"{source}/{sample.key}"), index))
    dropped = {index for split, ranks in ranked.items() for _, index in sorted(ranks)[limit[split] :]}
    left_out = Counter(samples[index].split for index in dropped)
    return [sample for index, sample in enumerate(samples) if index not in dropped], left_out
