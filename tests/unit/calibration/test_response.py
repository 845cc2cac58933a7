import numpy as np
import pytest

from tests.unit.calibration.planted import detected, predicted
from throng.calibration.response import correlation, fit


def test_a_planted_response_is_found():
    random = np.random.default_rng(0)
    counts = random.integers(0, 600, 800)
    expected = 0.5 + 0.7 * counts / (1 + counts / 400)
    seen = random.poisson(expected * random.lognormal(0, 0.1, len(counts)))
    found = fit(counts, seen).described()
    assert found["gain"] == pytest.approx(0.7, rel=0.1)
    assert found["half"] == pytest.approx(400, rel=0.25)
    assert found["scatter"] == pytest.approx(0.1, rel=0.3)
    assert found["counting_scatter"] == pytest.approx(1, rel=0.2)
    assert fit(counts, seen).expected(np.array([0.0, 100.0])) == pytest.approx(expected_at(0, 100), rel=0.1, abs=0.3)


def expected_at(*counts):
    return np.array([0.5 + 0.7 * n / (1 + n / 400) for n in counts])


def test_standardised_residuals_are_standard():
    random = np.random.default_rng(1)
    for take in (detected, predicted):
        counts = random.integers(0, 200, 600)
        residuals = fit(counts, take(counts, random)).residuals(counts, take(counts, random))
        assert residuals.std() == pytest.approx(1, abs=0.2)
        assert abs(residuals.mean()) < 0.2


def test_no_known_image_leaves_the_prior_and_many_leave_little_doubt():
    none = fit(np.zeros(0), np.zeros(0))
    assert none.described() | {"images": 0} == none.described()
    assert none.described()["gain"] == 1
    counts = np.arange(0, 200, 2)
    many = fit(counts, counts)
    at = np.array([50.0])
    assert many.doubt(at)[0] < 0.01 * none.doubt(at)[0]
    assert many.doubt(at, transfer=0.1)[0] == pytest.approx(many.doubt(at)[0] + (0.1 * many.expected(at)[0]) ** 2)


def test_the_order_of_images_does_not_matter():
    random = np.random.default_rng(2)
    counts = random.integers(0, 100, 40)
    seen = detected(counts, random)
    order = random.permutation(40)
    first, second = fit(counts, seen), fit(counts[order], seen[order])
    assert first.curve.tolist() == second.curve.tolist()
    assert first.scatter.tolist() == second.scatter.tolist()


def test_instruments_that_err_alike_are_found_out():
    random = np.random.default_rng(3)
    counts = random.integers(5, 100, 400)
    shared = random.lognormal(0, 0.3, 400)
    one, same = counts * shared, counts * shared * random.lognormal(0, 0.05, 400)
    other = counts * random.lognormal(0, 0.3, 400)
    fits = [fit(counts, column) for column in (one, same, other)]
    assert correlation(fits[:2], counts, [one, same]) > 0.8
    assert abs(correlation([fits[0], fits[2]], counts, [one, other])) < 0.2
    assert correlation(fits[:2], counts[:0], [one[:0], same[:0]]) == 0.5


def test_responses_rise():
    random = np.random.default_rng(4)
    counts = random.integers(0, 30, 5)
    response = fit(counts, random.integers(0, 30, 5))  # nonsense
    assert (np.diff(response.expected(np.arange(2000.0))) > 0).all()
    assert (np.diff(response.standard(np.arange(2000.0))) > 0).all()
