"""Whole jobs of pretrain_rank: pictures of squares for people, learnt, killed, repeated, and refused."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests.jobs import finished, interrupted, save_job
from tests.rows import pair_row
from tests.unit.counting.test_rows import photograph
from throng.encoders.files import save_network
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import decode, encode_png
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.ranking.network import load_ranker
from throng.sections.pretrain_rank import PretrainRank, Ranker
from throng.stage import Context, Files
from throng.stages import pretrain_rank
from throng.tables import detections, images, ranked_pairs
from throng.tables.detections import DetectionRow

DOCS = Path(__file__).parents[3] / "docs" / "pretrain_rank.md"
OUTPUTS = {
    "ranker": "ranker.safetensors",
    "recipe": "ranker.json",
    "history": "history.jsonl",
    "accuracy": "accuracy.json",
}
WILDCARDS = {"ranker": "tiny", "run": "seed-1"}
TINY = {
    "name": "tiny",
    "options": {"width": 4},
    "size": (32, 48),
    "batch_pairs": 2,
    "steps": 12,
    "warmup_steps": 2,
    "learning_rate": 5e-3,
    "log_every": 4,
    "val_every": 4,
    "checkpoint_seconds": 0.02,
}
SHAM = {"kind": "sham-equal", "relation": "equal", "delta": 0, "removed": []}
MADE_BY = Provenance("test", {}, "c0de", 7, {})


def square(image, corner, level):
    x, y = corner
    image[y : y + 4, x : x + 4] = level


def scene(folder, name, people, split):
    """A photograph of bright squares on noise, edits that lack one and two of them, a sham, and all about them."""
    rng = np.random.default_rng(sum(map(ord, name)))
    spots = [(x, y) for x in range(2, 44, 6) for y in range(2, 28, 6)]
    rng.shuffle(spots)
    heads, free = spots[:people], spots[people]
    image = rng.integers(0, 60, (32, 48, 3), dtype=np.uint8)
    for head in heads:
        square(image, head, 230)
    made = {f"{name}.png": image}
    rows = []
    removed = image
    for level in (1, 2):
        removed = removed.copy()
        square(removed, heads[level - 1], 30)
        made[f"{name}-{level}.png"] = removed
    sham = image.copy()
    square(sham, free, 30)
    made[f"{name}-sham.png"] = sham
    for path, pixels in made.items():
        (folder / path).write_bytes(encode_png(pixels))

    def pair(number, more, fewer, **said):
        places = {"more_id": more, "more_path": f"{more}.png", "fewer_id": fewer, "fewer_path": f"{fewer}.png"}
        of = {"parent_id": name, "split": split, "scene": name, "fewer_source": "source"}
        return pair_row(id=f"{name}{number}", **places | of | said)

    rows.append(pair(1, name, f"{name}-1", removed=[0]))
    rows.append(pair(2, name, f"{name}-2", removed=[0, 1]))
    rows.append(pair(3, f"{name}-1", f"{name}-2", kind="edited-edited", removed=[1]))
    rows.append(pair(4, f"{name}-sham", f"{name}-1", kind="sham-edited", removed=[0]))
    rows.append(pair(5, name, f"{name}-sham", **SHAM))
    boxes = [{"x": float(x), "y": float(y), "w": 4.0, "h": 4.0, "score": 1.0, "mask": None} for x, y in heads]
    points = [{"x": x + 1.5, "y": y + 1.5} for x, y in heads]
    shown = photograph(name, split, width=48, height=32, count=people, points=points)
    return shown, rows, DetectionRow(name, "truth", boxes, "ok", "")


def job(folder, pairs=None, **keys):
    """A saved job in a results folder of its own, with the pictures it learns from."""
    folder.mkdir()
    scenes = [scene(folder, f"t{index}", 3 + 2 * index, "train") for index in range(5)]
    scenes += [scene(folder, f"v{index}", 2 + 4 * index, "val") for index in range(3)]
    rows = [row for _, found, _ in scenes for row in found]
    write_table(folder / "images.parquet", images.TABLE, [shown for shown, _, _ in scenes], MADE_BY)
    write_table(folder / "detections.parquet", detections.TABLE, [found for _, _, found in scenes], MADE_BY)
    write_table(folder / "pairs.parquet", ranked_pairs.TABLE, pairs(rows) if pairs else rows, MADE_BY)
    section = PretrainRank(encoders=[Ranker.model_validate(TINY | keys)])
    parts = {name: folder / f"{name}.parquet" for name in ("images", "detections", "pairs")}
    return save_job(
        folder, "pretrain_rank", section, section.encoders[0], inputs=parts, outputs=OUTPUTS, wildcards=WILDCARDS
    )


def here(folder, seed=7, **inputs):
    """Do the job in this process; return its files' bytes, and what accuracy.json says."""
    saved = json.loads((folder / "job.json").read_text())
    roots = {name: Path(path) for name, path in saved["roots"].items()}
    context = Context("pretrain_rank", seed, 1, WILDCARDS, roots, {}, "c0de", {})
    config = PretrainRank.model_validate(saved["section"]).of_job(WILDCARDS)
    pretrain_rank.run(Files(saved["inputs"] | inputs), Files(saved["outputs"]), config, context)
    made = [(folder / "results" / file).read_bytes() for file in OUTPUTS.values()]
    return made, json.loads(made[-1])


