"""The figures of a ladder: the errors of every rung, and what each adds to the one below, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from throng.evaluation.counted import Counted
from throng.evaluation.metrics import count_metrics
from throng.evaluation.resampling import image_intervals, quantiles, resampled_maes, run_interval
from throng.evaluation.summary import mean_bins, verdict
from throng.ranking.rank_accuracy import RATIOS

SCHEMA = 1
REFERENCE = "mean training count"
CHUNK = 256
Record = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """A rung and the counts of its runs; a variant is held ``against`` a step below, a step against the last one."""

    counts: Counted
    kind: str
    says: str
    parameters: int | None
    steps: int | None
    against: str | None = None

    @property
    def drawn(self) -> bool:
        """Whether random numbers decide what it counts."""
        return self.kind in ("fit", "counter")


def standings(
    rungs: Sequence[Standing], training_counts: Sequence[int], *, bins: Sequence[int], resamples: int
) -> Record:
    """Return ``reference``, ``rungs``, the ``order`` of steps and the ``final`` one; all count the same images.

    The reference always says the mean count of the labelled training photographs, which no rung may know; None without
    any. Raises ThrongError as :func:`throng.evaluation.metrics.count_metrics` does.
    """
    true = rungs[0].counts.true
    everyone = [one.counts for one in rungs]
    answer = float(np.mean(training_counts)) if training_counts else None
    if answer is not None:
        everyone.append(Counted(REFERENCE, ("only",), true, np.full((1, len(true)), answer)))
    draws = resampled_maes([one.errors for one in everyone], resamples=resamples)
    records: list[Record] = []
    places = {rung.counts.name: number for number, rung in enumerate(rungs)}
    below: int | None = None
    for number, rung in enumerate(rungs):
        facts = {"kind": rung.kind, "says": rung.says, "parameters": rung.parameters, "training_steps": rung.steps}
        record = {"rung": rung.counts.name, **facts, **errors_of(rung.counts, draws[number], bins, resamples)}
        other = below if rung.against is None else places[rung.against]
        record["against"] = None if other is None else step(rungs[other], rung, draws[other], draws[number])
        record["variant"] = rung.against is not None
        below = number if rung.against is None else below
        records.append(record)
    steps = [record for record in records if not record["variant"]]
    last, reference = steps[-1], None
    if answer is not None:
        reference = {"answer": answer, **errors_of(everyone[-1], draws[-1], bins, resamples)}
    return {
        "schema": SCHEMA,
        "images": len(true),
        "people": int(true.sum()),
        "reference": reference,
        "rungs": records,
        "order": order(steps),
        "final": {name: last[name] for name in ("rung", "mae", "mae_95", "rmse", "r2", "r2_images_95")},
    }


def errors_of(mine: Counted, draws: np.ndarray, bins: Sequence[int], resamples: int) -> Record:
    """Return the errors of one rung, means over its runs; ``draws`` are of its MAE over images and runs.

    ``nae`` is the mean of |predicted - true| / true over images with somebody in them; ``r2`` is the share of the
    variance of the true counts that the predicted ones explain, 0 for their mean and below it for worse ones;
    ``correlation`` is Pearson's. They are None where they are not defined.
    """
    singles = [run_errors(predicted, mine.true) for predicted in mine.predicted]
    images = image_intervals(mine.errors, mine.true, resamples=resamples)
    record: Record = {"runs": len(singles), "images": len(mine.true), "nae_excluded": int((mine.true == 0).sum())}
    for name in ("mae", "rmse", "r2", "nae", "bias", "correlation"):
        record[name] = mean_known([one[name] for one in singles])
    record["mae_95"] = quantiles(draws)
    record["mae_runs_95"] = run_interval([one["mae"] for one in singles])
    record["rmse_images_95"], record["nae_images_95"] = images["rmse"], images["mape"]
    record["r2_images_95"] = r2_interval(mine.errors, mine.true, resamples)
    record["bins"] = mean_bins(mine, bins)
    record["ordered"] = ordered_pairs(mine.predicted, mine.true)
    record["per_run"] = [{"run": run, **one} for run, one in zip(mine.runs, singles, strict=True)]
    return record


def run_errors(predicted: np.ndarray, true: np.ndarray) -> Record:
    """Return the errors of one run's (N,) counts."""
    metrics, error = count_metrics(predicted, true), predicted - true
    varied = len(true) > 1 and np.ptp(true) > 0
    related = varied and np.ptp(predicted) > 0
    return {
        "mae": metrics["mae"],
        "rmse": metrics["rmse"],
        "nae": metrics["mape"],
        "bias": float(error.mean()),
        "r2": float(1 - (error**2).sum() / ((true - true.mean()) ** 2).sum()) if varied else None,
        "correlation": float(np.corrcoef(predicted, true)[0, 1]) if related else None,
    }


