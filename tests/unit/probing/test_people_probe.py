"""Numbers of people: which pictures fit and which measure, and what is said of a planted number."""

from pathlib import Path

import numpy as np
import pytest

from tests.rows import synthetic_row
from tests.unit.synthesizers.drawn import image_row
from throng.encoders.pictures import Place
from throng.manifest import write_table
from throng.probing.people import CountedPictures, photographs, probe_people, synthesised
from throng.probing.ridge import fit_ridge
from throng.provenance import Provenance
from throng.tables.images import TABLE as IMAGES
from throng.tables.synthetic import TABLE as SYNTHETIC


def pictures(counts: np.ndarray, fit: int) -> CountedPictures:
    number = len(counts)
    return CountedPictures(
        "photographs", [], counts, np.arange(number).astype(str), [(np.arange(fit), np.arange(fit, number))]
    )


def test_a_planted_number_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    counts = rng.poisson(12, 90).astype(float)
    features = rng.normal(size=(90, 20))
    shown = pictures(counts, 60)
    assert probe_people(features, shown)["r2"] < 0.2
    features[:, 3] += counts
    told = probe_people(features, shown)
    assert told["r2"] > 0.7
    assert told["r2_95"][0] < told["r2"] < told["r2_95"][1]
    assert told["mae"] < shown.figures()["mae_of_mean_count"]


def test_labels_of_what_is_measured_change_no_prediction():
    rng = np.random.default_rng(1)
    counts, features = rng.poisson(12, 40).astype(float), rng.normal(size=(40, 6))
    moved = counts + np.where(np.arange(40) >= 30, 1000.0, 0.0)
    predicted = fit_ridge(features[:30], counts[:30], [str(one) for one in range(30)]).predict(features[30:])
    assert probe_people(features, pictures(moved, 30))["mae"] == pytest.approx((moved[30:] - predicted).mean())


def test_photographs_are_fitted_on_train_and_measured_on_val_and_the_unlabelled_and_test_stay_out(tmp_path: Path):
    rows = [image_row(f"t{n}", "town", f"t{n}.png", (9, 9), "train", count=n) for n in range(6)]
    rows += [image_row(f"v{n}", "town", f"v{n}.png", (9, 9), "val", count=10 + n) for n in range(5)]
    rows += [image_row(f"x{n}", "town", f"x{n}.png", (9, 9), "test", count=99) for n in range(5)]
    rows += [image_row("u", "town", "u.png", (9, 9), "train")]
    rows += [image_row("r", "town", "r.png", (9, 9), "val", count=7, status="rejected", reason="blank")]
    write_table(tmp_path / "images.parquet", IMAGES, rows, Provenance("ingest", {"ingest": {}}, "", 0))
    shown = photographs(tmp_path / "images.parquet", most=4, fewest=4)
    assert isinstance(shown, CountedPictures)
    ((fit, measured),) = shown.folds
    assert [shown.places[n] for n in fit] == [Place("town", f"t{n}.png") for n in range(4)]
    assert shown.counts[measured].tolist() == [10, 11, 12, 13]


def test_no_scene_is_fitted_and_measured_and_every_image_is_measured_once(tmp_path: Path):
    rows = [synthetic_row(id=f"s{n:02}", count=n, points=None, scene=f"scene-{n % 7}") for n in range(30)]
    rows += [synthetic_row(id="test", count=99, points=None, split="test"), synthetic_row(id="unknown", count=None)]
    write_table(tmp_path / "a.parquet", SYNTHETIC, rows, Provenance("synthesize", {"synthesize": {}}, "", 0))
    shown = synthesised([tmp_path / "a.parquet"], most=100, fewest=8, folds=3, seed=0)
    assert isinstance(shown, CountedPictures) and len(shown.folds) == 3
    assert sorted(shown.measured.tolist()) == list(range(30))
    for fit, measured in shown.folds:
        assert not {n % 7 for n in shown.counts[fit]} & {n % 7 for n in shown.counts[measured]}


def test_images_of_a_single_scene_are_left_out(tmp_path: Path):
    rows = [synthetic_row(id=f"s{n:02}", count=n, points=None, scene="square") for n in range(30)]
    write_table(tmp_path / "a.parquet", SYNTHETIC, rows, Provenance("synthesize", {"synthesize": {}}, "", 0))
    said = synthesised([tmp_path / "a.parquet"], most=100, fewest=8, folds=3, seed=0)
    assert said == "30 synthesised images of known count in 1 scenes, at least 16 in 2 scenes are needed"
