"""Figures of obedience: known answers, controls, and the ceiling."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.unit.gan.conditioning.world import CLASSES, Exact, dots, obedient, real_set
from throng.gan.conditioning.asked import asked_for
from throng.gan.conditioning.judging import Counted, judgement
from throng.gan.conditioning.obedience import Answers, measured, monotone
from throng.gan.conditioning.real_images import people_of, split


def judged(pixels, real, judge=None, target=0.6):
    asked = asked_for(real, 7)
    held_out = split(real.ids, share=0.5, most=len(real.ids), seed=0).held_out
    judge = judge or Exact()
    samples = np.stack([judge.count(scene) for scene in pixels])
    reals = judge.count(np.stack([real.pixels(index) for index in held_out]))
    people = people_of(asked, real.counts)
    counted = Counted(judge, samples, reals, held_out)
    return judgement(counted, asked, real.counts, people, target=target, draws=200, seed=0)


def test_a_generator_that_obeys_perfectly_reaches_the_ceiling():
    found = judged(obedient(40), real_set(120))
    assert found["samples"]["spearman"]["value"] == pytest.approx(found["reals"]["spearman"]["value"], abs=0.02)
    assert found["share_of_ceiling"] == pytest.approx(1, abs=0.03)
    assert found["samples"]["classes"]["accuracy"]["value"] == 1
    assert np.array_equal(found["samples"]["classes"]["confusion"], 40 * np.eye(3))
    assert found["samples"]["rising"] == {"strictly": True, "share_of_draws": 1}
    assert found["samples"]["calibration"]["slope"] == pytest.approx(1, abs=0.1)
    assert found["reals"]["error"]["mae"] == 0
    assert found["monotone"]["strictly"] == 1
    assert found["verdict"]["obeys"] == "yes"
    assert found["verdict"]["sentence"].startswith("It obeys. Spearman 0.9")


def test_a_generator_that_ignores_its_label_does_not_obey():
    found = judged(obedient(60, heeds=False), real_set(120))
    low, high = found["samples"]["spearman"]["interval"]
    assert low < 0 < high
    assert abs(found["samples"]["spearman"]["value"]) < 0.2
    assert found["samples"]["classes"]["accuracy"]["value"] == pytest.approx(1 / 3, abs=0.12)
    assert found["monotone"]["strictly"] < 0.35
    assert found["verdict"]["obeys"] == "no"


def test_labels_dealt_anew_show_no_obedience_even_of_an_obedient_generator():
    found = judged(obedient(60), real_set(120))
    low, high = found["shuffled"]["interval"]
    assert low < 0 < high
    assert abs(found["shuffled"]["value"]) < 0.2


def test_a_generator_that_does_the_opposite_is_called_so():
    found = judged(obedient(40)[:, ::-1], real_set(120))
    assert found["samples"]["spearman"]["value"] < -0.8
    assert found["verdict"]["obeys"] == "opposite"


def test_the_order_alone_is_not_obedience():
    class Half(Exact):
        def count(self, pixels):
            return dots(pixels) / 4

    found = judged(obedient(40), real_set(120), Half())
    assert found["verdict"]["obeys"] == "weakly"
    assert "of the class that was asked for" in found["verdict"]["sentence"]
    assert found["samples"]["calibration"]["slope"] == pytest.approx(0.25, abs=0.03)
    assert found["reals"]["error"]["bias"] < -3


def test_a_judge_that_cannot_tell_real_images_apart_says_so():
    class Noisy(Exact):
        def count(self, pixels):
            random = np.random.default_rng(int(pixels.sum()) % 1000)
            return dots(pixels) + random.normal(0, 14, len(pixels))

    found = judged(obedient(60), real_set(300), Noisy(), target=0.9)
    assert found["verdict"]["obeys"] == "untold"


def test_a_judge_that_sees_nothing_in_real_images_says_nothing_of_generated_ones():
    class Blind(Exact):
        def count(self, pixels):
            return pixels[:, 0, 0, 0].astype(float)

    found = judged(obedient(40), real_set(120), Blind())
    assert found["verdict"]["obeys"] == "untold"
    assert found["verdict"]["sentence"].startswith("This judge does not tell real images apart")


def test_a_judge_that_sees_little_does_not_condemn():
    class Weak(Exact):
        def count(self, pixels):
            return np.where(dots(pixels) > 16, 1.0, 0.0)

    poor = judged(obedient(40)[:, :1].repeat(3, axis=1), real_set(120), Weak(), target=0.9)
    assert poor["samples"]["spearman"]["value"] is None
    assert poor["verdict"]["obeys"] == "untold"
    assert judged(obedient(40)[:, :1].repeat(3, axis=1), real_set(120))["verdict"]["obeys"] == "no"


def test_a_judge_of_labels_needs_no_counts():
    class Names(Exact):
        unit = "label"

        def count(self, pixels):
            return np.digitize(dots(pixels), [4.5, 11.5]).astype(float)

    real = real_set(60)
    real.counts = None
    found = judged(obedient(20), real, Names())
    assert found["samples"]["classes"]["accuracy"]["value"] == 1
    assert found["reals"]["error"] is None
    unknown = judged(obedient(20), real)
    assert unknown["samples"]["classes"] is None
    assert unknown["samples"]["calibration"] is None
    assert unknown["verdict"]["obeys"] == "yes"


def answers(values, counted, cluster=None, balanced=False):
    group = np.asarray(values, int)
    cluster = np.arange(len(group)) if cluster is None else cluster
    return Answers(group.astype(float), group, np.asarray(counted, float), cluster, group.astype(float), balanced)


def test_figures_agree_with_their_definitions():
    random = np.random.default_rng(3)
    values = random.integers(0, 3, 90)
    counted = 4.0 * values + random.normal(0, 4, 90)
    found = measured(answers(values, counted), CLASSES, np.array([2.0, 6]), draws=300, random=random)
    assert found["spearman"]["value"] == pytest.approx(spearmanr(values, counted)[0])
    said = np.digitize(counted, [2, 6])
    assert found["classes"]["accuracy"]["value"] == pytest.approx((said == values).mean())
    assert np.sum(found["classes"]["confusion"]) == 90
    low, high = found["spearman"]["interval"]
    assert low < found["spearman"]["value"] < high
    one = found["labels"][1]
    assert one["mean"] == pytest.approx(counted[values == 1].mean())
    assert one["quantiles"]["0.5"] == pytest.approx(np.median(counted[values == 1]))


def test_balanced_figures_do_not_depend_on_how_often_a_class_occurs():
    values, counted = np.array([0, 1, 2, 2]), np.array([1.0, 6, 3, 12])
    often = np.concatenate([values, values[2:], values[2:]])
    once = measured(answers(values, counted, balanced=True), CLASSES, np.array([2.0, 8]), draws=100, random=rng())
    more = np.concatenate([counted, counted[2:], counted[2:]])
    thrice = measured(answers(often, more, balanced=True), CLASSES, np.array([2.0, 8]), draws=100, random=rng())
    assert once["spearman"]["value"] == pytest.approx(thrice["spearman"]["value"], abs=1e-3)
    assert once["classes"]["accuracy"]["value"] == pytest.approx(5 / 6, abs=1e-3)
    assert thrice["classes"]["accuracy"]["value"] == pytest.approx(5 / 6, abs=1e-3)


def rng():
    return np.random.default_rng(0)


def test_images_of_one_seed_are_drawn_together():
    values = np.tile([0, 1, 2], 30)
    counted = values + np.repeat(rng().normal(0, 20, 30), 3)
    together = measured(answers(values, counted, np.repeat(np.arange(30), 3)), CLASSES, None, draws=400, random=rng())
    assert together["clusters"] == 30
    assert together["rising"] == {"strictly": True, "share_of_draws": 1}
    apart = measured(answers(values, counted), CLASSES, None, draws=400, random=rng())
    assert apart["rising"]["share_of_draws"] < 0.9


def test_a_judge_that_always_says_the_same_has_no_correlation():
    found = measured(answers([0, 1, 2] * 5, [4.0] * 15), CLASSES, None, draws=100, random=rng())
    assert found["spearman"] == {"value": None, "interval": None}
    assert found["rising"]["strictly"] is False


def test_monotone_shares():
    found = monotone(np.array([[1, 2, 3], [1, 1, 3], [3, 2, 1], [1, 3, 2.0]]))
    assert found["strictly"] == 0.25
    assert found["never_falling"] == 0.5
    assert found["pairs"] == pytest.approx((3 + 2.5 + 0 + 2) / 12)
    assert found["chance"] == pytest.approx(1 / 6)
