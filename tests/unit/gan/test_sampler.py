import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.gan.sampler import Sampler, strata, weights

LABELS = np.array([0.0] * 12 + [1.0] * 3 + [2.0] * 9)


def sampler(labels=LABELS, kind="class", **keys):
    return Sampler(labels, kind, **{"batch": 8, "seed": 5} | keys)


@given(st.integers(1, 60), st.integers(1, 9), st.booleans(), st.integers(0, 2**63 - 1))
def test_every_epoch_shows_each_image_once(images, batch, mirror, seed):
    drawn = sampler(np.zeros((images, 0)), "none", batch=batch, seed=seed, mirror=mirror)
    size = images * (1 + mirror)
    steps = range(1, -(-3 * size // batch) + 1)
    shown = np.concatenate([drawn.real(step) for step in steps])[: 3 * size].reshape(3, size)
    assert (np.sort(shown, axis=1) == np.arange(size)).all()


def test_the_order_is_a_function_of_seed_and_step_alone():
    drawn, again = sampler(balance=0.5), sampler(balance=0.5)
    forwards = [drawn.real(step).tolist() for step in range(1, 20)]
    backwards = [again.real(step).tolist() for step in range(19, 0, -1)]
    assert forwards == backwards[::-1]
    assert forwards != [sampler(balance=0.5, seed=6).real(step).tolist() for step in range(1, 20)]
    assert (drawn.fake(3) == again.fake(3)).all() and (drawn.fake(3) != drawn.fake(3, 1)).any()


@pytest.mark.parametrize(("balance", "expected"), [(0.0, [12, 3, 9]), (1.0, [8, 8, 8]), (0.5, [10, 5.5, 8.5])])
def test_balance_goes_from_true_shares_to_equal_shares_of_classes(balance, expected):
    drawn = sampler(balance=balance)
    shown = np.concatenate([drawn.real(step) for step in range(1, 301)])  # 100 epochs of 24
    found = np.bincount(LABELS[shown].astype(int)) / 100
    assert found == pytest.approx(expected, abs=0.35)
    times = np.bincount(shown, minlength=24) / 100
    assert times == pytest.approx(weights(LABELS, "class", balance), abs=0.35)
    fakes = np.concatenate([drawn.fake(step) for step in range(1, 1001)])
    assert np.bincount(LABELS[fakes].astype(int)) / 8000 == pytest.approx(np.array(expected) / 24, abs=0.03)


def test_fake_labels_can_be_even_whatever_photographs_are():
    fakes = np.concatenate([sampler(fake_labels="even").fake(step) for step in range(1, 1001)])
    assert np.bincount(LABELS[fakes].astype(int)) / 8000 == pytest.approx([1 / 3] * 3, abs=0.03)


def test_scores_are_balanced_by_tenths_of_their_range_and_empty_ones_are_left_out():
    scores = np.array([0.0, 0.5, 1.0, 1.9, 100.0, 55.0])
    assert strata(scores, "score").tolist() == [0, 0, 0, 0, 9, 5]
    assert weights(scores, "score", 1.0) == pytest.approx([0.5] * 4 + [2, 2])
    assert weights(np.full(3, 7.0), "score", 1.0).tolist() == [1, 1, 1]


def test_wrong_labels_are_of_another_class_or_far_in_rank():
    drawn = sampler()
    shown = np.arange(24)
    wrong = np.array([drawn.wrong(step, shown) for step in range(1, 200)])
    assert (LABELS[wrong] != LABELS[shown]).all()
    chosen = LABELS[wrong[:, 13]]
    assert np.isin([0.0, 2.0], chosen).all() and abs((chosen == 0).mean() - 0.5) < 0.15
    scores = np.random.default_rng(0).permutation(40.0 * np.arange(40))
    far = sampler(scores, "score").wrong(1, np.arange(40))
    ranks = np.argsort(np.argsort(scores))
    apart = np.abs(ranks[far] - ranks)
    assert (np.minimum(apart, 40 - apart) >= 10).all()
    assert sampler(np.zeros(5)).wrong(1, np.array([3, 1])).tolist() == [3, 1]


def test_mirrored_images_come_after_the_others():
    drawn = sampler(mirror=True)
    shown = np.concatenate([drawn.real(step) for step in range(1, 7)])
    assert np.sort(shown).tolist() == list(range(48))
    assert (drawn.wrong(1, shown) < 24).all()
