import os
from pathlib import Path

import pytest
from scipy.io import loadmat

from throng.counting.inference import decode_for, predict_count
from throng.counting.registry import build, load_hdf5
from throng.evaluation.metrics import count_metrics

DATA = Path(os.environ.get("THRONG_DATA", "/nonexistent"))
PART_B = DATA / "shanghaitech" / "part_B" / "test_data"
WEIGHTS = DATA / "weights" / "mcnn_shtechB_110.h5"


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.exists(), reason="THRONG_DATA has no published MCNN weights")
@pytest.mark.skipif(not PART_B.exists(), reason="THRONG_DATA has no ShanghaiTech part B")
def test_published_mcnn_gives_its_published_errors_on_part_b():
    model = build("mcnn", in_channels=1)
    load_hdf5(model, WEIGHTS)
    predicted, true = [], []
    for path in sorted((PART_B / "images").glob("*.jpg")):
        count, _ = predict_count(model, decode_for(model, path.read_bytes()))
        predicted.append(count)
        annotation = loadmat(PART_B / "ground-truth" / f"GT_{path.stem}.mat")
        true.append(len(annotation["image_info"][0, 0][0, 0][0]))
    metrics = count_metrics(predicted, true)
    assert len(true) == 316
    assert metrics["mae"] == pytest.approx(25.1, abs=0.1)
    assert metrics["rmse"] == pytest.approx(43.6, abs=0.1)
