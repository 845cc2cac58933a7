"""Losses of counters by name, each of predicted density maps against labels, combinable with weights."""

from throng.counting.losses.combine import DM_COUNT, Loss, LossValue, build_loss
from throng.counting.losses.labels import Labels
from throng.counting.losses.maps import ssim_map

__all__ = [
    "DM_COUNT",
    "Labels",
    "Loss",
    "LossValue",
    "build_loss",
    "ssim_map",
]
