"""Whole jobs of train_gan, in this process and as the workflow starts them: killed, and shared by two processes."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.jobs import interrupted, save_job, started
from tests.unit.gan.test_data import archive
from throng.errors import ThrongError
from throng.gan.files import read_card, read_discriminator, read_generator
from throng.gan.labels import Fourier, Ordinal
from throng.gan.report.leaks import unmeasurable
from throng.images import decode
from throng.sections.train_gan import Gan, TrainGan
from throng.stage import Context, Files
from throng.stages import train_gan

NETWORKS = {
    "kind": "stylegan3-t",
    "cbase": 64,
    "cmax": 8,
    "layers": 3,
    "critical": 1,
    "margin": 2,
    "z_dim": 8,
    "w_dim": 8,
    "discriminator_cbase": 128,
    "discriminator_cmax": 8,
    "penalty_every": 3,
}
R3GAN = {"kind": "r3gan", "cbase": 128, "cmax": 8, "z_dim": 8, "label_dim": 4}
TINY = {
    "data": {"kind": "archive", "path": "data.zip", "licence": "CC-BY-4.0", "redistributable": False},
    "resolution": 16,
    "recipe": NETWORKS,
    "kimg": 0.032,
    "batch": 8,
    "tick_kimg": 0.016,
    "checkpoint_seconds": 0.0,
}
OUTPUTS = {
    "generator": "generator.safetensors",
    "discriminator": "discriminator.safetensors",
    "recipe": "generator.json",
    "history": "history.jsonl",
    "stats": "stats.jsonl",
    "reals": "reals.png",
    "fakes": "fakes.png",
    "snapshots": "snapshots",
}
WILDCARDS = {"gan": "crowds", "run": "seed-1"}
CLASSES = {index: index % 3 for index in range(12)}


def job(folder, labels=None, **keys):
    """A saved job of one generator in a folder of its own, with the images it learns from."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [] if labels else ["few", "some", "many"]
    data = archive(folder / "data.zip", labels or CLASSES, classes=names, number=12)
    section = TrainGan(gans=[Gan(**TINY | keys)])
    mine = section.gans[0]
    inputs = {"dataset": data} | ({"start": mine.start} if mine.start else {})
    outputs = {name: file for name, file in OUTPUTS.items() if name != "snapshots"}
    save_job(folder, "train_gan", section, mine, inputs=inputs, outputs=outputs, wildcards=WILDCARDS)
    saved = json.loads((folder / "job.json").read_text())
    saved["outputs"]["snapshots"] = [str(folder / "results" / "snapshots")]
    (folder / "job.json").write_text(json.dumps(saved))
    return folder


def here(folder):
    """Do the job in this process; return its outputs by name."""
    saved = json.loads((folder / "job.json").read_text())
    roots = {name: Path(path) for name, path in saved["roots"].items()}
    context = Context("train_gan", 7, 1, WILDCARDS, roots, json.loads(saved["params"]["config"]), "c0de", {})
    config = TrainGan.model_validate(saved["section"]).of_job(WILDCARDS)
    train_gan.run(Files(saved["inputs"]), Files(saved["outputs"]), config, context)
    return {name: Path(paths[0]) for name, paths in saved["outputs"].items()}


def done(folder):
    """Do the job in a process of its own; return its files' bytes by name."""
    process = started(folder)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    saved = json.loads((folder / "job.json").read_text())["outputs"]
    made = {name: Path(paths[0]) for name, paths in saved.items()}
    files = {name: [path] if path.is_file() else sorted(path.iterdir()) for name, path in made.items()}
    return {name: b"".join(path.read_bytes() for path in paths) for name, paths in files.items()}


def test_a_job_leaves_a_generator_with_its_card_sheets_and_logs(tmp_path, caplog):
    caplog.set_level("INFO")
    made = here(job(tmp_path))
    stored = read_generator(made["generator"])
    assert stored.encoding == Ordinal(3) and stored.generator.architecture["options"]["w_classes"] == 3
    told = {"gan": "crowds", "run": "seed-1", "kimg": 0.032, "licence": "CC-BY-4.0", "redistributable": False}
    assert told.items() <= stored.recipe.items()
    assert stored.recipe["classes"] == ["few", "some", "many"]
    assert stored.recipe["label_counts"] == {"0": 4, "1": 4, "2": 4}
    assert (stored.recipe["augment"]["set"], stored.recipe["mirror"]) == ("upright", True)
    assert unmeasurable(stored.recipe, images=64) == ""
    assert read_discriminator(made["discriminator"]).recipe == stored.recipe
    assert json.loads(made["recipe"].read_text())["recipe"] == stored.recipe
    rows = [json.loads(line) for line in made["history"].read_text().splitlines()]
    assert [row["kimg"] for row in rows] == [0.016, 0.032]
    assert len(made["stats"].read_text().splitlines()) == 2
    # a row for each class, a column for each of twelve latents
    assert decode(made["fakes"].read_bytes()).shape == decode(made["reals"].read_bytes()).shape == (48, 192, 3)
    assert sorted(path.name for path in made["snapshots"].iterdir()) == ["fakes_init.png", "reals.png"]
    assert "filtered leaky ReLU: polyphase" in caplog.text and "weights, from new weights" in caplog.text
    assert not list((tmp_path / "results").glob(".work/train_gan/*"))


