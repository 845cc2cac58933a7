"""Distances between sets of features, by one import: Frechet, kernel, precision and recall, within classes, sliding."""

from throng.gan.metrics.conditional import along_label, by_class
from throng.gan.metrics.frechet import (
    Moments,
    RunningMoments,
    frechet_distance,
    frechet_infinity,
    frechet_of,
    frechet_resamples,
    moments_of,
)
from throng.gan.metrics.intervals import around
from throng.gan.metrics.kernel import KernelDistance, kernel_distance
from throng.gan.metrics.neighbours import PrecisionRecall, nearest, precision_recall

__all__ = [
    "KernelDistance",
    "Moments",
    "PrecisionRecall",
    "RunningMoments",
    "along_label",
    "around",
    "by_class",
    "frechet_distance",
    "frechet_infinity",
    "frechet_of",
    "frechet_resamples",
    "kernel_distance",
    "moments_of",
    "nearest",
    "precision_recall",
]