def mean_known(values: Sequence[float | None]) -> float | None:
    """Return the mean, None when a value is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def ordered_pairs(predicted: np.ndarray, true: np.ndarray) -> list[Record]:
    """Return by ratio of true counts the share of pairs of images that are put in order, the mean over runs.

    ``predicted`` is (R, N), ``true`` (N,); an equal prediction is half right, equal true counts are no pair, and an
    image of nobody is infinitely less than another. A share of no pairs is None.
    """
    fewer, more = np.nonzero(true[:, None] < true[None, :])
    with np.errstate(divide="ignore"):
        ratios = true[more] / true[fewer]
    right = np.mean([(np.sign(one[more] - one[fewer]) + 1) / 2 for one in predicted], 0)
    found: list[Record] = []
    for low, high in pairwise((1.0, *RATIOS)):
        inside = (ratios > low) & (ratios <= high)
        share = float(right[inside].mean()) if inside.any() else None
        ends = {"ratio_above": low, "ratio_to": None if high == np.inf else high}
        found.append({**ends, "pairs": int(inside.sum()), "share": share})
    return found


def r2_interval(errors: np.ndarray, true: np.ndarray, resamples: int, seed: int = 0) -> list[float] | None:
    """Return the bootstrap interval over images of the mean over runs of R2, for (R, N) errors and (N,) true counts.

    Draws of images that all have the same count are left out.
    """
    rng = np.random.default_rng(seed)
    squares, images = errors.T**2, len(true)
    found: list[np.ndarray] = []
    for start in range(0, resamples, CHUNK):
        drawn = rng.integers(0, images, (min(CHUNK, resamples - start), images))
        weights = np.stack([np.bincount(one, minlength=images) for one in drawn]) / images
        variance = weights @ true**2 - (weights @ true) ** 2
        known = variance > 1e-9
        found.append(1 - ((weights @ squares).mean(1)[known] / variance[known]))
    return quantiles(np.concatenate(found))


def step(other: Standing, mine: Standing, draws_other: np.ndarray, draws: np.ndarray) -> Record:
    """Return what a rung adds to another: its MAE minus that one's, paired over images, and a verdict."""
    interval = quantiles(draws - draws_other)
    assert interval is not None
    difference = float(np.abs(mine.counts.errors).mean() - np.abs(other.counts.errors).mean())
    once = [one.counts.name for one in (mine, other) if one.drawn and len(one.counts.runs) == 1]
    return {
        "rung": other.counts.name,
        "mae_difference": difference,
        "mae_difference_95": interval,
        "shown": not interval[0] <= 0 <= interval[1],
        "verdict": verdict(mine.counts.name, other.counts.name, difference, interval, once),
    }


def order(records: Sequence[Mapping[str, Any]]) -> Record:
    """Return the steps by falling MAE, and Spearman's correlation of that order with the ladder's own.

    1: every step is better than all below it. None for a single step, or when all have the same MAE.
    """
    from scipy.stats import spearmanr

    maes = [record["mae"] for record in records]
    spearman = None
    if len(set(maes)) > 1:
        spearman = float(np.asarray(spearmanr(range(len(maes)), [-mae for mae in maes]))[0])
    by_mae = sorted(records, key=lambda record: -record["mae"])
    return {"by_mae": [record["rung"] for record in by_mae], "spearman": spearman}
