"""From what is known to a count, a standard deviation and a weight for every kept image."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from throng.calibration.buckets import Bucket
from throng.calibration.gathering import MEASURES, Gathered
from throng.calibration.noise import Images, Instruments, NoiseModel, Settings, weights
from throng.calibration.ranks import Relabelled, relabel
from throng.calibration.response import correlation, fit
from throng.sections.calibrate_counts import CalibrateCounts

COUNT_DIGITS, WEIGHT_DIGITS = 3, 4  # finer is rounding, which depends on the machine
Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Estimated:
    """Counts, standard deviations and weights (N,), NaN and 0 for dropped images, and the models behind them."""

    counts: np.ndarray
    stds: np.ndarray
    weights: np.ndarray
    scores: np.ndarray
    instruments: Instruments
    models: Mapping[str, NoiseModel]
    relabelled: Mapping[Bucket, Relabelled]


def fit_instruments(gathered: Gathered, config: CalibrateCounts) -> Instruments:
    """Fit the response of every count that was taken and is to be believed, on the images of known count."""
    truth = gathered.known_column("count")
    taken = [
        name
        for name in MEASURES
        if name in config.measure and (np.isfinite(gathered.column(name)).any() or _usable(gathered, name).any())
    ]
    responses = {
        name: fit(truth[ok], gathered.known_column(name)[ok]) for name in taken for ok in [_usable(gathered, name)]
    }
    alike = 0.0
    if len(responses) == 2:
        both = _usable(gathered, MEASURES[0]) & _usable(gathered, MEASURES[1])
        seen = [gathered.known_column(name)[both] for name in responses]
        alike = correlation(list(responses.values()), truth[both], seen)
    return Instruments(responses, alike)


def estimate(gathered: Gathered, kept: np.ndarray, config: CalibrateCounts) -> Estimated:
    """Estimate the counts of the kept (N,) bool images, maker by maker, and put them in rank order."""
    number = len(gathered.images)
    instruments = fit_instruments(gathered, config)
    exact = gathered.column("exact")
    ranked_by = {"scores": "score", None: None}.get(config.rank_by, config.rank_by)
    scores = gathered.column(ranked_by) if ranked_by else np.full(number, np.nan)
    outside = scores if config.rank_by == "scores" else np.full(number, np.nan)
    counts, stds = np.full(number, np.nan), np.full(number, np.nan)
    counts[kept], stds[kept] = exact[kept], np.where(np.isfinite(exact[kept]), 0.0, np.nan)
    settings = Settings(config.transfer_std, config.rank_correlation)
    models: dict[str, NoiseModel] = {}
    relabelled: dict[Bucket, Relabelled] = {}
    buckets = gathered.buckets(kept)
    columns = {name: gathered.column(name) for name in instruments.responses}
    for maker in sorted({bucket.maker for bucket in buckets}):
        mine = {bucket: members for bucket, members in buckets.items() if bucket.maker == maker}
        if all(np.isfinite(exact[members]).all() for members in mine.values()):
            continue
        images = {
            bucket: Images(exact[m], {name: column[m] for name, column in columns.items()}, outside[m])
            for bucket, m in mine.items()
        }
        models[maker] = NoiseModel(images, instruments, settings)
        for bucket, members in mine.items():
            posterior = models[maker].posterior(bucket)
            unsure = ~np.isfinite(exact[members])
            stds[members] = posterior.stds
            counts[members] = posterior.counts
            some = members[unsure]
            relabelled[bucket] = relabel(counts[some], stds[some], scores[some], config.rank_trust)
            counts[some] = relabelled[bucket].counts
    counts, stds = counts.round(COUNT_DIGITS), stds.round(COUNT_DIGITS)
    weight = np.where(kept, weights(counts, stds, config.half_weight), 0.0).round(WEIGHT_DIGITS)
    return Estimated(counts, stds, weight, scores, instruments, models, relabelled)


def _usable(gathered: Gathered, name: str) -> np.ndarray:
    return np.isfinite(gathered.known_column(name))


def agreement(requested: float | None, seen: float | None) -> float | None:
    """Return the smaller over the larger of the two plus one each; None where one is unknown."""
    if requested is None or seen is None:
        return None
    return (min(requested, seen) + 1) / (max(requested, seen) + 1)
