import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.calibration.ranks import normal_scores, relabel

ROWS = st.lists(
    st.tuples(st.floats(0, 500), st.floats(0.01, 50), st.one_of(st.just(float("nan")), st.floats(-5, 5))),
    min_size=1,
    max_size=20,
)


@settings(deadline=None)
@given(ROWS)
def test_adopted_counts_rise_with_the_score_and_keep_their_sum(rows):
    counts, stds, scores = (np.array(column) for column in zip(*rows, strict=True))
    made = relabel(counts, stds, scores, trust=float("inf"))
    known = np.isfinite(scores)
    assert made.counts[~known].tolist() == counts[~known].tolist()
    assert made.counts.sum() == pytest.approx(counts.sum(), rel=1e-6, abs=1e-6)
    for first in np.flatnonzero(known):
        for second in np.flatnonzero(known):
            if scores[first] < scores[second]:
                assert made.counts[first] <= made.counts[second] * (1 + 1e-9) + 1e-9


def test_an_order_that_contradicts_sure_counts_is_not_adopted():
    counts, scores = np.array([10.0, 20, 30, 40]), np.array([4.0, 3, 2, 1])
    sure = relabel(counts, np.full(4, 0.5), scores, trust=1.0)
    assert not sure.adopted and sure.misfit > 1 and sure.counts.tolist() == counts.tolist()
    vague = relabel(counts, np.full(4, 50.0), scores, trust=1.0)
    assert vague.adopted and np.ptp(vague.counts) == pytest.approx(0)


def test_a_right_order_helps_noisy_counts():
    random = np.random.default_rng(0)
    true = np.sort(random.uniform(5, 50, 60))
    noisy = np.maximum(true + random.normal(0, 8, 60), 0)
    made = relabel(noisy, np.full(60, 8.0), true, trust=1.0)
    assert made.adopted
    assert np.abs(made.counts - true).mean() < 0.7 * np.abs(noisy - true).mean()


def test_pooled_blocks_are_precision_weighted():
    made = relabel(np.array([10.0, 4.0]), np.array([1.0, 2.0]), np.array([0.0, 1.0]), trust=100.0)
    assert made.counts == pytest.approx([7.0, 7.0])  # (10 + 4 / 4) / (1 + 1 / 4) = 8.8, scaled to the sum of 14


def test_normal_scores():
    scores = normal_scores(np.array([3.0, np.nan, 1.0, 2.0, 2.0]))
    assert scores[1] == 0
    assert scores[3] == scores[4]
    assert scores[2] < scores[3] < scores[0]
    assert scores.sum() == pytest.approx(0, abs=1e-12)
    assert normal_scores(np.array([7.0]))[0] == pytest.approx(0)
    many = normal_scores(np.arange(1000.0))
    assert many.std() == pytest.approx(1, abs=0.01)
