import json

import numpy as np
import pytest

from tests.rows import calibrated_row, pair_row, synthetic_row
from tests.unit.counting.test_rows import photograph, tables
from throng.errors import ThrongError
from throng.images import encode_png, pack_zip
from throng.sections.train_counter import Trained
from throng.stage import Context, Files
from throng.stages import train_counter

TINY = {"name": "tiny", "crop": (16, 24), "image_scale": 1.0, "batch_size": 4, "steps": 4, "val_every": 2}
CLOUDS, EDITS = "synthesize/m/part-000-of-001.zip", "remove/part-000-of-001.zip"


@pytest.fixture
def world(tmp_path):
    """Two labelled photographs, one to validate on, an image of uncertain count, and an edit of the first."""
    rng = np.random.default_rng(1)
    for name in "abv":
        (tmp_path / f"{name}.png").write_bytes(encode_png(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)))
    for archive, name in ((CLOUDS, "s1"), (EDITS, "e1")):
        path = tmp_path / "results" / archive
        path.parent.mkdir(parents=True, exist_ok=True)
        pack_zip(path, {f"{name}.png": encode_png(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))})
    made = [synthetic_row(points=None, count=None, requested=40, path=f"{CLOUDS}/s1.png")]
    judged = [calibrated_row(exact=False, count=30.0, std=6.0, weight=0.5)]
    pairs = [pair_row(more_id="a", more_path="a.png", delta=2)]
    found = tables(tmp_path, [photograph("a"), photograph("b"), photograph("v", "val")], made, judged, pairs)
    roots = {"source": tmp_path, "results": tmp_path / "results"}
    return found, Context("train_counter", 7, 1, {"counter": "tiny", "run": "seed-1"}, roots, {}, "c0de", {})


def run(world, folder, **keys):
    found, context = world
    named = {
        "images": found.images,
        "synthetic": found.synthetic[0],
        "calibrated": found.calibrated,
        "pairs": found.pairs,
    }
    names = {"weights": "counter.safetensors", "recipe": "counter.json", "history": "history.jsonl"}
    folder.mkdir()
    outputs = Files({name: [str(folder / file)] for name, file in names.items()})
    inputs = Files({name: [str(path)] for name, path in named.items()})
    train_counter.run(inputs, outputs, Trained(**TINY | keys), context)
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return rows, json.loads((folder / "counter.json").read_text())["recipe"]


def test_heads_uncertain_counts_and_pairs_are_learnt_from_together(world, tmp_path):
    keys = {
        "data": {"images": 1.0, "synthetic": 2.0, "pairs": 1.0},
        "losses": {"pixel": 1.0, "ssim": 0.0, "count_likelihood": 0.1, "ranking": 0.1},
        "log_every": 1,
        "scale_jitter": 0.3,
        "gamma": 0.2,
        "grey": 0.5,
    }
    rows, recipe = run(world, tmp_path / "one", **keys)
    steps = [row for row in rows if "loss" in row]
    assert len(steps) == 4
    for name in ("pixel", "count_likelihood", "ranking"):
        assert any(row[name] > 0 for row in steps)
    assert recipe["mean_training_count"] == pytest.approx((2 + 2 + 2 * 30) / 4)
    assert run(world, tmp_path / "two", **keys)[0] == rows


def test_images_of_uncertain_count_are_left_out_where_nothing_could_teach_them(world, tmp_path, caplog):
    with caplog.at_level("INFO"):
        _, recipe = run(world, tmp_path / "one", losses={"pixel": 1.0})
    assert "synthetic: 1 rows, 0 learnt from; left out: 1 without heads" in caplog.text
    assert recipe["mean_training_count"] == 2


def test_a_pair_needs_two_places_in_a_batch(world, tmp_path):
    with pytest.raises(ThrongError, match="batch_size must be at least 2"):
        run(world, tmp_path / "one", data={"pairs": 1.0}, losses={"ranking": 1.0}, batch_size=1)
