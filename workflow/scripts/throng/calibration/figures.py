"""What the noise model and the counts come to: error curves beside the published one, responses, buckets."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from throng.calibration.buckets import PUBLISHED, Bucket, prior_of, published_error
from throng.calibration.estimation import Estimated
from throng.calibration.gathering import Gathered
from throng.seeds import generator

Record = dict[str, Any]
CURVES = ("exact", "detected", "predicted", "calibrated")


def error_curves(gathered: Gathered, estimated: Estimated, seed: int, resamples: int) -> list[Record]:
    """Return for every maker and requested count above 0 the mean relative error of the request, by every count.

    |count - requested| / requested over all images that have the count: exact, detected and predicted of every image
    that was made, calibrated of the kept ones; each with its 95 % bootstrap interval, and the published mean.
    """
    made = np.array([image.made for image in gathered.images], bool)
    columns = {name: gathered.column(name) for name in CURVES[:3]} | {"calibrated": estimated.counts}
    records: list[Record] = []
    for bucket, members in gathered.buckets(made).items():
        if not bucket.requested:
            continue
        record: Record = {"maker": bucket.maker, "requested": bucket.requested, "images": len(members)}
        record["published"] = published_error(bucket.requested)
        record["measured_by_publication"] = bucket.requested in PUBLISHED
        for name, column in columns.items():
            known = column[members][np.isfinite(column[members])]
            random = generator(seed, "calibrate_counts", f"{bucket.maker} {bucket.requested} {name}")
            record[name] = mean_error(known, bucket.requested, random, resamples)
        records.append(record)
    return records


def mean_error(counts: np.ndarray, requested: int, random: np.random.Generator, resamples: int) -> Record | None:
    """Return the mean relative error of (N,) counts with its percentile bootstrap interval; None for N = 0."""
    if len(counts) == 0:
        return None
    errors = np.abs(counts - requested) / requested
    drawn = [errors[random.integers(0, len(errors), len(errors))].mean() for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "images": len(counts),
        "error": float(errors.mean()),
        "low": float(low),
        "high": float(high),
        "mean_count": float(counts.mean()),
    }


def responses(gathered: Gathered, estimated: Estimated) -> list[Record]:
    """Return how detector and counter respond to known counts, and how far each group of images is off the fit."""
    truth = gathered.known_column("count")
    groups = np.array([image.group for image in gathered.known])
    records: list[Record] = []
    for name, response in estimated.instruments.responses.items():
        seen = gathered.known_column(name)
        known = np.isfinite(seen)
        offs = [
            {
                "group": group,
                "images": int(mine.sum()),
                **_group(truth[mine], seen[mine], response.expected(truth[mine])),
            }
            for group in sorted(set(groups[known]))
            for mine in [known & (groups == group)]
        ]
        records.append({"count": name, **response.described(), "groups": offs})
    return records


def _group(truth: np.ndarray, seen: np.ndarray, expected: np.ndarray) -> Record:
    """Return how many were there, were seen and should have been, and the mean relative error of what was seen."""
    some = truth > 0
    error = float((np.abs(seen - truth)[some] / truth[some]).mean()) if some.any() else None
    return {
        "mean_count": float(truth.mean()),
        "mean_seen": float(seen.mean()),
        "mean_expected": float(expected.mean()),
        "error": error,
    }


def noise(gathered: Gathered, estimated: Estimated, kept: np.ndarray) -> list[Record]:
    """Return what is believed of every bucket: before, now, and of its images' counts."""
    records: list[Record] = []
    made = np.array([image.made for image in gathered.images], bool)
    all_of = gathered.buckets(made)
    exact, seen = gathered.column("exact"), gathered.column("seen")
    for bucket, everyone in all_of.items():
        members = everyone[kept[everyone]]
        record: Record = {"maker": bucket.maker, "bucket": bucket.label, "images": len(everyone), "kept": len(members)}
        record["exact"] = int(np.isfinite(exact[everyone]).sum())
        record |= {
            "mean_seen": _mean(seen[everyone]),
            "mean_count": _mean(estimated.counts[members]),
            "mean_std": _mean(estimated.stds[members]),
            "mean_weight": _mean(estimated.weights[members]),
        }
        records.append(record | _belief(bucket, estimated))
    return records


def _belief(bucket: Bucket, estimated: Estimated) -> Record:
    """Return the spread of g before and now, by which factor more or fewer people are drawn, and the rank order."""
    model, relabelled = estimated.models.get(bucket.maker), estimated.relabelled.get(bucket)
    belief = model.beliefs.get(bucket) if model else None
    return {
        "published_spread": prior_of(bucket.fewest, bucket.most)[1],
        "spread": belief.spread if belief else None,
        "drawn": float(np.exp(belief.offset)) if belief else None,
        "ranked": relabelled.adopted if relabelled else None,
        "rank_misfit": relabelled.misfit if relabelled else None,
    }


def summary(gathered: Gathered, estimated: Estimated, kept: np.ndarray) -> list[Record]:
    """Return by maker how many images were made, kept and are exact, and what they weigh together."""
    exact = gathered.column("exact")
    makers = np.array([image.bucket.maker for image in gathered.images])
    return [
        {
            "maker": maker,
            "images": int(mine.sum()),
            "kept": int((mine & kept).sum()),
            "exact": int((mine & kept & np.isfinite(exact)).sum()),
            "weight": round(float(estimated.weights[mine].sum()), 3),
            "rank_correlation": estimated.models[maker].rho if maker in estimated.models else None,
        }
        for maker in sorted(set(makers.tolist()))
        for mine in [makers == maker]
    ]


def _mean(values: np.ndarray | Sequence[float]) -> float | None:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else None
