import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from throng.counting.collapse import CollapseDetector
from throng.counting.crops import Crops
from throng.counting.inference import predict_map
from throng.counting.inputs import InputSpec
from throng.counting.interval import fit_interval
from throng.counting.losses import Labels
from throng.counting.losses.labels import Truth
from throng.counting.options import CounterOptions
from throng.counting.registry import load_counter, save_counter
from throng.counting.samples import Sample, SampleCache
from throng.counting.train import map_statistics, train_counter
from throng.density.maps import density_maps
from throng.errors import ThrongError
from throng.evaluation.metrics import count_metrics, mean_predictor
from throng.images import encode_png

TINY = CounterOptions(
    model="mcnn",
    crop=(32, 32),
    batch_size=4,
    steps=8,
    val_every=4,
    log_every=4,
    sigma=2.0,
    warmup_steps=2,
    ema_decay=0.9,
)


def blobs(count, seed, shape=(48, 64)):
    """White squares on a dark noisy ground, one per head."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (*shape, 3), dtype=np.uint8)
    points = np.column_stack([rng.integers(2, shape[1] - 2, count), rng.integers(2, shape[0] - 2, count)])
    for x, y in points:
        image[y - 1 : y + 2, x - 1 : x + 2] = 230
    return Sample(image, points.astype(float))


def scenes(n, seed, top=30):
    counts = np.random.default_rng(seed).integers(0, top, n)
    return [blobs(int(count), 1000 * seed + index) for index, count in enumerate(counts)]


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_crops_carry_their_points(scale):
    sample = blobs(25, seed=1)
    spec = InputSpec(image_scale=scale)
    cache = SampleCache([(sample.image, sample.points)], spec, 1.0, 2.0)
    crops = Crops(cache, CounterOptions(crop=(20, 24), batch_size=16, sigma=2.0))
    batch = crops(3)
    assert batch.images.shape == (16, 3, 20, 24)
    assert batch.images.dtype == torch.uint8
    if scale == 1.0:
        for pixels, heads in zip(batch.images, batch.points, strict=True):
            xy = heads.round().long()
            assert (pixels[:, xy[:, 1], xy[:, 0]] == 230).all()
    assert sum(len(p) for p in batch.points) > 0
    again = crops(3)
    assert torch.equal(again.images, batch.images)
    assert not torch.equal(crops(4).images, batch.images)


def test_every_pass_sees_every_sample_once_and_counts_on_average_by_area():
    data = scenes(6, seed=2)
    cache = SampleCache(data, InputSpec(), 1.0, 2.0)
    crops = Crops(cache, CounterOptions(crop=(48, 64), batch_size=3, mirror=True, sigma=2.0))
    seen = sorted(len(points) for number in (0, 1) for points in crops(number).points)
    assert seen == sorted(len(sample.points) for sample in data)


def test_a_picture_smaller_than_the_crop_is_extended():
    cache = SampleCache([blobs(5, seed=3, shape=(20, 30))], InputSpec(), 1.0, "adaptive")
    batch = Crops(cache, CounterOptions(crop=(32, 48), batch_size=2))(0)
    assert batch.images.shape == (2, 3, 32, 48)
    maps = density_maps(batch.points, (32, 48), sigma=batch.sigmas, stride=4)
    assert maps.sum().item() == pytest.approx(10, abs=1e-4)


def test_jitter_changes_brightness_and_nothing_else():
    data = [blobs(8, seed=3)]
    spec = InputSpec()
    plain = CounterOptions(crop=(48, 64), batch_size=8, mirror=False, sigma=2.0)
    still = Crops(SampleCache(data, spec, 1.0, 2.0), plain)(0)
    moved = Crops(SampleCache(data, spec, 1.0, 2.0), dataclasses.replace(plain, jitter=0.3))(0)
    assert all(torch.equal(a, b) for a, b in zip(still.points, moved.points, strict=True))
    gains = moved.images.float().mean((2, 3)) / still.images.float().mean((2, 3))
    assert gains.min() > 0.6
    assert gains.max() < 1.45
    assert gains.std() > 0.05


def test_encoded_images_train_like_decoded_ones_and_the_cache_changes_nothing(tmp_path):
    data, val = scenes(6, seed=4), scenes(2, seed=5)
    encoded = [Sample(encode_png(sample.image), sample.points) for sample in data]
    torch.set_num_threads(1)
    first, recipe, history = train_counter(data, val, TINY, tmp_path / "a")
    second, *_ = train_counter(encoded, val, TINY, tmp_path / "b", cache_gigabytes=0.0, workers=2)
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    assert recipe["best_step"] in {4, 8}
    assert recipe["validation_mae"] == min(row["val_mae"] for row in history if "val_mae" in row)
    assert {"loss", "predicted_count", "true_count", "grad_norm"} <= set(history[0])
    save_counter(tmp_path / "counter", first, recipe)
    assert load_counter(tmp_path / "counter")[1]["options"]["crop"] == [32, 32]


@pytest.mark.slow
def test_a_counter_learns_to_count_and_beats_the_mean(tmp_path):
    options = CounterOptions(
        model="mcnn",
        crop=(48, 64),
        batch_size=8,
        steps=150,
        val_every=50,
        sigma=2.0,
        learning_rate=2e-3,
        losses={"pixel": 1.0, "count": 0.01},
    )
    data, val, test = scenes(60, seed=6), scenes(10, seed=7), scenes(30, seed=8)
    model, _, _ = train_counter(data, val, options, tmp_path)
    from throng.counting.inference import predict_count

    true = [len(sample.points) for sample in test]
    predicted = [predict_count(model, sample.image)[0] for sample in test]
    baseline = mean_predictor([len(sample.points) for sample in data], true)
    assert count_metrics(predicted, true)["mae"] < 0.4 * baseline["mae"]


PUBLISHED = CounterOptions(
    model="sanet-keras",
    model_options={"init": "gaussian", "norm": False},
    target_scale=1.0,
    start_at_mean=False,
    crop=(16, 16),
    batch_size=2,
    steps=40,
    log_every=2,
    collapse_steps=20,
    val_every=40,
    sigma=2.0,
)


def test_a_collapse_fails_the_run_loudly_and_says_what_to_set(tmp_path):
    advice = (
        "set start_at_mean: true, or options.init: he, or options.norm: true, or options.last_activation: softplus, "
        "or target_scale: null, or learning_rate: 0.0001, or module_steps: 2; or train another seed"
    )
    with pytest.raises(ThrongError, match="collapsed by step 20: .*; " + re.escape(advice)):
        train_counter(scenes(4, seed=9), scenes(1, seed=10), PUBLISHED, tmp_path)


@pytest.mark.parametrize("model", ["sanet-paper", "mcnn", pytest.param("compact", marks=pytest.mark.slow)])
def test_a_healthy_run_is_let_be(model, tmp_path):
    options = dataclasses.replace(
        PUBLISHED, model=model, model_options={}, target_scale=None, start_at_mean=True, steps=24
    )
    history = train_counter(scenes(4, seed=9), scenes(1, seed=10), options, tmp_path)[2]
    assert history[-1]["step"] == 24


def test_the_collapse_detector_forgives_a_recovery_and_remembers_through_a_checkpoint():
    alive = {"true_count": 9.0, "predicted_count": 8.0, "predicted_spread": 0.5, "true_spread": 1.0}
    dead = {**alive, "predicted_spread": 1e-4}
    detector = CollapseDetector(patience=3)
    for row in (dead, dead, alive, dead, dead):
        detector(1, row)
    resumed = CollapseDetector(patience=3)
    resumed.load_state_dict(detector.state_dict())
    with pytest.raises(ThrongError, match="a constant map"):
        resumed(2, dead)
    with pytest.raises(ThrongError, match="an empty map"):
        CollapseDetector(1)(1, {**alive, "predicted_count": 0.01})


def test_nothing_to_learn_from_is_refused(tmp_path: Path):
    empty = [blobs(0, seed=1)]
    with pytest.raises(ThrongError, match="no training image has a head point"):
        train_counter(empty, empty, TINY, tmp_path)
    with pytest.raises(ThrongError, match="training and validation images"):
        train_counter(empty, [], TINY, tmp_path)


@pytest.mark.parametrize(
    ("image", "points", "sentence"),
    [
        (np.full((40, 40, 3), np.nan, np.float32), np.zeros((1, 2)), r"image of sample 1 .* not float32"),
        (np.zeros((40, 40), np.uint8), np.zeros((1, 2)), r"image of sample 1 .* shape \(40, 40\)"),
        (np.zeros((40, 40, 3), np.uint8), np.array([[3.0, np.nan]]), "head points of sample 1 are not all finite"),
    ],
)
def test_pixels_and_points_that_are_no_numbers_are_refused_by_sample(image, points, sentence, tmp_path):
    with pytest.raises(ThrongError, match=sentence):
        train_counter([blobs(3, seed=1), Sample(image, points)], [blobs(2, seed=2)], TINY, tmp_path)


def test_validating_on_training_images_is_refused(tmp_path):
    data, same = scenes(4, seed=2, top=9), blobs(5, seed=77)
    sentence = "1 of 2 validation images are training images too, first validation sample 1 = training sample 4"
    for image in (same.image, encode_png(same.image)):
        shared = Sample(image, same.points)
        with pytest.raises(ThrongError, match=sentence):
            train_counter([*data, shared], [blobs(1, seed=78), shared], TINY, tmp_path)


def test_validating_on_images_of_unknown_count_is_refused(tmp_path):
    val = [blobs(1, seed=78), Sample(blobs(4, seed=79).image, None)]
    with pytest.raises(ThrongError, match="how many people validation sample 1 shows"):
        train_counter(scenes(4, seed=2), val, TINY, tmp_path)


def test_a_crop_that_the_network_cannot_take_is_refused(tmp_path):
    options = dataclasses.replace(TINY, model="compact", crop=(32, 8))
    with pytest.raises(ThrongError, match="crop 32x8 is smaller than compact takes: at least 16 pixels"):
        train_counter(scenes(4, seed=2), scenes(1, seed=3), options, tmp_path)


def test_the_checkpoint_of_another_model_is_refused(tmp_path):
    data, val = scenes(4, seed=2), scenes(1, seed=3)
    train_counter(data, val, TINY, tmp_path)
    with pytest.raises(ThrongError, match=r"checkpoint of another run \(differs in identity\.model\)"):
        train_counter(data, val, dataclasses.replace(TINY, model="compact"), tmp_path)


def test_the_interval_is_that_of_the_weights_which_are_kept(tmp_path):
    val = scenes(12, seed=31)
    options = dataclasses.replace(TINY, steps=12, val_every=3, learning_rate=0.02)
    model, recipe, history = train_counter(scenes(6, seed=30), val, options, tmp_path)
    predicted = [float(predict_map(model, sample.image).sum()) for sample in val]
    expected = fit_interval(predicted, [len(sample.points) for sample in val])
    assert recipe["interval"] == pytest.approx(dataclasses.asdict(expected))
    assert len({row["val_reach"] for row in history if "val_reach" in row}) == 4


def test_crops_without_heads_are_judged_by_their_counts():
    points = [torch.tensor([[10.0, 8.0], [20.0, 20.0]]), None, None]
    labels = Labels(points, (32, 32), 4, sigma=3.0, counts=torch.tensor([torch.nan, 10.0, torch.nan]))
    maps = torch.rand(3, 1, 8, 8)
    statistics = map_statistics(maps, Truth(labels, maps))
    assert statistics["true_count"].item() == pytest.approx(6)
    assert statistics["predicted_count"].item() == pytest.approx(float(maps[:2].sum()) / 2, rel=1e-6)
    true = density_maps([points[0]], (32, 32), sigma=3.0, stride=4)
    assert statistics["true_spread"].item() == pytest.approx(float(true.std(correction=0)), rel=1e-5)
    assert statistics["predicted_spread"].item() == pytest.approx(float(maps[0].std(correction=0)), rel=1e-5)
    nowhere = Truth(dataclasses.replace(labels, points=[None] * 3), maps)
    constant = {name: float(value) for name, value in map_statistics(torch.full_like(maps, 0.15), nowhere).items()}
    with pytest.raises(ThrongError, match="a constant map"):
        CollapseDetector(1)(1, constant)
    CollapseDetector(1)(1, {name: float(value) for name, value in map_statistics(maps, nowhere).items()})


def test_a_collapse_that_could_not_be_noticed_in_time_is_refused():
    with pytest.raises(ThrongError, match="within 20 steps when only every 50th is looked at"):
        CounterOptions(collapse_steps=20, log_every=50)
