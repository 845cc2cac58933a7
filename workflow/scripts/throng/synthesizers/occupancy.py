"""Who is seen at each pixel: people stand in front of and behind each other, and everybody must stay seen."""

import numpy as np
from numba import njit

SOLID = 128
HEAD_SEEN = 6
HEAD_RADIUS = 0.04
RING = np.array([(0.0, 0.0)] + [(np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4])


class Occupancy:
    """Adds people one by one, in any order of depth, and refuses whoever is hidden, or hides another, too much.

    A person is seen when at least ``min_visible`` of the pixels that it covers by half or more are (pixels outside the
    image are not), its head point is in the image and nobody's in front of it, and so are at least six of nine points
    of its head: the head point and eight at 4 % of the person's height around it. ``owner`` is the (H, W) int32 map of
    whose pixel is seen where, by order of adding; -1 is nobody.
    """

    def __init__(self, height: int, width: int, most: int, min_visible: float) -> None:
        self.owner = np.full((height, width), -1, np.int32)
        self.count = 0
        self._min_visible = min_visible
        self._feet = np.zeros(most)
        self._full = np.zeros(most, np.int64)
        self._seen = np.zeros(most, np.int64)
        self._heads = np.zeros((most, len(RING), 2), np.int64)
        self._head_seen = np.zeros((most, len(RING)), np.bool_)
        self._hidden = np.zeros(most, np.int64)

    def head_in_sight(self, head: tuple[float, float], height: float, foot: float) -> bool:
        """Tell whether a person would show its head there, before its outline is made."""
        seen = _in_sight(self.owner, self._feet, _samples(head[0], head[1], height), foot)
        return bool(seen[0] and seen.sum() >= HEAD_SEEN)

    def may_fit(
        self, coarse: np.ndarray, left: int, top: int, size: tuple[int, int], foot: float, *, mirrored: bool
    ) -> bool:
        """Tell by a small picture of a person, (h, w) uint8 coverage, whether :meth:`add` is worth its outline.

        The person would cover ``size`` (rows, columns) pixels from (``left``, ``top``), ``mirrored`` or not. Where this
        says no, too little of the person or somebody's head point would be seen, but for a pixel at the outline.
        """
        n = self.count
        return bool(
            _may_fit(
                self.owner, self._feet, self._heads, n, coarse, left, top, *size, foot, mirrored, self._min_visible
            )
        )

    def add(
        self, alpha: np.ndarray, left: int, top: int, head: tuple[float, float], height: float, foot: float
    ) -> bool:
        """Add a person if everybody, the new one too, stays seen; tell whether it was added.

        ``alpha`` (h, w) uint8 coverage lies at (``left``, ``top``); ``foot`` is the row of the feet: who stands lower
        is in front, and of two in one row the one added first.
        """
        samples = _samples(head[0], head[1], height)
        head_seen = _in_sight(self.owner, self._feet, samples, foot)
        if not head_seen[0] or head_seen.sum() < HEAD_SEEN:
            return False
        n = self.count
        hidden = np.zeros(n, np.int64)
        full, seen = _count(self.owner, alpha, left, top, foot, self._feet, hidden)
        if seen == 0 or seen < self._min_visible * full:
            return False
        if (self._seen[:n] - hidden < self._min_visible * self._full[:n])[hidden > 0].any():
            return False
        if not _heads_stay(alpha, left, top, foot, self._feet[:n], self._heads, self._head_seen):
            return False
        _take(self.owner, alpha, left, top, foot, n, self._feet, self._heads, self._head_seen)
        self._seen[:n] -= hidden
        self._feet[n], self._full[n], self._seen[n] = foot, full, seen
        self._heads[n], self._head_seen[n] = samples, head_seen
        self.count += 1
        return True


@njit(cache=True)
def _samples(x, y, height):
    samples = np.empty((len(RING), 2), np.int64)
    for k in range(len(RING)):
        samples[k, 0] = int(np.rint(x + HEAD_RADIUS * height * RING[k, 0]))
        samples[k, 1] = int(np.rint(y + HEAD_RADIUS * height * RING[k, 1]))
    return samples


@njit(cache=True)
def _in_sight(owner, feet, samples, foot):
    rows, columns = owner.shape
    seen = np.zeros(len(samples), np.bool_)
    for k in range(len(samples)):
        x, y = samples[k]
        if 0 <= x < columns and 0 <= y < rows:
            other = owner[y, x]
            seen[k] = other < 0 or feet[other] < foot
    return seen


@njit(cache=True)
def _may_fit(owner, feet, heads, n, coarse, left, top, height, width, foot, mirrored, min_visible):
    high, wide = coarse.shape
    for other in range(n):
        if feet[other] < foot:
            i = int(np.floor((heads[other, 0, 1] - top + 0.5) * high / height))
            j = int(np.floor((heads[other, 0, 0] - left + 0.5) * wide / width))
            if 0 <= i < high and 0 <= j < wide and coarse[i, wide - 1 - j if mirrored else j] >= SOLID:
                return False
    rows, columns = owner.shape
    full = seen = 0
    for i in range(high):
        y = top + int((i + 0.5) * height / high)
        for j in range(wide):
            if coarse[i, wide - 1 - j if mirrored else j] < SOLID:
                continue
            full += 1
            x = left + int((j + 0.5) * width / wide)
            if 0 <= y < rows and 0 <= x < columns:
                other = owner[y, x]
                seen += other < 0 or feet[other] < foot
    return seen >= min_visible * full


@njit(cache=True)
def _count(owner, alpha, left, top, foot, feet, hidden):
    """Count the solid pixels and those that would be seen; ``hidden`` gets what each person behind would lose."""
    rows, columns = owner.shape
    full = seen = 0
    for i in range(alpha.shape[0]):
        for j in range(alpha.shape[1]):
            if alpha[i, j] < SOLID:
                continue
            full += 1
            y, x = top + i, left + j
            if 0 <= y < rows and 0 <= x < columns:
                other = owner[y, x]
                if other < 0 or feet[other] < foot:
                    seen += 1
                    if other >= 0:
                        hidden[other] += 1
    return full, seen


@njit(cache=True)
def _heads_stay(alpha, left, top, foot, feet, heads, head_seen):
    for other in range(len(feet)):
        if feet[other] < foot:
            kept = 0
            for k in range(heads.shape[1]):
                kept += head_seen[other, k] and not _covers(alpha, left, top, heads[other, k])
            if kept < HEAD_SEEN or _covers(alpha, left, top, heads[other, 0]):
                return False
    return True


@njit(cache=True)
def _take(owner, alpha, left, top, foot, n, feet, heads, head_seen):
    rows, columns = owner.shape
    for other in range(n):
        if feet[other] < foot:
            for k in range(heads.shape[1]):
                if _covers(alpha, left, top, heads[other, k]):
                    head_seen[other, k] = False
    for y in range(max(top, 0), min(top + alpha.shape[0], rows)):
        for x in range(max(left, 0), min(left + alpha.shape[1], columns)):
            if alpha[y - top, x - left] >= SOLID and (owner[y, x] < 0 or feet[owner[y, x]] < foot):
                owner[y, x] = n


@njit(cache=True)
def _covers(alpha, left, top, point):
    x, y = point[0] - left, point[1] - top
    return 0 <= x < alpha.shape[1] and 0 <= y < alpha.shape[0] and alpha[y, x] >= SOLID
