"""A shortcut probe: can a small classifier tell edited patches from original ones, and so rank without counting?

Logistic regression on standardised residual statistics and their squares. Scenes are divided into folds and every patch
is judged by a probe that has seen no patch of its scene.
"""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np

RIDGE = 1e-2
CLIP = 5.0


@dataclasses.dataclass(frozen=True, eq=False)
class Patches:
    """Patches of one edit: (N, F) features of the edited ones and of the photograph's at the same places, its scene."""

    edit: str
    scene: str
    edited: np.ndarray
    original: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Probe:
    """A fitted classifier: log-odds of being edited are linear in clipped standard scores and their squares."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """Return the (N,) float64 log-odds that patches with (N, F) features are edited."""
        return _times(_expand(features, self.mean, self.scale), self.weights)


def fit(edited: np.ndarray, original: np.ndarray) -> Probe:
    """Fit a probe to (N, F) features of edited and of original patches, by ridge-penalised likelihood."""
    from scipy.optimize import minimize
    from scipy.special import expit

    features = np.concatenate([edited, original]).astype(np.float64)
    target = np.concatenate([np.ones(len(edited)), np.zeros(len(original))])
    mean, scale = features.mean(0), features.std(0) + 1e-6
    design = _expand(features, mean, scale)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = _times(design, weights)
        value = (np.maximum(odds, 0) + np.log1p(np.exp(-np.abs(odds))) - target * odds).mean()
        slope = np.einsum("ij,i->j", design, expit(odds) - target) / len(target)
        return value + RIDGE / 2 * weights @ weights, slope + RIDGE * weights

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Probe(mean, scale, found.x)


class Folded:
    """Probes by fold of the scenes, each fitted without the scenes of its fold."""

    def __init__(self, training: Sequence[Patches], folds: int) -> None:
        """Divide the scenes of ``training`` into at most ``folds`` folds by hash; one scene alone is not enough."""
        scenes = sorted({patches.scene for patches in training}, key=_hash)
        self._fold = {scene: index % folds for index, scene in enumerate(scenes)}
        self._probes = [self._fit(training, fold) for fold in range(min(folds, len(scenes)))] if len(scenes) > 1 else []
        self._folds = folds

    @property
    def ready(self) -> bool:
        """Whether there were enough scenes to fit anything."""
        return bool(self._probes)

    def differences(self, patches: Patches) -> tuple[np.ndarray, np.ndarray]:
        """Return the (N,) log-odds of an edit's patches and of the photograph's, by a probe that knows neither."""
        fold = self._fold.get(patches.scene, int(_hash(patches.scene)[:8], 16) % len(self._probes))
        probe = self._probes[fold]
        return probe.log_odds(patches.edited), probe.log_odds(patches.original)

    def _fit(self, training: Sequence[Patches], fold: int) -> Probe:
        others = [patches for patches in training if self._fold[patches.scene] != fold]
        return fit(np.concatenate([p.edited for p in others]), np.concatenate([p.original for p in others]))


def right(edited: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Return (2N,) how right log-odds are about edited and original patches: 1, 0, or a half where they are 0."""
    return np.concatenate([(np.sign(edited) + 1) / 2, (1 - np.sign(original)) / 2])


def _expand(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    scores = np.clip((features - mean) / scale, -CLIP, CLIP)
    return np.concatenate([np.ones((len(scores), 1)), scores, scores**2 - 1], axis=1)


def _times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the product, whose last digits BLAS would let depend on its number of threads."""
    return np.einsum("ij,j->i", matrix, vector)


def _hash(scene: str) -> str:
    return hashlib.sha256(scene.encode()).hexdigest()
