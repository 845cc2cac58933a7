"""The commands around a trained counter, run in this process: what they print, what they write, how they end."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
from scipy.io import savemat
from typer.testing import CliRunner

from throng.cli import app
from throng.counting import load_counter, predict_count
from throng.counting.interval import CountInterval
from throng.counting.registry import build, save_counter
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import decode, encode_jpeg, encode_png
from throng.ranking.fit import fit_poisson
from throng.ranking.fitted import FittedCounter, Head, load_fitted
from throng.ranking.partition import Partition

INTERVAL = {"level": 0.9, "quantile": 2.0, "images": 40}


def throng(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def image(seed, shape=(48, 64, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def counter(path, seed=0, **recipe):
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_counter(path, build("mcnn"), {"interval": INTERVAL, "options": {"val_scheme": "whole"}, **recipe})
    return path


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    (folder / "below").mkdir(parents=True)
    (folder / "b.jpg").write_bytes(encode_jpeg(image(0)))
    (folder / "a.png").write_bytes(encode_png(image(1)))
    (folder / "below" / "b.jpg").write_bytes(encode_jpeg(image(2)))
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def weights(tmp_path):
    return counter(tmp_path / "one" / "counter.safetensors")


def expected(weights, path):
    return predict_count(load_counter(weights)[0], decode(path.read_bytes()))[0]


def test_a_folder_is_counted_in_order_with_overlays_maps_and_tables(photographs, weights, tmp_path):
    out = tmp_path / "out"
    made = throng(
        *("count", photographs, "--model", weights.parent, "--overlay", out / "overlays", "--maps", out / "maps"),
        *("--csv", out / "counts.csv", "--json", out / "counts.json"),
    )
    assert made.exit_code == 0, made.output
    files = [photographs / "a.png", photographs / "b.jpg", photographs / "below" / "b.jpg"]
    counts = [expected(weights, file) for file in files]
    with (out / "counts.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["path", "count", "low", "high", "width", "height"]
    assert [row["path"] for row in rows] == [str(file) for file in files]
    assert [float(row["count"]) for row in rows] == pytest.approx(counts, abs=1e-4)
    low, high = CountInterval(**INTERVAL).around(counts[0])
    assert (float(rows[0]["low"]), float(rows[0]["high"])) == pytest.approx((low, high), abs=1e-4)
    assert f"3 counted, {sum(counts):.1f} people" in made.stdout
    assert len(json.loads((out / "counts.json").read_text())) == 3
    assert sorted(p.name for p in (out / "overlays").iterdir()) == ["a.jpg", "b-2.jpg", "b.jpg"]
    assert decode((out / "overlays" / "b.jpg").read_bytes()).shape == (48, 64, 3)
    density, about = np.load(out / "maps" / "a.npy"), json.loads((out / "maps" / "a.json").read_text())
    assert (density.dtype, density.shape, about["stride"]) == (np.float32, (12, 16), 4)
    assert density.sum() == pytest.approx(counts[0], rel=1e-4)


def test_what_cannot_be_read_has_its_reason_and_the_rest_is_counted(photographs, weights, tmp_path):
    (photographs / "c.jpg").write_bytes(encode_jpeg(image(3))[:200])
    made = throng("count", photographs, tmp_path / "gone.jpg", "--model", weights, "--json", tmp_path / "o.json")
    assert made.exit_code == 1
    assert "c.jpg: not counted: the JPEG is truncated" in made.stdout
    assert "gone.jpg: not counted: cannot be read: No such file" in made.stdout
    assert "3 counted, 2 failed," in made.stdout
    rows = json.loads((tmp_path / "o.json").read_text())
    assert sum(row["count"] is None for row in rows) == sum(bool(row["reason"]) for row in rows) == 2


def test_of_a_video_every_so_many_frames_are_counted(weights, tmp_path):
    video = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for number in range(7):
        video.write(image(number))
    video.release()
    made = throng("count", tmp_path / "clip.avi", "--model", weights, "--every", 3)
    assert made.exit_code == 0, made.output
    named = [line.split(":")[0].rpartition("#")[2] for line in made.stdout.splitlines() if "#" in line]
    assert named == ["000000", "000003", "000006"]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    broken = throng("count", tmp_path / "broken.mp4", "--model", weights)
    assert broken.exit_code == 1
    assert "is no video that can be decoded" in broken.stdout


def test_runs_count_together_and_their_interval_contains_each_of_theirs(photographs, tmp_path):
    runs = [counter(tmp_path / "runs" / f"seed-{seed}" / "counter.safetensors", seed) for seed in (1, 2)]
    file = photographs / "a.png"
    single = [expected(path, file) for path in runs]
    assert single[0] != pytest.approx(single[1], rel=1e-3)
    made = throng("count", file, "--model", tmp_path / "runs", "--json", tmp_path / "o.json")
    (row,) = json.loads((tmp_path / "o.json").read_text())
    assert row["count"] == pytest.approx(np.mean(single))
    around = [CountInterval(**INTERVAL).around(count) for count in single]
    assert row["low"] == pytest.approx(min(low for low, _ in around))
    assert row["high"] == pytest.approx(max(high for _, high in around))
    assert "the mean of 2 runs" in made.stderr
    save_counter(tmp_path / "runs" / "seed-3" / "counter.safetensors", build("compact"), {})
    with pytest.raises(ThrongError, match="different counters"):
        raise throng("count", file, "--model", tmp_path / "runs").exception


def test_an_exported_counter_counts_the_same_with_the_same_interval(photographs, weights, tmp_path):
    assert throng("export-counter", "--model", weights, "--to", tmp_path / "counter.onnx").exit_code == 0
    for model, name in ((weights, "a.json"), (tmp_path / "counter.onnx", "b.json")):
        assert throng("count", photographs, "--model", model, "--json", tmp_path / name).exit_code == 0
    ours, theirs = (json.loads((tmp_path / name).read_text()) for name in ("a.json", "b.json"))
    for own, other in zip(ours, theirs, strict=True):
        assert [other[key] for key in ("count", "low", "high")] == pytest.approx(
            [own[key] for key in ("count", "low", "high")], rel=1e-4
        )


def test_the_user_is_told_what_a_count_is_worth(photographs, weights, tmp_path):
    file = photographs / "a.png"
    chosen = counter(tmp_path / "chosen" / "counter.safetensors", best_on_test=True)
    assert "chosen by their error on the test split" in throng("count", file, "--model", chosen).stderr
    bare = tmp_path / "bare" / "counter.safetensors"
    bare.parent.mkdir()
    save_counter(bare, build("mcnn"), {})
    assert "no interval is known" in throng("count", file, "--model", bare).stderr
    patched = throng("count", file, "--model", weights, "--scheme", "patches").stderr
    assert "by scheme whole, and these are by scheme patches" in patched
    assert "setting openvino" in throng("count", file, "--model", weights, "--setting", "auto").stderr


def test_large_images_are_counted_by_windows_and_it_is_said(photographs, weights, monkeypatch, tmp_path):
    monkeypatch.setattr("throng.count_cli.WHOLE_PIXELS", 1000)
    made = throng("count", photographs / "a.png", "--model", weights, "--json", tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text())[0]["scheme"] == "windows"
    assert "counted by windows" in made.stderr


@pytest.mark.parametrize("layout", ["mat", "json"])
def test_measure_holds_counts_against_head_points(layout, weights, tmp_path):
    folder = tmp_path / "labelled"
    (folder / "images").mkdir(parents=True)
    heads = {"IMG_1.jpg": 3, "IMG_2.jpg": 0}
    for seed, name in enumerate(heads):
        (folder / "images" / name).write_bytes(encode_jpeg(image(seed)))
    points = {name: [[5.0, 6.0]] * number for name, number in heads.items()}
    if layout == "json":
        content = {f"images/{name}": value for name, value in points.items()}
        (folder / "points.json").write_text(json.dumps(content))
    else:
        (folder / "ground-truth").mkdir()
        for name, value in points.items():
            info = {"location": np.array(value).reshape(-1, 2), "number": len(value)}
            savemat(folder / "ground-truth" / f"GT_{name[:-4]}.mat", {"image_info": info})
    made = throng("measure", folder, "--model", weights, "--csv", tmp_path / "o.csv")
    assert made.exit_code == 0, (made.output, made.exception)
    errors = [expected(weights, folder / "images" / name) - number for name, number in heads.items()]
    assert f"MAE {np.abs(errors).mean():.2f}, RMSE {np.sqrt(np.square(errors).mean()):.2f}" in made.stdout
    with (tmp_path / "o.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [int(row["true"]) for row in rows] == [3, 0]
    assert [float(row["error"]) for row in rows] == pytest.approx(errors, abs=1e-3)


def test_measure_refuses_a_photograph_without_points(weights, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "ground_truth").mkdir()
    (tmp_path / "images" / "IMG_1.jpg").write_bytes(encode_jpeg(image(0)))
    with pytest.raises(ThrongError, match=r"GT_IMG_1\.mat"):
        raise throng("measure", tmp_path, "--model", weights).exception


def test_pixels_that_are_no_image_are_refused_in_one_sentence(weights):
    model, _ = load_counter(weights)
    broken = np.zeros((48, 64, 3), np.float32)
    broken[0, :2] = np.nan
    with pytest.raises(ThrongError, match="not float32, 6 of them NaN"):
        predict_count(model, broken)
    with pytest.raises(ThrongError, match="must have pixels"):
        predict_count(model, np.zeros((0, 64, 3), np.uint8))
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(ThrongError, match="not finite"):
        predict_count(model, image(0))


def fit(path, seed=0, method="poisson"):
    torch.manual_seed(seed)
    encoder = build_encoder("small", width=2)
    rng = np.random.default_rng(seed)
    features = rng.exponential(0.2, (40, encoder.features))
    learnt = fit_poisson(features, rng.poisson(20 * features.sum(1)))
    head = Head(learnt.w, poisson=learnt if method == "poisson" else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    FittedCounter(encoder, head, Partition("full", 1 + seed), (48, 64)).save(path)
    return path


def test_a_counter_without_labels_counts_with_overlays_and_maps(photographs, tmp_path):
    weights, out = fit(tmp_path / "fit" / "counter.safetensors"), tmp_path / "out"
    made = throng(
        *("count", photographs / "a.png", "--model", weights.parent, "--overlay", out, "--maps", out),
        *("--json", out / "counts.json"),
    )
    assert made.exit_code == 0, made.output
    pixels = decode((photographs / "a.png").read_bytes())
    (line,) = json.loads((out / "counts.json").read_text())
    assert line["count"] == pytest.approx(load_fitted(weights).count(pixels))
    assert line["low"] < line["count"] < line["high"]
    assert line["scheme"] == "full 1"
    assert np.load(out / "a.npy").sum() == pytest.approx(line["count"], rel=1e-5)
    assert decode((out / "a.jpg").read_bytes()).shape == pixels.shape
    assert "photographs may be further off" in made.stderr


def test_runs_of_a_fit_count_together(photographs, tmp_path):
    members = [load_fitted(fit(tmp_path / "fit" / f"seed-{n}" / "counter.safetensors", n)) for n in (0, 1)]
    made = throng("count", photographs / "a.png", "--model", tmp_path / "fit", "--json", tmp_path / "o.json")
    pixels = decode((photographs / "a.png").read_bytes())
    (line,) = json.loads((tmp_path / "o.json").read_text())
    assert line["count"] == pytest.approx(np.mean([member.count(pixels) for member in members]))
    lows, highs = zip(*(member.interval(pixels) for member in members), strict=True)
    assert (line["low"], line["high"]) == pytest.approx((min(lows), max(highs)))
    assert "cut by full 1, full 2, 2 runs" in made.stderr


def test_a_fit_refuses_what_only_trained_counters_can(photographs, weights, tmp_path):
    fitted = fit(tmp_path / "fit" / "counter.safetensors", method="nnls")
    said = throng("count", photographs / "a.png", "--model", fitted)
    assert "no interval is known" in said.stderr
    refused = throng("count", photographs / "a.png", "--model", fitted, "--scheme", "whole")
    assert isinstance(refused.exception, ThrongError)
    assert "leave out --scheme" in str(refused.exception)
    mixed = tmp_path / "mixed"
    for name, file in (("seed-1", fitted), ("seed-2", weights)):
        (mixed / name).mkdir(parents=True)
        (mixed / name / "counter.safetensors").write_bytes(file.read_bytes())
    both = throng("count", photographs / "a.png", "--model", mixed)
    assert "is no counter of fit_counts" in str(both.exception)
