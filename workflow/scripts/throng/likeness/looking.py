"""What is kept of every image that is looked at: its file's sha256, its perceptual hashes, its features."""

import dataclasses
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.likeness.hashes import Window, hashes_of
from throng.likeness.subjects import Subject
from throng.workdir import Made, Workdir


class Encoder(Protocol):
    """Describes images; the answer for one never depends on the others."""

    def describe(self, image: np.ndarray) -> np.ndarray:
        """Return (D,) float32 features of length 1 of an (H, W, 3) uint8 RGB image, the same of its mirror image."""
        ...


@dataclasses.dataclass(frozen=True)
class Looks:
    """N images that could be read: (N, 1 + W) uint64 hashes, (N,) bool whether they tell anything, (N, D) features."""

    subjects: Sequence[Subject]
    hashes: np.ndarray
    telling: np.ndarray
    features: np.ndarray

    @classmethod
    def joined(cls, several: Iterable["Looks"], windows: int) -> "Looks":
        """Return all images of several looks, none of none."""
        parts = list(several)
        return cls(
            [subject for part in parts for subject in part.subjects],
            np.concatenate([np.zeros((0, 1 + windows), np.uint64), *(part.hashes for part in parts)]),
            np.concatenate([np.zeros(0, bool), *(part.telling for part in parts)]),
            np.concatenate([part.features for part in parts]) if parts else np.zeros((0, 0), np.float32),
        )

    def among(self, chosen: np.ndarray) -> "Looks":
        """Return the images where (N,) bool ``chosen`` says so."""
        subjects = [self.subjects[place] for place in np.flatnonzero(chosen).tolist()]
        return Looks(subjects, self.hashes[chosen], self.telling[chosen], self.features[chosen])


class Observer:
    """Looks at batches of images; safe to call from several threads."""

    def __init__(self, store: ImageStore, windows: Sequence[Window], encoder: Encoder | None) -> None:
        self._store, self._windows, self._encoder = store, windows, encoder

    def look(self, key: str, batch: Sequence[Subject]) -> Made:
        """Return a committed row with each file's sha256, or why it cannot be read, and a file of arrays."""
        sha256: list[str] = []
        problems: dict[str, str] = {}
        hashes = np.zeros((len(batch), 1 + len(self._windows)), np.uint64)
        telling = np.zeros(len(batch), bool)
        features: list[np.ndarray] = []
        for place, subject in enumerate(batch):
            try:
                if subject.problem:
                    raise ThrongError(subject.problem)
                data = self._store.read_bytes(*subject.place)
                image = decode(data)
            except ThrongError as error:
                problems[str(place)] = str(error)
                sha256.append("")
                continue
            sha256.append(hashlib.sha256(data).hexdigest())
            found = hashes_of(image, self._windows)
            if found is not None:
                hashes[place], telling[place] = found, True
            if self._encoder:
                features.append(self._encoder.describe(image))
        kept = io.BytesIO()
        np.savez(kept, hashes=hashes, telling=telling, features=np.array(features, np.float32))
        return {"sha256": sha256, "problems": problems}, {f"{key}.npz": kept.getvalue()}


def read(work: Workdir, key: str, batch: Sequence[Subject], row: Mapping) -> tuple[Looks, list[tuple[Subject, str]]]:
    """Return what a finished batch gave: the images that could be read, and those that could not, with the reason."""
    with np.load(work.file(f"{key}.npz")) as kept:
        hashes, telling, features = kept["hashes"], kept["telling"], kept["features"]
    unread = [(batch[int(place)], reason) for place, reason in row["problems"].items()]
    readable = [place for place in range(len(batch)) if str(place) not in row["problems"]]
    subjects = [_identified(batch[place], row["sha256"][place]) for place in readable]
    features = features if len(features) else np.zeros((len(readable), 0), np.float32)
    return Looks(subjects, hashes[readable], telling[readable], features), unread


def _identified(subject: Subject, sha256: str) -> Subject:
    return dataclasses.replace(subject, sha256=sha256, id=subject.id or sha256[:16])