@pytest.mark.slow
def test_a_job_killed_and_stopped_ends_in_the_bytes_of_one_that_was_not(tmp_path):
    keys = {"steps": 200, "val_every": 20, "losses": {"delta": 1, "listwise": 1, "tiles": 1, "removal": 1}}
    whole = finished(job(tmp_path / "whole", **keys))
    broken = job(tmp_path / "broken", **keys)
    assert interrupted(broken, 20, lambda process: process.kill())[0] == -signal.SIGKILL
    code, said = interrupted(broken, 60, lambda process: process.terminate())
    assert code == 1
    assert "encoder tiny, seed-1: learning to rank was asked to stop after step" in said
    assert finished(broken) == whole
    assert not list((broken / "results" / ".work").glob("*/*"))


@pytest.mark.slow
def test_held_out_pairs_real_photographs_and_ties_are_learnt_from_pairs_alone(tmp_path):
    keys = {"steps": 300, "val_every": 50, "options": {"width": 8}, "losses": {"delta": 1}}
    (weights, recipe, _, _), accuracy = here(job(tmp_path / "job", **keys))
    trained = accuracy["trained"]
    assert trained["held_out"]["all"]["accuracy"] > 0.9
    assert trained["real"]["all"]["accuracy"] == 1.0
    assert json.loads(recipe)["recipe"]["people_per_score"] > 0
    (tmp_path / "copy").write_bytes(weights)
    ranker = load_ranker(tmp_path / "copy")
    few, many = (ranker.score(decode((tmp_path / "job" / f"{name}.png").read_bytes())) for name in ("v0", "v2"))
    assert many > few


def test_the_same_job_gives_the_same_bytes_and_another_seed_others(tmp_path):
    losses = {"delta": 1, "listwise": 1, "tiles": 1, "removal": 1}
    keys = {"losses": losses, "steps": 6, "val_every": 2, "log_every": 2}
    first, accuracy = here(job(tmp_path / "first", **keys))
    assert here(job(tmp_path / "second", **keys))[0] == first
    assert here(job(tmp_path / "third", **keys), seed=8)[0][0] != first[0]
    rows = [json.loads(line) for line in first[2].decode().splitlines()]
    assert {"rank", "tie", "delta", "empty", "listwise", "tiles", "removal", "accuracy"} <= rows[0].keys()
    looks = {row["step"]: row["val_rank_loss"] for row in rows if "val_rank_loss" in row}
    assert sorted(looks) == [2, 4, 6]
    recipe = json.loads(first[1])["recipe"]
    assert recipe["best_step"] == min(looks, key=lambda step: looks[step])
    assert recipe["held_out_rank_loss"] == min(looks.values())
    assert accuracy["trained"]["held_out"].keys() == {"all", "real-edited", "edited-edited", "sham-edited"}
    assert accuracy["trained"]["sham"]["all"]["pairs"] == 3
    assert accuracy["untrained"]["real"]["all"]["pairs"] == 3
    assert accuracy["curves"]["val_rank_loss"] == [[step, loss] for step, loss in sorted(looks.items())]


def test_labels_change_the_figures_of_real_photographs_and_nothing_else(tmp_path):
    first, told = here(job(tmp_path / "first"))
    folder = job(tmp_path / "second")
    lying = [scene(tmp_path, f"t{index}", 3 + 2 * index, "train")[0] for index in range(5)]
    lying += [scene(tmp_path, f"v{index}", 10 - 4 * index, "val")[0] for index in range(3)]
    write_table(folder / "images.parquet", images.TABLE, lying, MADE_BY)
    second, lied = here(folder)
    assert second[:3] == first[:3]
    assert told["trained"]["real"]["all"]["accuracy"] == 1 - lied["trained"]["real"]["all"]["accuracy"]
    del told["trained"]["real"], told["untrained"]["real"], lied["trained"]["real"], lied["untrained"]["real"]
    assert told == lied


