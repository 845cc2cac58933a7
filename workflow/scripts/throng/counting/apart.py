"""Training and validation kept apart: errors on pictures that were learnt from say nothing about others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from throng.counting.samples import Sample, Samples
from throng.errors import ThrongError


def check_apart(training: Samples, validation: Samples, *, workers: int = 1) -> None:
    """Raise ThrongError when a validation sample shows the same picture as a training sample.

    The same picture is the same bytes of a file, or the same pixels; a file and its decoded pixels are two.
    """
    known = {key: index for index, key in enumerate(_fingerprints(training, workers))}
    shared = [(i, known[key]) for i, key in enumerate(_fingerprints(validation, workers)) if key in known]
    if shared:
        raise ThrongError(
            f"{len(shared)} of {len(validation)} validation images are training images too, first validation sample "
            f"{shared[0][0]} = training sample {shared[0][1]}: validate on images that are not learnt from"
        )


def _fingerprints(samples: Samples, workers: int) -> Iterable[bytes]:
    with ThreadPoolExecutor(max(1, workers)) as pool:
        yield from pool.map(lambda index: _fingerprint(samples[index]), range(len(samples)))


def _fingerprint(sample: Sample | tuple[np.ndarray | bytes, np.ndarray]) -> bytes:
    image = sample.image if isinstance(sample, Sample) else sample[0]
    if isinstance(image, bytes):
        return hashlib.blake2b(image).digest()
    shape = ",".join(map(str, image.shape)).encode()
    return hashlib.blake2b(shape + np.ascontiguousarray(image).tobytes()).digest()
