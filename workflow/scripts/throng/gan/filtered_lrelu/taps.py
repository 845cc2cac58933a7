"""Filters as sums of separable ones: a radial low-pass is two to five of them, to the last digit of float32.

Its singular values fall that fast because the jinc is smooth (Karras et al. 2021, App. C, give the filters), so it
costs a few sweeps along rows and columns, not T x T taps a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from throng.errors import ThrongError

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Terms:
    """The filter sum_k outer(along[k], across[k]): ``along`` runs down columns, ``across`` along rows; T taps each."""

    along: Rows
    across: Rows

    @property
    def taps(self) -> int:
        """How many taps the filter has along either axis."""
        return len(self.along[0])

    def scaled(self, gain: float) -> Terms:
        """Return the filter of ``gain`` along each axis, so gain² in all."""
        return Terms(_scaled(self.along, gain), _scaled(self.across, gain))

    def flipped(self) -> Terms:
        """Return the filter turned by half a turn, which is what the adjoint convolves by."""
        return Terms(tuple(row[::-1] for row in self.along), tuple(row[::-1] for row in self.across))


def separable(taps: torch.Tensor | None) -> Terms:
    """Return the terms of a filter (T,), (T, T), or None for no filter; read from the device once per filter.

    Terms below four units in the last place of the filter's type are left out. Raises ThrongError for another shape.
    """
    if taps is None:
        return NO_FILTER
    if taps.is_inference():
        return _terms(taps)
    known = _known.get(taps)
    if known is None or known[0] != taps._version:
        known = _known[taps] = (taps._version, _terms(taps))
    return known[1]


NO_FILTER = Terms(((1.0,),), ((1.0,),))
# Reading a filter off a GPU waits for the GPU, so that happens once and not in every layer of every step.
_known = WeakTensorKeyDictionary()


def _terms(taps: torch.Tensor) -> Terms:
    values = taps.detach().to("cpu", torch.float64)
    if values.ndim == 1 and len(values):
        row = (tuple(values.tolist()),)
        return Terms(row, row)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.numel():
        raise ThrongError(f"a filter must be of shape (T,) for both axes or (T, T), not {tuple(taps.shape)}")
    left, sizes, right = torch.linalg.svd(values)
    kept = max(1, int((sizes > sizes[0] * 4 * torch.finfo(taps.dtype).eps).sum()))
    along, across = left[:, :kept] * sizes[:kept].sqrt(), right[:kept].T * sizes[:kept].sqrt()
    return Terms(tuple(map(tuple, along.T.tolist())), tuple(map(tuple, across.T.tolist())))


def _scaled(rows: Rows, gain: float) -> Rows:
    return tuple(tuple(value * gain for value in row) for row in rows)
