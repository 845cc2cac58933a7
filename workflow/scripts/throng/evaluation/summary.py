"""The figures of an evaluation as one record: the baseline, every counter, and every two of them compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from throng.evaluation.counted import BEST_ON_TEST, Counted
from throng.evaluation.map_scores import MAP_COLUMNS
from throng.evaluation.metrics import bin_errors, count_metrics, mean_predictor
from throng.evaluation.resampling import image_intervals, quantiles, resampled_maes, run_interval, share_interval
from throng.evaluation.uncertainty import count_calibration, interval_scores

SCHEMA = 2
BASELINE = "mean-count baseline"
ERRORS = ("mae", "rmse", "mape")
AGREED = 0.01  # people
Record = dict[str, Any]


def summarise(
    counters: Sequence[Counted],
    facts: Mapping[str, Record],
    run_facts: Mapping[tuple[str, str], Record],
    training_counts: Sequence[int],
    *,
    bins: Sequence[int],
    resamples: int,
) -> Record:
    """Return ``baseline``, ``counters`` and ``comparisons`` of counters that counted the same N images.

    ``facts`` are added to a counter's record by its name, ``run_facts`` to a run's by (counter, run).
    ``training_counts`` are people per training image. Raises ThrongError as
    :func:`throng.evaluation.metrics.count_metrics` does, as on a count that is not finite.
    """
    true = counters[0].true
    constant = mean_predictor(training_counts, true)
    baseline = Counted(BASELINE, ("",), true, np.full((1, len(true)), constant["answer"]))
    everyone = [baseline, *counters]
    draws = resampled_maes([one.errors for one in everyone], resamples=resamples)
    records = [
        counter_record(one, drawn, facts[one.name], run_facts, bins, resamples)
        for one, drawn in zip(counters, draws[1:], strict=True)
    ]
    return {
        "schema": SCHEMA,
        "images": len(true),
        "people": int(true.sum()),
        "baseline": {"counter": BASELINE, **constant, "mae_95": quantiles(draws[0])},
        "counters": records,
        "comparisons": comparisons(everyone, draws, {name for name, told in facts.items() if not told["published"]}),
    }


def counter_record(
    mine: Counted,
    draws: np.ndarray,
    facts: Record,
    run_facts: Mapping[tuple[str, str], Record],
    bins: Sequence[int],
    resamples: int,
) -> Record:
    """Return one counter's figures, means over its runs with their intervals; ``draws`` are of its MAE."""
    singles = [count_metrics(predicted, mine.true) for predicted in mine.predicted]
    images = image_intervals(mine.errors, mine.true, resamples=resamples)
    record: Record = {"counter": mine.name, "label": mine.label, "marks": list(mine.marks), **facts}
    record |= {"runs": len(singles), "images": len(mine.true), "mape_excluded": singles[0]["mape_excluded"]}
    record["best_on_test"] = BEST_ON_TEST in mine.marks
    for name in ERRORS:
        values = [one[name] for one in singles]
        known = None not in values
        record[name] = float(np.mean(values)) if known else None
        record[f"{name}_runs_95"] = run_interval(values) if known else None
        record[f"{name}_images_95"] = images[name]
    record["mae_95"] = quantiles(draws)
    record["bias"] = float(mine.errors.mean())
    record |= map_figures(mine)
    record["calibration"] = calibration(mine)
    record["ensemble"] = ensemble(mine)
    record["bins"] = mean_bins(mine, bins)
    record["per_run"] = [
        {"run": run, **one, "bias": float(errors.mean()), **run_facts[mine.name, run]}
        for run, one, errors in zip(mine.runs, singles, mine.errors, strict=True)
    ]
    return record


def map_figures(mine: Counted) -> Record:
    """Return the means over runs and images of every map score, and how many images have no PSNR or SSIM."""
    figures: Record = {}
    for name in MAP_COLUMNS:
        values = mine.maps[name]
        known = np.isfinite(values)
        figures[name] = float(values[known].mean()) if known.any() else None
        if name in ("psnr", "ssim"):
            figures[f"{name}_excluded"] = int((~known).any(0).sum())
    return figures