def test_scores_and_their_vicinity_and_the_other_recipe(tmp_path):
    scores = {index: [float(index**2)] for index in range(12)}
    keys = {"conditioning": {"kind": "fourier", "octaves": 2}, "recipe": R3GAN | {"vicinity": {"kind": "soft"}}}
    made = here(job(tmp_path, scores, measure_kimg=0.016, measure_images=16, **keys))
    stored = read_generator(made["generator"])
    assert isinstance(stored.encoding, Fourier) and stored.encoding.octaves == 2
    assert stored.recipe["score_range"] == [0, 121] and stored.recipe["label_sample"] == [i**2 for i in range(12)]
    assert decode(made["fakes"].read_bytes()).shape == (80, 192, 3)  # five quantiles
    rows = [json.loads(line) for line in made["history"].read_text().splitlines()]
    assert all(row["frechet_random"] > 0 and "Loss/r2_penalty" in row for row in rows)


def test_a_generator_starts_from_another_and_draws_as_it_did(tmp_path):
    first = here(job(tmp_path / "first", conditioning={"kind": "none"}))
    made = here(job(tmp_path / "second", start=str(first["generator"]), conditioning={"kind": "ordinal"}))
    before, after = (decode(path.read_bytes()) for path in (first["fakes"], made["snapshots"] / "fakes_init.png"))
    assert before.shape[1] == after.shape[1]
    assert read_card(made["generator"])["encoding"]["name"] == "ordinal"
    with pytest.raises(ThrongError, match="cannot start from a network of z_dim 8: this one has 4"):
        keys = {"start": str(first["generator"]), "recipe": NETWORKS | {"z_dim": 4}}
        here(job(tmp_path / "third", **keys))


@pytest.mark.parametrize(
    ("labels", "keys", "message"),
    [
        (dict.fromkeys(range(5), 0), {}, "generator crowds, seed-1: .*7 of 12 images have no label of kind"),
        ({index: [2.0] for index in range(12)}, {"conditioning": {"kind": "fourier"}}, "all 12 scores are equal"),
        (None, {"resolution": 32}, r"img00000000\.png has 16 x 16 pixels, resolution is 32"),
        (None, {"conditioning": {"kind": "vector"}}, "no image has a label of kind 'vector'"),
        (None, {"recipe": NETWORKS | {"filtered_lrelu": "triton"}}, "triton"),
        (None, {"recipe": NETWORKS | {"critical": 3}}, "critical"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_sentence(tmp_path, labels, keys, message):
    with pytest.raises(ThrongError, match=message) as error:
        here(job(tmp_path, labels, **keys))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_job_killed_with_sigkill_ends_with_the_same_bytes(tmp_path):
    whole = done(job(tmp_path / "whole", kimg=0.16))
    killed = job(tmp_path / "killed", kimg=0.16)
    code, _ = interrupted(killed, 6, lambda process: process.send_signal(signal.SIGKILL))
    assert code == -signal.SIGKILL
    resumed = done(killed)
    assert [name for name in whole if whole[name] != resumed[name]] == ["stats"]  # which tells the time


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path):
    keys = {"kimg": 0.4, "at_once": 4, "checkpoint_seconds": 600.0, "recipe": NETWORKS | {"augment": {"set": "none"}}}
    found = []
    for processes in (1, 2):
        made = done(job(tmp_path / str(processes), processes=processes, **keys))
        found.append([json.loads(line) for line in made["history"].splitlines()])
    assert len(found[0]) == 25  # of 50 steps
    for name in ("Loss/G/loss", "Loss/D/loss"):
        one, two = (np.array([row[name] for row in rows]) for rows in found)
        # gradients are summed in another order, and two networks that answer each other let such rounding grow
        np.testing.assert_allclose(two[:10], one[:10], rtol=0.001)
        np.testing.assert_allclose(two, one, rtol=0.05)
