"""Whole jobs of train_counter, as the workflow starts them: killed, stopped, in several processes, and refused."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.jobs import finished, interrupted, save_job
from tests.unit.counting.test_rows import photograph, tables
from throng.errors import ThrongError
from throng.images import encode_png
from throng.sections.train_counter import TrainCounter, Trained
from throng.stage import Context, Files
from throng.stages import train_counter

OUTPUTS = {"weights": "counter.safetensors", "recipe": "counter.json", "history": "history.jsonl"}
WILDCARDS = {"counter": "tiny", "run": "seed-1"}
TINY = {
    "name": "tiny",
    "model": "mcnn",
    "image_scale": 1.0,
    "crop": (16, 24),
    "batch_size": 2,
    "steps": 120,
    "log_every": 2,
    "val_every": 20,
    "sigma": 2.0,
    "learning_rate": 5e-3,
    "checkpoint_seconds": 0.05,
}


def blobs(folder, name, count, split):
    """A photograph of white squares on noise, one per head."""
    rng = np.random.default_rng(sum(map(ord, name)))
    image = rng.integers(0, 60, (40, 60, 3), dtype=np.uint8)
    heads = np.column_stack([rng.integers(2, 58, count), rng.integers(2, 38, count)])
    for x, y in heads:
        image[y - 1 : y + 2, x - 1 : x + 2] = 230
    (folder / f"{name}.png").write_bytes(encode_png(image))
    return photograph(name, split, count=count, points=[{"x": float(x), "y": float(y)} for x, y in heads])


def job(folder, **keys):
    """A saved job of one counter in a results folder of its own, with the photographs it learns from."""
    folder.mkdir()
    rows = [blobs(folder, f"t{index}", 3 + 4 * index, "train") for index in range(6)]
    rows += [blobs(folder, f"v{index}", 2 + 5 * index, "val") for index in range(3)]
    rows += [blobs(folder, "x", 9, "test")]
    found = tables(folder, rows)
    section = TrainCounter(counters=[Trained(**TINY | {"data": {"synthetic": 0.0}} | keys)])
    mine = section.counters[0]
    inputs = {"images": found.images}
    return save_job(
        folder,
        "train_counter",
        section,
        mine,
        inputs=inputs,
        outputs=OUTPUTS,
        wildcards=WILDCARDS,
        threads=mine.processes,
    )


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def here(folder):
    """Do the job in this process."""
    saved = json.loads((folder / "job.json").read_text())
    roots = {name: Path(path) for name, path in saved["roots"].items()}
    context = Context("train_counter", 7, 1, WILDCARDS, roots, {}, "c0de", {})
    config = TrainCounter.model_validate(saved["section"]).of_job(WILDCARDS)
    train_counter.run(Files(saved["inputs"]), Files(saved["outputs"]), config, context)
    recipe = json.loads((folder / "results" / "counter.json").read_text())["recipe"]
    lines = (folder / "results" / "history.jsonl").read_text().splitlines()
    return recipe, [json.loads(line) for line in lines]


@pytest.mark.slow
def test_a_job_killed_and_stopped_ends_in_the_bytes_of_one_that_was_not(tmp_path):
    whole = finished(job(tmp_path / "whole"))
    broken = job(tmp_path / "broken")
    assert interrupted(broken, 10, lambda process: process.kill())[0] == -signal.SIGKILL
    code, said = interrupted(broken, 40, lambda process: process.terminate())
    assert code == 1
    assert "counter tiny, seed-1: training mcnn was asked to stop after step" in said
    assert finished(broken) == whole
    assert not list((broken / "results" / ".work").glob("*/*"))


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batches_and_survive_the_loss_of_one(tmp_path):
    keys = {"steps": 60, "module_steps": 3, "ema_decay": 0.0}
    weights, recipe, history = finished(job(tmp_path / "two", **keys, processes=2))
    rows = [json.loads(line) for line in history.decode().splitlines()]
    _, alone = here(job(tmp_path / "one", **keys, accumulate=2))
    first, last = ([row["loss"] for row in rows if "loss" in row][index] for index in (0, -1))
    assert last < first
    for ours, theirs in zip(rows[:8], alone[:8], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    broken = job(tmp_path / "broken", **keys, processes=2)
    code, said = interrupted(broken, 10, lambda process: os.kill(children(process)[-1], signal.SIGKILL))
    assert code == 1
    assert "of 2 was killed by SIGKILL" in said
    code, said = interrupted(broken, 20, lambda process: process.terminate())
    assert code == 1
    assert "asked to stop" in said
    assert finished(broken) == [weights, recipe, history]


@pytest.mark.slow
def test_processes_whose_launcher_is_killed_end_by_themselves(tmp_path):
    orphans = []

    def kill(process):
        orphans.extend(children(process))
        process.kill()

    interrupted(job(tmp_path / "job", steps=100_000, processes=2), 5, kill)
    assert len(orphans) == 2
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in orphans):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_a_collapse_in_two_processes_ends_the_job_with_its_sentence(tmp_path):
    keys = {
        "model": "sanet-keras",
        "options": {"init": "gaussian"},
        "target_scale": 1.0,
        "start_at_mean": False,
        "crop": (16, 16),
        "collapse_steps": 8,
        "processes": 2,
    }
    with pytest.raises(
        ThrongError, match=r"^counter tiny, seed-1: the counter collapsed by step 8: .* set start_at_mean"
    ):
        here(job(tmp_path / "job", **keys))


def test_a_counter_chosen_by_the_test_split_says_so(tmp_path, caplog):
    recipe, rows = here(job(tmp_path / "job", steps=2, validation="test", seed_compat=True))
    assert recipe["best_on_test"]
    assert recipe["validation_images"] == 1
    assert "counter tiny, seed-1: chosen by the test split (seed_compat)" in caplog.text
    assert [row["step"] for row in rows if "val_mae" in row] == [2]


def test_a_wrong_option_is_refused_with_the_counters_name(tmp_path):
    with pytest.raises(ThrongError, match=r"^counter tiny, seed-1: counter 'mcnn' has no option norm; known: init"):
        here(job(tmp_path / "job", options={"norm": True}))


def test_more_processes_than_gpus_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ThrongError, match="processes 2 on device cuda need as many GPUs; this machine has 1"):
        here(job(tmp_path / "job", processes=2, device="cuda"))
