import numpy as np
import pytest

from throng.errors import ThrongError
from throng.gan.metrics import kernel
from throng.gan.metrics.distances import kernel_distance


def _by_pairs(one: np.ndarray, other: np.ndarray) -> float:
    """The unbiased estimate, a pair at a time."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / len(x) + 1) ** 3

    def within(rows: np.ndarray) -> float:
        return float(np.mean([k(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]))

    return within(one) + within(other) - 2 * float(np.mean([k(x, y) for x in one for y in other]))


def test_few_images_give_the_exact_unbiased_estimate() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(9, 4)), rng.normal(size=(7, 4)) + 0.5
    found = kernel_distance(one, other)
    assert found.value == pytest.approx(_by_pairs(one, other), rel=1e-10)
    assert (found.estimate, found.interval) == ("all pairs", None)
    assert kernel.unbiased(one, other) == pytest.approx(found.value, rel=1e-10)


def test_estimate_of_equal_distributions_is_0_on_average_however_few_images() -> None:
    rng = np.random.default_rng(1)
    values = [kernel_distance(rng.normal(size=(6, 3)), rng.normal(size=(6, 3))).value for _ in range(800)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_interval_holds_the_spread_of_new_samples() -> None:
    rng = np.random.default_rng(2)
    values = [kernel_distance(rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 0.5).value for _ in range(100)]
    widths = []
    for _ in range(8):
        found = kernel_distance(rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 0.5, resamples=100)
        assert found.interval is not None
        widths.append(found.interval[1] - found.interval[0])
    assert np.mean(widths) == pytest.approx(3.92 * np.std(values), rel=0.4)


def test_many_images_are_looked_at_in_random_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "EXACT", 50)
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(300, 4)), rng.normal(size=(260, 4)) + 0.3
    found = kernel_distance(one, other, subsets=60, subset_size=40, seed=5)
    assert found.estimate == "subsets"
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert found.interval[0] < kernel.unbiased(one, other) < found.interval[1]
    assert found == kernel_distance(one, other, subsets=60, subset_size=40, seed=5)


def test_too_few_images_and_two_extractors_are_refused() -> None:
    with pytest.raises(ThrongError, match="2 images at least on each side, not 1 and 3"):
        kernel_distance(np.zeros((1, 2)), np.zeros((3, 2)))
    with pytest.raises(ThrongError, match="one extractor"):
        kernel_distance(np.zeros((3, 2)), np.zeros((3, 5)))
