"""Which images may be copies of held-out ones: by equal bytes, near hashes, near features."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from throng.likeness.looking import Looks
from throng.likeness.neighbours import BITS, Held, Near, near
from throng.likeness.subjects import Subject


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A held-out image that one may be a copy of.

    ``bits`` between their nearest hashes, by which, mirrored or not, the image shows ``window`` of the held-out one or,
    where ``within``, the held-out one shows it of the image; ``by_hash`` is whether that is near enough to start from.
    """

    other: Subject
    identical: bool
    bits: int
    mirrored: bool
    within: bool
    window: int
    by_hash: bool
    similarity: float | None


class HeldOut:
    """The images held out more than some rank, indexed to be found by hashes within ``distance`` bits."""

    def __init__(self, looks: Looks, distance: int) -> None:
        self._looks = looks
        self._telling = np.flatnonzero(looks.telling)
        self._held = Held.of(looks.hashes[self._telling], distance)
        self._equal: Mapping[str, list[int]] = defaultdict(list)
        for place, subject in enumerate(looks.subjects):
            self._equal[subject.sha256].append(place)

    def candidates(self, looks: Looks, most: int) -> list[tuple[Subject, list[Candidate]]]:
        """Return the images that may be copies with what of, by source and path of the held-out image.

        At most ``most`` by hash, and as many by features where there are any; equal bytes always.
        """
        found: list[dict[int, Candidate]] = [{} for _ in looks.subjects]
        self._by_features(looks, most, found)
        self._by_hashes(looks, most, found)
        for place, subject in enumerate(looks.subjects):
            for other in self._equal.get(subject.sha256, []):
                similarity = self._similarity(looks, place, other)
                found[place][other] = Candidate(
                    self._looks.subjects[other], True, 0, False, False, 0, False, similarity
                )
        pairs = zip(looks.subjects, found, strict=True)
        return [(subject, sorted(some.values(), key=lambda one: one.other.key)) for subject, some in pairs if some]

    def _by_hashes(self, looks: Looks, most: int, found: Sequence[dict[int, Candidate]]) -> None:
        telling = np.flatnonzero(looks.telling)
        pairs = near(looks.hashes[telling], self._held, most)
        for index, row, place in _pairs(pairs, telling, self._telling):
            found[row][place] = self._candidate(looks, row, place, pairs, index, by_hash=True)

    def _by_features(self, looks: Looks, most: int, found: Sequence[dict[int, Candidate]]) -> None:
        """Find the held-out images of the nearest features; their bits are counted, however many."""
        rows = np.flatnonzero(looks.telling)
        if not looks.features.shape[1] or not len(self._telling) or not len(rows):
            return
        cosines = looks.features[rows] @ self._looks.features[self._telling].T
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
        for row, places in zip(rows.tolist(), nearest.tolist(), strict=True):
            some = self._telling[places]
            pairs = near(looks.hashes[[row]], Held.of(self._looks.hashes[some], BITS), len(some))
            for index, _, place in _pairs(pairs, rows, some):
                found[row][place] = self._candidate(looks, row, place, pairs, index, by_hash=False)

    def _candidate(self, looks: Looks, row: int, place: int, pairs: Near, index: int, *, by_hash: bool) -> Candidate:
        return Candidate(
            self._looks.subjects[place],
            False,
            int(pairs.bits[index]),
            bool(pairs.mirrored[index]),
            bool(pairs.within[index]),
            int(pairs.window[index]),
            by_hash,
            self._similarity(looks, row, place),
        )

    def _similarity(self, looks: Looks, row: int, place: int) -> float | None:
        if not looks.features.shape[1]:
            return None
        return round(float(looks.features[row] @ self._looks.features[place]), 4)


def _pairs(pairs: Near, rows: np.ndarray, places: np.ndarray) -> Iterable[tuple[int, int, int]]:
    """Yield the number of each pair with the indices of both among all images."""
    for index, (one, other) in enumerate(zip(pairs.looked_up.tolist(), pairs.held.tolist(), strict=True)):
        yield index, int(rows[one]), int(places[other])
