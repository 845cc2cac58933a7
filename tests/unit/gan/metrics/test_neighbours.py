import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from throng.errors import ThrongError
from throng.gan.metrics import neighbours
from throng.gan.metrics.distances import nearest, precision_recall


def test_nearest_are_those_of_a_tree_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 7)
    rng = np.random.default_rng(0)
    queries, references = rng.normal(size=(23, 3)), rng.normal(size=(40, 3))
    distances, indices = nearest(queries, references, 4)
    expected, where = cKDTree(references).query(queries, 4)
    np.testing.assert_allclose(distances, expected)
    np.testing.assert_array_equal(indices, where)
    own, others = nearest(references, references, 2, within=True)
    expected, where = cKDTree(references).query(references, 3)
    np.testing.assert_allclose(own, expected[:, 1:])
    np.testing.assert_array_equal(others, where[:, 1:])


def test_a_copy_is_at_distance_0_exactly() -> None:
    references = (1e3 + np.random.default_rng(1).normal(size=(50, 64))).astype(np.float32)
    distances, indices = nearest(references[20:30], references)
    assert (distances == 0).all()
    np.testing.assert_array_equal(indices[:, 0], np.arange(20, 30))


def _by_definition(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    def share(points: np.ndarray, centres: np.ndarray) -> float:
        reach = np.sort(cdist(centres, centres), axis=1)[:, k]
        return float((cdist(points, centres) <= reach).any(1).mean())

    return share(fake, real), share(real, fake)


def test_precision_and_recall_are_those_of_their_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 16)
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(60, 3)), 0.5 * rng.normal(size=(45, 3)) + 0.6
    found = precision_recall(real, fake)
    assert (found.precision, found.recall) == _by_definition(real, fake, 3)
    assert found.precision_interval[0] < found.precision < found.precision_interval[1]


def test_a_generator_that_draws_one_mode_is_precise_without_recall() -> None:
    rng = np.random.default_rng(3)
    real = np.concatenate([rng.normal(size=(50, 2)), rng.normal(size=(50, 2)) + 100])
    found = precision_recall(real, rng.normal(size=(60, 2)))
    assert found.precision > 0.9
    assert 0.4 < found.recall <= 0.5
    equal = precision_recall(real, real)
    assert (equal.precision, equal.recall) == (1, 1)
    constant = np.full((9, 5), 0.1)
    assert precision_recall(constant, constant).precision == 1


def test_too_few_images_for_k_are_refused() -> None:
    with pytest.raises(ThrongError, match="3 nearest neighbours need as many other images, and there are 2"):
        precision_recall(np.zeros((3, 2)), np.zeros((5, 2)))
