"""Judges: one that learns, one of train_counter, one that detects; and the images that they are tried on."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.unit.gan.conditioning.world import dots, real_set
from throng import detectors
from throng.counting.registry import build, save_counter
from throng.detectors.protocol import Found
from throng.errors import ThrongError
from throng.gan.conditioning.looking import CounterJudge, DetectorJudge, enlarged
from throng.gan.conditioning.real_images import split, stacked
from throng.gan.conditioning.regressor import Lesson, train_regressor
from throng.sections.detectors import Ultralytics
from throng.tables.detections import Detection

LESSON = Lesson(steps=100, batch_size=32, width=4, learning_rate=5e-3)


def regressor(real, seed=0):
    pixels = stacked(real, np.arange(len(real.ids)))
    return train_regressor(pixels, real.counts, LESSON, seed=seed, device="cpu", name="trained", unit="people")


def test_a_regressor_learns_to_count_from_real_images():
    real, other = real_set(240), real_set(60, seed=5)
    before = torch.random.get_rng_state()
    judge = regressor(real)
    assert torch.equal(torch.random.get_rng_state(), before)
    said = judge.count(stacked(other, np.arange(60)))
    assert spearmanr(said, other.counts)[0] > 0.8
    assert (said >= 0).all()
    assert "240 real images" in judge.says


def test_equal_lessons_make_equal_judges():
    real = real_set(40)
    pixels = stacked(real, np.arange(40))
    lesson = Lesson(steps=3, batch_size=8, width=2)
    said = [
        train_regressor(pixels, real.counts, lesson, seed=seed, device="cpu", name="a", unit="people").count(pixels)
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])


def test_too_few_or_equal_real_images_teach_nothing():
    with pytest.raises(ThrongError, match="cannot learn from 6 real images"):
        regressor(real_set(6))
    same = real_set(20)
    same.counts = np.full(20, 3.0)
    with pytest.raises(ThrongError, match="all show 3"):
        regressor(same)


def test_a_counter_counts_enlarged_images(tmp_path):
    torch.manual_seed(0)
    model = build("compact", 3)
    path = tmp_path / "counter.safetensors"
    save_counter(path, model, recipe={"counter": "mine", "run": "seed-1"})
    pixels = stacked(real_set(3), np.arange(3))
    judge = CounterJudge(path, name="counter", enlarge=2.0, scheme="whole", device="cpu")
    from throng.counting.inference import predict_count

    expected = [predict_count(model.eval(), enlarged(one, 2.0))[0] for one in pixels]
    np.testing.assert_allclose(judge.count(pixels), expected, rtol=1e-5)
    assert judge.model["counter"] == "mine"
    assert enlarged(pixels[0], 2.0).shape == (64, 64, 3)
    with pytest.raises(ThrongError, match="no counter at"):
        CounterJudge(tmp_path / "none", name="counter", enlarge=2.0, scheme="whole", device="cpu")


class White:
    """Finds a person per dot."""

    batch, reads_pixels, model = 2, True, {"file": "white.onnx", "sha256": "ab"}
    rejection = ""

    def prepare(self, photograph):
        return photograph

    def detect(self, photographs):
        person = Detection(x=0, y=0, w=1, h=1, score=1, mask=None)
        return [Found([person] * int(dots(one.pixels[None])[0]), self.rejection) for one in photographs]


def test_a_detector_counts_whom_it_finds(monkeypatch, tmp_path):
    white = White()
    monkeypatch.setattr(detectors, "load", lambda *_: white)
    real = real_set(5)
    judge = DetectorJudge(Ultralytics(), None, tmp_path, name="found", enlarge=1.0)
    assert judge.count(stacked(real, np.arange(5))).tolist() == real.counts.tolist()
    white.rejection = "cap: 3000 people"
    with pytest.raises(ThrongError, match="judge 'found' cannot count a generated image: cap"):
        judge.count(stacked(real, np.arange(1)))


def test_no_image_is_both_learnt_from_and_held_out():
    ids = [f"{number // 2:03x}" for number in range(100)]
    found = split(ids, share=0.3, most=80, seed=1)
    learnt, held = ({ids[n] for n in part} for part in (found.learn, found.held_out))
    assert not learnt & held
    assert len(found.both) == 80
    assert 24 <= len(found.held_out) <= 25
    again = split(ids, share=0.3, most=80, seed=1)
    assert np.array_equal(found.held_out, again.held_out)
    with pytest.raises(ThrongError, match="at least 8 are needed"):
        split(ids[:20], share=0.3, most=80, seed=1)
