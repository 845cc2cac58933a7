"""What the stages of a run took, from what their jobs said beside their logs."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.operations.measuring import END, measured_of
from throng.operations.took import took
from throng.release.ledger import Line
from throng.sections.release_card import Card

LOGS = "logs"
# the stages that make a release's data, in their order; of the others, counters and generators are no part of it
STAGES = (
    "ingest",
    "detect",
    "remove",
    "rank_pairs",
    "prompt",
    "gather_material",
    "synthesize",
    "count_synthetic",
    "calibrate_counts",
    "label_density",
    "sample_gan",
)
# the stage whose account in the ledger says how many images another stage went over
COUNTED_AS = {"prompt": "synthesize", "gather_material": "synthesize", "count_synthetic": "synthesize"}


def measured(results: Path, card: Card) -> dict[str, dict[str, float]]:
    """Return what each stage took: seconds, cpu_seconds and gpu_seconds of all its jobs, peak_mb of the largest, jobs.

    Nothing is returned where ``card.hardware`` names no machine, since times without one mean nothing. ``results`` is
    the results folder; a stage whose jobs said nothing is left out. Raises ThrongError for a
    record that is none.
    """
    if card.hardware is None:
        return {}
    found: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        jobs = [job for path in _records(results / LOGS, stage) if (job := took(path))]
        if not jobs:
            continue
        seconds = sum(job.seconds for job in jobs)
        found[stage] = {
            "jobs": len(jobs),
            "seconds": seconds,
            "cpu_seconds": sum(job.cpu_seconds for job in jobs),
            "gpu_seconds": seconds if stage in card.gpu_stages else 0.0,
            "peak_mb": max(job.peak_mb for job in jobs),
        }
    return found


def _records(logs: Path, stage: str) -> list[Path]:
    return sorted([measured_of(logs / f"{stage}.log"), *(logs / stage).rglob(f"*{END}")])


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one stage took: of all its jobs, and for each of the images that it went over, 0 where that is unknown."""

    stage: str
    images: int
    jobs: int
    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    peak_mb: float

    def per_image(self, seconds: float) -> float | None:
        """Return seconds for each image, None where nobody counted them."""
        return seconds / self.images if self.images else None


def costs(found: Mapping[str, Mapping[str, Any]], ledger: Sequence[Line]) -> list[Cost]:
    """Return what each stage of ``found`` took, with the images that the ledger says it went over."""
    return list(_costs(found, {line.stage: line.units_in for line in ledger}))


def _costs(found: Mapping[str, Mapping[str, Any]], images: Mapping[str, int]) -> Iterator[Cost]:
    for stage, figures in found.items():
        yield Cost(
            stage,
            images.get(COUNTED_AS.get(stage, stage), 0),
            int(figures["jobs"]),
            *(float(figures[name]) for name in ("seconds", "cpu_seconds", "gpu_seconds", "peak_mb")),
        )
