"""Prototypes: what the images of a bucket look like, and how far each is from it.

After CleanNet (Lee, He, Zhang and Yang, CVPR 2018) and AFreeCA, which drops images far from their count's prototype in
feature space; here the prototype is the geometric median of unit vectors, which a minority of wrong images cannot move
far (Weiszfeld, Tohoku Mathematical Journal 43, 1937).
"""

import numpy as np

ROUNDS = 50
TINY = 1e-6


def prototype(vectors: np.ndarray) -> np.ndarray:
    """Return the geometric median, brought to length 1, of (N, D) unit vectors; N at least 1."""
    vectors = vectors.astype(np.float64)
    middle = vectors.mean(axis=0)
    for _ in range(ROUNDS):
        pull = 1 / np.maximum(np.linalg.norm(vectors - middle, axis=1), TINY)
        moved = (pull[:, None] * vectors).sum(axis=0) / pull.sum()
        if np.abs(moved - middle).max() < TINY:
            break
        middle = moved
    length = float(np.linalg.norm(middle))
    return middle / length if length > TINY else vectors[0]


def distances(vectors: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return 1 - cosine, 0 to 2, of (N, D) unit vectors to a prototype (D,)."""
    return np.clip(1 - vectors.astype(np.float64) @ middle, 0.0, 2.0)
