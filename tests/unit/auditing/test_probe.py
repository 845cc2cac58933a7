"""The probe finds planted traces, finds none where there are none, and never sees the scene that it judges."""

import numpy as np
import pytest

from throng.auditing.probe import Folded, Patches, fit, right
from throng.auditing.residuals import NAMES, describe
from throng.auditing.shares import grouped_interval, share
from throng.auditing.shortcut import patch_figures, sham_pairs, tells, verdict
from throng.images import decode, encode_jpeg


def noisy(random: np.random.Generator, number: int, sigma: float = 6.0) -> np.ndarray:
    base = random.uniform(60, 190, (number, 1, 1, 3)) + random.uniform(-3, 3, (number, 1, 16, 1)).cumsum(axis=2)
    return np.clip(base + random.normal(0, sigma, (number, 16, 16, 3)), 0, 255).astype(np.uint8)


def scenes(edited_sigma: float, number: int = 12, patches: int = 24) -> list[Patches]:
    made = []
    for scene in range(number):
        random = np.random.default_rng(scene)
        edited, original = noisy(random, patches, edited_sigma), noisy(random, patches)
        made.append(Patches(f"e{scene}", f"scene-{scene}", describe(edited), describe(original)))
    return made


def test_features_are_named_finite_and_each_of_one_patch_alone():
    patches = noisy(np.random.default_rng(0), 9)
    features = describe(patches)
    assert features.shape == (9, len(NAMES)) and features.dtype == np.float32
    extreme = np.stack([np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)])
    assert np.isfinite(features).all() and np.isfinite(describe(extreme)).all()
    assert np.array_equal(describe(patches[::-1])[::-1], features)


def test_jpeg_leaves_its_block_edges_in_the_features():
    random = np.random.default_rng(0)
    ramp = np.clip(np.arange(160)[None, :, None] + random.normal(0, 5, (160, 160, 3)), 0, 255).astype(np.uint8)
    cells = decode(encode_jpeg(ramp, 20)).reshape(10, 16, 10, 16, 3).swapaxes(1, 2).reshape(-1, 16, 16, 3)
    before = ramp.reshape(10, 16, 10, 16, 3).swapaxes(1, 2).reshape(-1, 16, 16, 3)
    edges = NAMES.index("block edges along")
    assert describe(cells)[:, edges].mean() > describe(before)[:, edges].mean() + 0.1


def test_a_planted_trace_is_found_and_nothing_is_found_without_one():
    rng = np.random.default_rng(0)
    planted = patch_figures(Folded(smooth := scenes(1.5), 4), smooth, rng)
    assert planted["accuracy"] > 0.97 and planted["scenes"] == 12 and planted["patches"] == 2 * 12 * 24
    none = patch_figures(Folded(same := scenes(6.0, number=40), 4), same, rng)
    assert none["low"] < 0.5 < none["high"] and abs(none["accuracy"] - 0.5) < 0.05


def test_identical_patches_are_exactly_at_chance():
    random = np.random.default_rng(0)
    features = [describe(noisy(random, 7)) for _ in range(6)]
    same = [Patches(f"e{i}", f"s{i}", f, f) for i, f in enumerate(features)]
    found = patch_figures(Folded(same, 3), same, random)
    assert (found["accuracy"], found["low"], found["high"]) == (0.5, 0.5, 0.5)


def test_a_scene_is_judged_by_a_probe_that_never_saw_it():
    """Labels that belong to a scene alone cannot be learnt from the others: a leak would show as accuracy 1."""
    made = []
    for scene in range(16):
        random = np.random.default_rng(scene)
        one, other = describe(noisy(random, 20, 2.0)), describe(noisy(random, 20, 9.0))
        made.append(Patches(f"e{scene}", f"scene-{scene}", *((one, other) if scene % 2 else (other, one))))
    found = patch_figures(Folded(made, 16), made, np.random.default_rng(0))
    assert found["accuracy"] < 0.6


def test_one_scene_cannot_be_judged():
    probes = Folded(scenes(1.5, number=1), 5)
    assert not probes.ready
    assert patch_figures(probes, scenes(1.5, number=1), np.random.default_rng(0))["accuracy"] is None
    assert verdict(sham_pairs([], {}), []).startswith("unknown")


def test_the_fit_is_where_the_penalised_likelihood_is_flat():
    made = scenes(5.0, number=4)
    edited, original = (np.concatenate([getattr(p, name) for p in made]) for name in ("edited", "original"))
    probe = fit(edited, original)
    target = np.r_[np.ones(len(edited)), np.zeros(len(original))]

    def loss(weights: np.ndarray) -> float:
        odds = type(probe)(probe.mean, probe.scale, weights).log_odds(np.concatenate([edited, original]))
        return float((np.logaddexp(0, odds) - target * odds).mean() + 0.005 * weights @ weights)

    steps = np.eye(len(probe.weights)) * 1e-4
    slopes = [(loss(probe.weights + step) - loss(probe.weights - step)) / 2e-4 for step in steps]
    assert np.abs(slopes).max() < 1e-3


def test_right_counts_ties_as_half():
    assert right(np.array([2.0, -1.0, 0.0]), np.array([-3.0, 1.0, 0.0])).tolist() == [1, 0, 0.5, 1, 0, 0.5]


def test_tells_add_up_along_the_chain_and_stop_at_what_is_unknown():
    bases = {"e1": "p", "e2": "e1", "e3": "e2", "s2": "e1", "x2": "x1", "x1": "p"}
    steps = {"e1": 1.0, "e2": 2.0, "e3": 4.0, "s2": -0.5, "x2": 9.0}
    assert tells(bases, steps) == {"e1": 1.0, "e2": 3.0, "e3": 7.0, "s2": 0.5}


@pytest.mark.parametrize(
    ("right_ones", "number", "said"),
    [(98, 100, "shortcut"), (500, 1000, "none found"), (5, 10, "undecided"), (0, 0, "unknown")],
)
def test_verdicts(right_ones, number, said):
    said_of = verdict(
        share(right_ones, number), [{"kind": "real-edited", "low": 0.9}, {"kind": "sham-edited", "low": 0.1}]
    )
    assert said_of.startswith(said)
    assert ("on real-edited;" in said_of) == (said == "shortcut")


def test_an_interval_by_groups_is_wider_than_one_by_cases_when_groups_agree():
    values = np.repeat([1.0, 0.0] * 5, 50)
    groups = np.repeat([f"g{i}" for i in range(10)], 50).tolist()
    low, high = grouped_interval(values, groups, np.random.default_rng(0))
    alone = grouped_interval(values, [str(i) for i in range(500)], np.random.default_rng(0))
    assert low < 0.3 and high > 0.7 and alone[0] > 0.44 and alone[1] < 0.56
