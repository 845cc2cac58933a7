"""Seeds per sample, so that a result never depends on batch, order, chunk or worker."""

import hashlib

import numpy as np


def sample_seed(dataset_seed: int, stage: str, sample_id: str) -> int:
    """Return the uint64 seed of one sample: the first 8 bytes of sha256(dataset seed, stage, sample id)."""
    text = f"{dataset_seed}\x1f{stage}\x1f{sample_id}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def generator(dataset_seed: int, stage: str, sample_id: str) -> np.random.Generator:
    """Return a NumPy generator (PCG64) seeded by :func:`sample_seed`."""
    return np.random.Generator(np.random.PCG64(sample_seed(dataset_seed, stage, sample_id)))
