import json

import numpy as np
import pytest
import torch

from tests.unit.gan.metrics.stand_ins import Copier, Linear
from throng.errors import ThrongError
from throng.gan.labels import Fourier, OneHot, Unlabelled
from throng.gan.metrics.features import load_extractor
from throng.gan.metrics.summary import Options, measure
from throng.gan.stylegan3 import Generator

FEW = Options(images=24, resamples=5, batch_size=10, windows=3)


def _photographs(number: int, side: int = 16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (number, side, side, 3)).astype(np.uint8)


def _batches(pixels: np.ndarray):
    return (pixels[start : start + 7] for start in range(0, len(pixels), 7))


def test_everything_is_measured_alike_each_time_and_can_be_written_as_json() -> None:
    torch.manual_seed(0)
    generator = Generator(resolution=16, cbase=256, cmax=8, c_dim=2, z_dim=8, w_dim=8, layers=3)
    pixels, labels = _photographs(30), np.arange(30) % 2
    options = Options(images=20, path_pairs=4, equivariance_images=2, resamples=3, batch_size=10)

    def measured() -> dict:
        found = measure(
            generator,
            OneHot(2),
            _batches(pixels),
            labels,
            "class",
            [load_extractor("random")],
            options,
            held_out=_batches(_photographs(8, seed=1)),
        )
        return json.loads(json.dumps(found, allow_nan=False))

    found = measured()
    assert found == measured()
    assert found["images"] == {"training": 30, "drawn": 20, "held_out": 8, "as_published": False}
    (row,) = found["extractors"]
    assert (row["name"], row["comparable"]) == ("random", False)
    assert row["frechet"]["interval"][0] < row["frechet"]["value"] < row["frechet"]["interval"][1]
    assert row["path_length"]["pairs"] == 4
    assert row["along_score"] is None
    counted = row["within_classes"]["kernel"]["classes"]
    assert {key: one["real"] for key, one in counted.items()} == {"0": 15, "1": 15}
    assert sum(one["fake"] for one in counted.values()) == 20
    assert row["memorisation"]["yardstick"] == "held-out images"
    assert found["equivariance"]["eq_t_int"]["value"] > 40
    # 16 pixels are too small to be turned
    assert "eq_r" not in found["equivariance"]


def test_a_generator_that_copies_is_close_precise_and_caught() -> None:
    pixels = _photographs(40)
    found = measure(
        Copier(pixels), Unlabelled(), _batches(pixels), np.zeros(40), "none", [load_extractor("random")], FEW
    )
    (row,) = found["extractors"]
    assert row["precision"]["value"] == 1
    assert row["memorisation"]["share"] == 1
    assert found["pixels"]["memorisation"]["share"] == 1
    assert found["pixels"]["memorisation"]["copies"] == 24
    assert found["equivariance"] is None
    invented = measure(
        Linear(resolution=16), Unlabelled(), _batches(pixels), np.zeros(40), "none", [load_extractor("random")], FEW
    )
    assert invented["extractors"][0]["kernel"]["value"] > 10 * abs(row["kernel"]["value"])
    assert invented["pixels"]["memorisation"]["share"] < 0.2


def test_scores_are_compared_in_sliding_windows() -> None:
    scores = np.linspace(0, 1, 30)
    found = measure(
        Linear(resolution=16, c_dim=4),
        Fourier((0.0, 1.0), 2),
        _batches(_photographs(30)),
        scores,
        "score",
        [load_extractor("random")],
        FEW,
    )
    windows = found["extractors"][0]["along_score"]["frechet"]["centres"]
    assert len(windows) == 3
    assert all(one["real"] >= 10 and one["value"] > 0 for one in windows.values())


def test_what_does_not_belong_together_is_refused() -> None:
    extractor = load_extractor("random")
    pixels = _photographs(4)
    with pytest.raises(ThrongError, match="4 training images with 3 labels"):
        measure(Linear(), Unlabelled(), _batches(pixels), np.zeros(3), "none", [extractor], FEW)
    with pytest.raises(ThrongError, match="'random' is given twice"):
        measure(Linear(), Unlabelled(), _batches(pixels), np.zeros(4), "none", [extractor, extractor], FEW)
    with pytest.raises(ThrongError, match="training images: no images"):
        measure(Linear(), Unlabelled(), iter([]), np.zeros(0), "none", [extractor], FEW)
