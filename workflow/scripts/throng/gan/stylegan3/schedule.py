"""Cutoffs, rates, sizes and channels of the layers: Karras et al., NeurIPS 2021, section 3.2 and appendix C."""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST_CUTOFF = 2.0
FIRST_STOPBAND = 2**2.1
LAST_STOPBAND = 2**0.3


@dataclass(frozen=True)
class Step:
    """What leaves one layer: frequencies in cycles per image width, rate and size in samples."""

    cutoff: float
    half_width: float
    rate: int
    size: int
    channels: int


def schedule(resolution: int, cbase: int, cmax: int, *, layers: int, critical: int, margin: int) -> list[Step]:
    """Return the ``layers`` + 1 steps: of each layer's signal, the last one that of the image.

    Cutoff and stopband rise geometrically and reach their last value ``critical`` layers before the end.
    """
    last_cutoff = resolution / 2
    last_stopband = last_cutoff * LAST_STOPBAND
    steps: list[Step] = []
    for index in range(layers + 1):
        done = min(index / (layers - critical), 1.0)
        cutoff = FIRST_CUTOFF * (last_cutoff / FIRST_CUTOFF) ** done
        stopband = FIRST_STOPBAND * (last_stopband / FIRST_STOPBAND) ** done
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, resolution)))
        steps.append(
            Step(
                cutoff=cutoff,
                half_width=max(stopband, rate / 2) - cutoff,
                rate=rate,
                size=resolution if index >= layers - 1 else rate + 2 * margin,
                channels=3 if index == layers else round(min(cbase / 2 / cutoff, cmax)),
            )
        )
    return steps
