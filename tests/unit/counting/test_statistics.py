import os
from pathlib import Path

import numpy as np
import pytest
import torch

from throng.counting.inputs import InputSpec
from throng.counting.options import CounterOptions
from throng.counting.registry import load_counter, save_counter
from throng.counting.samples import Sample, SampleCache
from throng.counting.statistics import pixel_statistics
from throng.counting.train import train_counter
from throng.errors import ThrongError

NOBODY = np.zeros((0, 2))


def pictures(n, seed=0):
    rng = np.random.default_rng(seed)
    shapes = rng.integers(20, 60, (n, 2))
    return [Sample(rng.integers(low, 200, (*shape, 3), dtype=np.uint8), NOBODY) for low, shape in enumerate(shapes)]


def test_statistics_are_those_of_all_pixels_each_as_often_as_its_sample():
    samples = pictures(4)
    cache = SampleCache(samples, InputSpec(), 1.0, 2.0)
    parts = [np.asarray(sample.image).reshape(-1, 3).astype(float) for sample in samples]
    pixels = np.concatenate(parts)
    mean, std = pixel_statistics(cache, 3, workers=2)
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(std, pixels.std(0))
    drawn = np.concatenate([parts[0], *parts[:3]])
    mean, std = pixel_statistics(cache, 3, [2.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(mean, drawn.mean(0))
    np.testing.assert_allclose(std, drawn.std(0))
    grey = InputSpec(channels=1).normalise(torch.from_numpy(pixels.T[None, :, None]))
    mean, std = pixel_statistics(cache, 1)
    assert mean[0] == pytest.approx(float(grey.mean()), abs=0.05)
    assert std[0] == pytest.approx(float(grey.std()), abs=0.05)


def test_a_counter_normalised_by_its_data_keeps_that_on_disk_and_sees_unit_pixels(tmp_path):
    rng = np.random.default_rng(1)
    scenes = [
        Sample(rng.integers(0, 120, (40, 48, 3), dtype=np.uint8), rng.uniform(2, 38, (5, 2))) for _ in range(4)
    ]  # fmt: skip
    others = [Sample(rng.integers(0, 120, (40, 48, 3), dtype=np.uint8), rng.uniform(2, 38, (5, 2)))]
    options = CounterOptions(
        model="mcnn", normalisation="dataset", crop=(32, 32), steps=1, batch_size=2, losses={"pixel": 1.0}, log_every=1
    )
    model, recipe, _ = train_counter(scenes, others, options, tmp_path / "work")
    pixels = torch.from_numpy(np.stack([np.asarray(sample.image) for sample in scenes])).permute(0, 3, 1, 2)
    seen = model.input_spec.normalise(pixels)
    assert seen.mean((0, 2, 3)).abs().max() < 1e-4
    assert (seen.std((0, 2, 3)) - 1).abs().max() < 1e-3
    save_counter(tmp_path / "counter.safetensors", model, recipe)
    assert load_counter(tmp_path / "counter.safetensors")[0].input_spec == model.input_spec


def test_statistics_of_another_number_of_channels_are_refused():
    with pytest.raises(ThrongError, match="2 values for 3 channels"):
        InputSpec(channels=3, mean=(1.0, 2.0))


@pytest.mark.real_data
@pytest.mark.skipif("THRONG_DATA" not in os.environ, reason="THRONG_DATA names no folder of data")
def test_the_means_of_part_b_are_the_published_ones():
    folder = Path(os.environ["THRONG_DATA"]) / "shanghaitech" / "part_B" / "train_data" / "images"
    samples = [Sample(path.read_bytes(), NOBODY) for path in sorted(folder.glob("*.jpg"))]
    mean, std = pixel_statistics(SampleCache(samples, InputSpec(), 0.0, 4.0), 3, workers=2)
    np.testing.assert_allclose(np.array(mean) / 255, [0.4520, 0.4472, 0.4320], atol=1e-3)
    # published as a mean over small batches of images
    np.testing.assert_allclose(np.array(std) / 255, [0.2324, 0.2249, 0.2218], atol=6e-3)
