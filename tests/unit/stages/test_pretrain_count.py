"""Stage pretrain_count and its section: whole jobs on a CPU, killed and gone on with, and refused."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.jobs import finished, interrupted, save_job
from tests.unit.counting.test_rows import photograph, tables
from throng.counting.learning_to_count.networks import load_counting
from throng.errors import ThrongError
from throng.images import encode_png
from throng.schedules import Decay
from throng.sections.pretrain_count import Pretext, PretrainCount
from throng.stage import Context, Files
from throng.stages import pretrain_count

OUTPUTS = {"network": "network.safetensors", "recipe": "network.json", "history": "history.jsonl"}
WILDCARDS = {"network": "tiny", "run": "seed-1"}
TINY = {
    "name": "tiny",
    "options": {"width": 4},
    "units": 8,
    "size": (40, 48),
    "crop": (32, 32),
    "batch_size": 4,
    "steps": 6,
    "log_every": 2,
    "val_every": 3,
    "checkpoint_seconds": 0.01,
}


def noise(folder, name, split, shape=(40, 60)):
    rng = np.random.default_rng(sum(map(ord, name)))
    (folder / f"{name}.png").write_bytes(encode_png(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)))
    return photograph(name, split, points=None, count=None, width=shape[1], height=shape[0])


def job(folder, train=6, val=3, shape=(40, 60), **keys):
    folder.mkdir()
    rows = [noise(folder, f"t{index}", "train", shape) for index in range(train)]
    rows += [noise(folder, f"v{index}", "val") for index in range(val)]
    rows += [noise(folder, "x", "test")]
    section = PretrainCount(networks=[Pretext(**TINY | keys)])
    return save_job(
        folder,
        "pretrain_count",
        section,
        section.networks[0],
        inputs={"images": tables(folder, rows).images},
        outputs=OUTPUTS,
        wildcards=WILDCARDS,
    )


def done(folder):
    """Do a saved job in this process and return its outputs' bytes."""
    saved = json.loads((folder / "job.json").read_text())
    config = json.loads(saved["params"]["config"])
    context = Context(
        stage="pretrain_count",
        seed=config["seed"],
        threads=1,
        wildcards=WILDCARDS,
        roots={name: Path(path) for name, path in saved["roots"].items()},
        config=config,
        code="c0de",
        parents={},
    )
    section = PretrainCount(**saved["section"]).of_job(WILDCARDS)
    pretrain_count.run(Files(saved["inputs"]), Files(saved["outputs"]), section, context)
    return written(folder)


def written(folder):
    return {name: (folder / "results" / file).read_bytes() for name, file in OUTPUTS.items()}


def test_a_job_writes_network_recipe_and_history_alike_each_time(tmp_path):
    first = done(job(tmp_path / "a"))
    assert first == done(job(tmp_path / "b"))
    network = load_counting(tmp_path / "a" / "results" / "network.safetensors")
    assert network.units == 8
    recipe = json.loads(first["recipe"])["recipe"]
    assert (recipe["pictures"], recipe["held_out_pictures"], recipe["steps"]) == (6, 3, 6)
    history = [json.loads(line) for line in first["history"].decode().splitlines()]
    assert [row["step"] for row in history if "val_active_units" in row] == [3, 6]
    assert not list((tmp_path / "a" / "results" / ".work").glob("*/*/checkpoints"))


def test_labels_are_never_read(tmp_path):
    assert done(job(tmp_path / "a"))["network"] == done(labelled(job(tmp_path / "b")))["network"]


def labelled(folder):
    """Give every row of the job's table a count and points."""
    rows = []
    for index, path in enumerate(sorted(folder.glob("*.png"))):
        split = {"t": "train", "v": "val", "x": "test"}[path.stem[0]]
        heads = [{"x": 1.0, "y": 2.0}] * index
        rows.append(photograph(path.stem, split, count=index, points=heads, width=60, height=40))
    tables(folder, rows)
    return folder


@pytest.mark.slow
def test_a_job_killed_with_sigkill_goes_on_to_the_same_bytes(tmp_path):
    keys = {"steps": 150, "val_every": 50, "log_every": 20, "checkpoint_seconds": 0.3}
    whole = done(job(tmp_path / "whole", **keys))
    folder = job(tmp_path / "killed", **keys)
    assert interrupted(folder, 1, lambda process: process.kill())[0] == -signal.SIGKILL
    finished(folder)
    killed = written(folder)
    assert killed["network"] == whole["network"] and killed["history"] == whole["history"]


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(tmp_path):
    keys = {"clip_norm": 1e9, "log_every": 1, "steps": 3}
    one, two = (done(job(tmp_path / f"p{n}", processes=n, **keys))["history"] for n in (1, 2))
    for alone, shared in zip(*([json.loads(line) for line in run.splitlines()] for run in (one, two)), strict=True):
        assert shared.keys() == alone.keys()
        for name in shared.keys() & {"loss", "matching", "hinge", "val_loss", "val_active_units"}:
            assert shared[name] == pytest.approx(alone[name], rel=1e-2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"train": 1}, "found 1 of split train, needs at least 2; add a source"),
        ({"val": 1}, r"found 1 of split val, needs at least 2; raise ingest\.val_fraction"),
        (
            {"shape": (24, 60)},
            r"found 0 of split train, .* \(6 are smaller than the crop of 32x32 pixels\); .* lower crop",
        ),
    ],
)
def test_too_few_pictures_are_refused_in_one_sentence(tmp_path, keys, message):
    with pytest.raises(ThrongError, match=message) as refused:
        done(job(tmp_path / "a", **keys))
    assert str(refused.value).startswith("network tiny, seed-1: pretrain_count compares different pictures")


def test_pictures_of_another_shape_are_cut_not_stretched(tmp_path):
    assert done(job(tmp_path / "a", shape=(60, 200)))["network"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"crop": (256, 128)}, "crop: 256x128 pixels do not fit into pictures of 192x256"),
        ({"crop": (127, 128)}, "crop: 127x128 pixels cannot be cut into 2x2 equal tiles; use 128x128"),
        ({"tiles": (1, 1)}, "a single tile is the whole crop"),
        ({"batch_size": 6, "accumulate": 2}, "batch_size: 6 cannot be shared .* use a multiple of 4"),
        ({"filters": ("area", "area")}, "filters: named twice"),
        ({"filters": ()}, "at least 1 item"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"processes": 2, "device": "cuda:1"}, "each of 2 processes wants its own"),
        ({"schedule": {"kind": "decay", "power": 2}}, "Extra inputs"),
        ({"pictures": {"images": 0.0}}, "images and synthetic are both 0"),
    ],
)
def test_a_section_without_sense_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        Pretext(**keys)


def test_a_schedule_has_keys_of_its_own():
    options = pretrain_count.pretext_options(Pretext(schedule={"kind": "decay", "every": 50}, tiles=(2, 4)), 3)
    assert options.schedule == Decay(factor=0.9, every=50)
    assert (options.grid, options.seed, options.tile) == ((2, 4), 3, (64, 32))
