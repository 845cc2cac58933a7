"""Looking at images: how many people a detector and a counter see, features, fingerprint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throng.calibration.features import Features
from throng.calibration.subjects import Subject
from throng.detectors.protocol import Detector, Found, Photograph
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.fingerprint import fingerprint
from throng.images import ImageStore, decode
from throng.manifest import OK, REJECTED
from throng.tables.synthetic_counts import SyntheticCountRow

if TYPE_CHECKING:
    from throng.counting.inference import Scheme
    from throng.counting.network import Counter


class TrainedCounter:
    """A counter with its weights on a device."""

    def __init__(self, path: Path, scheme: Scheme, device: str) -> None:
        from throng.counting.registry import WEIGHTS_NAME, load_counter

        loaded, _ = load_counter(path)
        self._model: Counter = loaded.to(device)
        self._scheme: Scheme = scheme
        self.sha256 = sha256_file(path / WEIGHTS_NAME if path.is_dir() else path)

    def count(self, data: bytes) -> float:
        """Return the number of people in the image of these file bytes, at least 0."""
        from throng.counting.inference import decode_for, predict_count

        predicted, _ = predict_count(self._model, decode_for(self._model, data), scheme=self._scheme)
        return max(predicted, 0.0)


@dataclasses.dataclass(frozen=True)
class Opened:
    """An image's bytes and pixels, or why it has none."""

    subject: Subject
    data: bytes
    pixels: np.ndarray | None
    problem: str = ""


class Observer:
    """Looks at batches of images of one size; ``pool`` decodes, this thread runs the networks."""

    def __init__(
        self,
        maker: str,
        store: ImageStore,
        pool: Executor,
        detector: Detector | None,
        counter: TrainedCounter | None,
        features: Features,
    ) -> None:
        self._maker, self._store, self._pool = maker, store, pool
        self._detector, self._counter, self._features = detector, counter, features

    def look(self, subjects: Sequence[Subject]) -> list[SyntheticCountRow]:
        """Return one row for each subject; one that cannot be read or counted is rejected."""
        opened = list(self._pool.map(self._open, subjects))
        readable = [one for one in opened if one.pixels is not None]
        pixels = [one.pixels for one in readable if one.pixels is not None]
        found = self._detect(readable)
        vectors = self._features.describe(pixels) if pixels else np.zeros((0, 0), np.float32)
        prints = list(self._pool.map(fingerprint, pixels))
        seen = iter(zip(found, vectors, prints, strict=True))
        return [
            rejected(one.subject, self._maker, one.problem) if one.problem else self._row(one, *next(seen))
            for one in opened
        ]

    def _open(self, subject: Subject) -> Opened:
        row = subject.row
        try:
            data = self._store.read_bytes(row.source, row.path)
            pixels = decode(data)
        except ThrongError as error:
            return Opened(subject, b"", None, f"unreadable: {error}")
        if pixels.shape[:2] != (row.height, row.width):
            height, width = pixels.shape[:2]
            return Opened(subject, b"", None, f"size: decoded to {width}x{height}, expected {row.width}x{row.height}")
        return Opened(subject, data, pixels)

    def _detect(self, readable: Sequence[Opened]) -> Sequence[Found | None]:
        if self._detector is None or not readable:
            return [None] * len(readable)
        return self._detector.detect([Photograph(one.subject.row, one.pixels) for one in readable])

    def _row(self, one: Opened, found: Found | None, vector: np.ndarray, bits: int) -> SyntheticCountRow:
        if found is not None and found.rejection:
            return rejected(one.subject, self._maker, found.rejection)
        return SyntheticCountRow(
            id=one.subject.row.id,
            origin=one.subject.origin,
            maker=self._maker,
            known=one.subject.known,
            detected=None if found is None else len(found.people),
            predicted=None if self._counter is None else self._counter.count(one.data),
            features=vector.tolist(),
            fingerprint=bits,
            status=OK,
            reason="",
        )


def rejected(subject: Subject, maker: str, reason: str) -> SyntheticCountRow:
    """Return the row of an image that nobody could look at."""
    return SyntheticCountRow(
        id=subject.row.id,
        origin=subject.origin,
        maker=maker,
        known=subject.known,
        detected=None,
        predicted=None,
        features=[],
        fingerprint=0,
        status=REJECTED,
        reason=reason,
    )


def models_of(detector: Detector | None, counter: TrainedCounter | None, features: Features) -> Mapping[str, str]:
    """Return which models looked, for the table's footer: name and sha256 of each."""
    found: dict[str, str] = {}
    for name, model in (("detector", detector.model if detector else None), ("features", features.model)):
        found |= {f"{name}_{key}": value for key, value in (model or {}).items()}
    return found | ({"counter_sha256": counter.sha256} if counter else {})