def test_figures_are_of_all_kinds_and_the_choice_is_by_those_learnt_from(tmp_path):
    keys = {"kinds": ["real-edited"], "losses": {"tie": 0}, "steps": 2}
    made, accuracy = here(job(tmp_path / "job", **keys))
    assert accuracy["trained"]["held_out"].keys() == {"all", "real-edited", "edited-edited", "sham-edited"}
    assert accuracy["trained"]["sham"]["all"]["pairs"] == 3
    recipe = json.loads(made[1])["recipe"]
    assert (recipe["training_pairs"], recipe["held_out_pairs"]) == (10, 6)


def test_training_ends_when_patience_does(tmp_path):
    keys = {"steps": 400, "val_every": 2, "patience": 2, "learning_rate": 1e-9}
    made, _ = here(job(tmp_path / "job", **keys))
    recipe = json.loads(made[1])["recipe"]
    last = json.loads(made[2].decode().splitlines()[-1])
    assert last["step"] < 400
    assert last["step"] == recipe["best_step"] + 4


def test_an_encoder_starts_from_a_network_of_the_same_architecture(tmp_path):
    torch.manual_seed(3)
    start = tmp_path / "start.safetensors"
    save_network(start, build_encoder("small", width=4), kind="counting", recipe={})
    keys = {"start": "pretext", "learning_rate": 1e-12, "steps": 2}
    here(job(tmp_path / "job", **keys), start=[str(start)])
    learnt = load_ranker(tmp_path / "job" / "results" / "ranker.safetensors").encoder.network.state_dict()
    torch.manual_seed(3)
    for name, tensor in build_encoder("small", width=4).network.state_dict().items():
        assert torch.allclose(learnt[name], tensor, atol=1e-6)
    save_network(start, build_encoder("small", width=5), kind="counting", recipe={})
    with pytest.raises(
        ThrongError, match=r"^encoder tiny, seed-1: start pretext has encoder small \(width 5\), this one"
    ):
        here(job(tmp_path / "other", **keys), start=[str(start)])


def test_a_picture_that_is_gone_is_named(tmp_path):
    folder = job(tmp_path / "job")
    (folder / "t2-1.png").unlink()
    with pytest.raises(ThrongError, match=r"^encoder tiny, seed-1: cannot read 't2-1.png' of source 'source' under"):
        here(folder)


@pytest.mark.parametrize(
    ("pairs", "keys", "message"),
    [
        (lambda rows: [row for row in rows if row.split == "train"], {}, "no ordered pair of split val is held out"),
        (
            lambda rows: rows,
            {"kinds": ["nested-crop", "sham-equal"]},
            "is of kind nested-crop; there are 5 edited-edited",
        ),
        (
            lambda rows: [row for row in rows if row.kind == "sham-equal"],
            {"kinds": ["sham-equal"]},
            "all 5 ranked pairs of split train show as many people on both sides",
        ),
    ],
)
def test_a_table_that_nothing_can_be_learnt_from_is_refused_with_the_encoders_name(tmp_path, pairs, keys, message):
    with pytest.raises(ThrongError, match=f"^encoder tiny, seed-1: .*{message}"):
        here(job(tmp_path / "job", pairs, **keys))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"start": "a", "weights": "b"}, "an encoder begins once"),
        ({"kinds": ["real-edited"]}, "losses.tie: only kind sham-equal"),
        ({"kinds": ["real-edited", "real-edited"]}, "named twice: real-edited"),
        ({"losses": {"tiles": 1}, "size": (33, 48)}, "must be even"),
        ({"losses": {"tiles": 1}, "hidden_layers": 1}, "do not add up"),
        ({"losses": {"rank": 0, "delta": 0}}, "nothing says which picture shows more"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
    ],
)
def test_options_that_contradict_each_other_are_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        Ranker.model_validate(keys)


def test_the_documented_values_of_the_paper_are_a_section():
    example = DOCS.read_text().split("```yaml")[1].split("```")[0]
    (syrac,) = PretrainRank.model_validate(yaml.safe_load(example)["pretrain_rank"]).encoders
    assert (syrac.encoder, syrac.size, syrac.batch_pairs, syrac.list_length) == ("resnet50", (640, 853), 3, 2)
    assert (syrac.optimizer, syrac.learning_rate, syrac.patience) == ("adam", 5e-5, 10)
    assert syrac.steps == 15 * 10_000 // syrac.batch_pairs
