"""Vicinal batches for continuous labels."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.gan.vicinal import VicinalLabels, Vicinity, rule_of_thumb

KINDS: Any = ["hard", "soft", "wide"]
LABELS = np.random.default_rng(0).gamma(2.0, 20.0, 400)


def test_rule_of_thumb_is_silvermans_and_the_widest_gap():
    labels = np.array([0.0, 1.0, 1.0, 4.0, 6.0])
    vicinity = rule_of_thumb(labels)
    assert vicinity.sigma == pytest.approx((4 * np.std(labels) ** 5 / 15) ** 0.2)
    assert vicinity.kappa == 6.0
    assert rule_of_thumb(labels, "soft", neighbours=1).nu == pytest.approx(1 / 9)


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
@settings(max_examples=25, deadline=None)
def test_rule_of_thumb_follows_the_unit_of_the_labels(scale, shift):
    usual, other = rule_of_thumb(LABELS), rule_of_thumb(LABELS * scale + shift)
    assert other.sigma == pytest.approx(usual.sigma * scale, rel=1e-6)
    assert other.kappa == pytest.approx(usual.kappa * scale, rel=1e-6)


@given(
    kind=st.sampled_from(["hard", "soft"]),
    seed=st.integers(0, 2**32 - 1),
    kappa=st.floats(0.5, 50),
    sigma=st.floats(0, 30),
)
@settings(max_examples=40, deadline=None)
def test_everything_drawn_lies_in_its_vicinity(kind, seed, kappa, sigma):
    labels, rng = VicinalLabels(LABELS, Vicinity(kind, sigma, kappa)), np.random.default_rng(seed)
    targets = labels.targets(rng.choice(LABELS, 16), rng)
    batch = labels.draw(targets, rng)
    reach = labels.vicinity.reach
    assert (np.abs(LABELS[batch.images] - targets) <= reach * (1 + 1e-12)).all()
    assert (np.abs(batch.fake_labels - targets) <= reach * (1 + 1e-12)).all()
    assert (batch.real_weights > 0).all()
    if kind == "hard":
        assert (batch.real_weights == 1).all()
        assert (batch.fake_weights == 1).all()


def test_soft_weights_fall_with_the_distance_and_end_at_a_thousandth():
    vicinity = Vicinity("soft", 1.0, 2.0)
    weights = vicinity.weights(np.array([5.0, 6.0, 7.0, 5 - vicinity.reach, 5 + 1.001 * vicinity.reach]), np.array(5.0))
    assert weights == pytest.approx([1.0, math.exp(-0.25), math.exp(-1.0), 1e-3, 0.0])


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_mean_over_draws_is_the_weighted_mean_of_the_paper(kind):
    labels, rng = VicinalLabels(LABELS, Vicinity(kind, 1.0, 8.0)), np.random.default_rng(1)
    value = np.sin(np.arange(len(LABELS)))
    target = 33.0
    batch = labels.draw(np.full(8_000, target), rng)
    weights = labels.vicinity.weights(LABELS, np.array(target))
    expected = (weights * value).sum() / weights.sum()
    drawn = batch.real_weights * value[batch.images]
    assert abs(drawn.mean() - expected) < 4 * drawn.std() / math.sqrt(len(drawn))
    for normalised in (batch.real_weights, batch.fake_weights):
        assert abs(normalised.mean() - 1) <= 4 * normalised.std() / math.sqrt(len(normalised))


def test_targets_scatter_by_sigma_and_one_far_from_all_images_is_drawn_anew():
    rng = np.random.default_rng(2)
    dense = np.linspace(0, 100, 5000)
    noise = VicinalLabels(dense, Vicinity("hard", 3.0, 50.0)).targets(np.full(20_000, 50.0), rng) - 50
    assert abs(noise.std() - 3) < 3 * 3 / math.sqrt(2 * len(noise))
    sparse = VicinalLabels(np.array([0.0, 100.0]), Vicinity("hard", 40.0, 1.0))
    targets = sparse.targets(np.array([0.0, 100.0] * 50), rng)
    assert (np.minimum(np.abs(targets), np.abs(targets - 100)) <= 1).all()


def test_same_seed_gives_the_same_batch():
    labels = VicinalLabels(LABELS, rule_of_thumb(LABELS, "soft"))
    first, second = (labels.draw(LABELS[:8], np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.fake_labels, second.fake_labels)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: rule_of_thumb(np.full(7, 3.0)), "all 7 labels are 3: a vicinity needs labels that differ"),
        (lambda: Vicinity(KINDS[2], 1.0, 1.0), "hard or soft: found 'wide'"),
        (lambda: Vicinity("hard", 1.0, 0.0), "kappa above 0: found 1 and 0"),
        (lambda: Vicinity("soft", math.nan, 1.0), "sigma of 0 or more"),
        (
            lambda: VicinalLabels(LABELS, Vicinity("hard", 0, 0.5)).draw(np.array([1e6]), np.random.default_rng(0)),
            r"within 0.5 of 1e\+06: widen kappa",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, sentence):
    with pytest.raises(ThrongError, match=sentence):
        call()