def calibration(mine: Counted) -> Record | None:
    """Return how often the truth is inside a run's interval, and how wide that is, as means over runs."""
    if mine.low is None or mine.high is None or mine.level is None:
        return None
    scores = [interval_scores(low, high, mine.true, mine.level) for low, high in zip(mine.low, mine.high, strict=True)]
    coverages = [one["coverage"] for one in scores]
    coverage = float(np.mean(coverages))
    return {
        "level": mine.level,
        "coverage": coverage,
        "coverage_95": share_interval(coverage, len(mine.true)),
        "coverage_by_run": coverages,
        "width": float(np.mean([one["width"] for one in scores])),
        "score": float(np.mean([one["score"] for one in scores])),
    }


def ensemble(mine: Counted) -> Record | None:
    """Return the figures of the mean count of all runs, and whether their spread tells its error; None for one run.

    Its interval runs from the mean lower to the mean upper end. ``spread`` takes the counts for normal with the
    standard deviation between runs; images on which they agree to a hundredth of a person are left out, and counted.
    """
    if len(mine.predicted) < 2:
        return None
    mean, std = mine.predicted.mean(0), mine.predicted.std(0, ddof=1)
    apart = std > AGREED
    figures: Record = count_metrics(mean, mine.true)
    figures["interval"] = None
    if mine.low is not None and mine.high is not None and mine.level is not None:
        figures["interval"] = interval_scores(mine.low.mean(0), mine.high.mean(0), mine.true, mine.level)
    figures["spread"] = count_calibration(mean[apart], std[apart], mine.true[apart]) if apart.any() else None
    figures["spread_excluded"] = int((~apart).sum())
    return figures


def mean_bins(mine: Counted, lows: Sequence[int]) -> list[Record]:
    """Return the errors by true count, means over runs."""
    by_run = [bin_errors(predicted, mine.true, lows) for predicted in mine.predicted]
    return [
        {
            "low": same[0].low,
            "high": same[0].high,
            "images": same[0].images,
            **{name: float(np.mean([getattr(one, name) for one in same])) for name in ("mae", "rmse", "bias")},
        }
        for same in zip(*by_run, strict=True)
    ]


def comparisons(counters: Sequence[Counted], draws: np.ndarray, trained: set[str]) -> list[Record]:
    """Return every two counters' difference of MAE with its paired interval over images and runs, and a verdict.

    ``trained`` are the names of those that might have been trained more often than once.
    """
    found = []
    for (i, first), (j, second) in combinations(enumerate(counters), 2):
        interval = quantiles(draws[i] - draws[j])
        assert interval is not None
        difference = float(np.abs(first.errors).mean() - np.abs(second.errors).mean())
        once = [one.name for one in (first, second) if len(one.runs) == 1 and one.name in trained]
        found.append(
            {
                "first": first.name,
                "second": second.name,
                "runs": [len(first.runs), len(second.runs)],
                "mae_difference": difference,
                "mae_difference_95": interval,
                "shown": not interval[0] <= 0 <= interval[1],
                "verdict": verdict(first.label, second.label, difference, interval, once),
            }
        )
    return found


def verdict(first: str, second: str, difference: float, interval: Sequence[float], once: Sequence[str]) -> str:
    """Return what a difference of MAE, first minus second, says in words; ``once`` are those trained once only."""
    low, high = interval
    if low > 0 or high < 0:
        better, worse = (second, first) if low > 0 else (first, second)
        ends = sorted(abs(end) for end in interval)
        said = f"{better} is better than {worse} by {abs(difference):.2f} [{ends[0]:.2f}, {ends[1]:.2f}] MAE"
    else:
        said = f"no difference shown between {first} and {second}: {difference:.2f} [{low:.2f}, {high:.2f}] MAE"
    return f"{said}; one training of {' and of '.join(once)}" if once else said
