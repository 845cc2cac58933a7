"""Whole jobs of fit_counts: what is written, that no label is read, and sentences for bad input."""

import json
import zipfile

import numpy as np
import pytest
import torch

from tests.rows import calibrated_row, synthetic_row
from tests.unit.counting.test_rows import photograph
from tests.unit.ranking.test_fitted import blobs
from throng.encoders.files import save_network
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import encode_png
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.ranking.fitted import load_fitted
from throng.sections.fit_counts import Fit
from throng.stage import Context, Files
from throng.stages import fit_counts
from throng.tables import calibrated_counts, images, synthetic

MADE_BY = Provenance("ingest", {}, "c0de", 7, {})
COUNTS = [0, 1, 3, 6, 10, 16, 0, 2, 4, 8, 12, 20]
TINY = {"name": "tiny", "encoder": "random:small", "size": (48, 64), "candidates": [1, 2], "photographs": 2}


def row_id(number):
    return f"{number * 2**32 // len(COUNTS):08x}{number:08x}"


def world(folder, photographs=None, made=None, judged=None):
    """Tables and pixels of three photographs and twelve synthesised images."""
    (folder / "results").mkdir(parents=True)
    shot = [photograph("a"), photograph("b"), photograph("t", "test")] if photographs is None else photographs
    for row in shot:
        (folder / f"{row.id}.png").write_bytes(encode_png(blobs(7, ord(row.id[0]))))
    names = {row_id(i): count for i, count in enumerate(COUNTS)}
    with zipfile.ZipFile(folder / "results" / "made.zip", "w") as archive:
        for i, (name, count) in enumerate(names.items()):
            archive.writestr(f"{name}.png", encode_png(blobs(count, i)))
    if made is None:
        made = [synthetic_row(id=n, requested=c + 1, count=c, path=f"made.zip/{n}.png") for n, c in names.items()]
    if judged is None:
        judged = [calibrated_row(id=n, count=float(c), std=0.1 * c, weight=1 / (1 + c)) for n, c in names.items()]
    for table, rows in ((images.TABLE, shot), (synthetic.TABLE, made), (calibrated_counts.TABLE, judged)):
        write_table(folder / f"{table.name}.parquet", table, rows, MADE_BY)
    return folder


def fitted(folder, file=None, out="out", seed="seed-1", **keys):
    config = Fit(**TINY | keys)
    roots = {"source": folder, "results": folder / "results"}
    context = Context("fit_counts", 5, 1, {"fit": "tiny", "run": seed}, roots, {}, "c0de", {})
    inputs = {
        "images": [str(folder / "images.parquet")],
        "synthetic": [str(folder / "synthetic.parquet")],
        "calibrated": [str(folder / "calibrated_counts.parquet")],
        "encoder": [str(file)] if file else [],
    }
    outputs = {"counter": [str(folder / out / "counter.safetensors")], "recipe": [str(folder / out / "counter.json")]}
    fit_counts.run(Files(inputs), Files(outputs), config, context)
    return folder / out


def recipe_of(folder):
    return json.loads((folder / "counter.json").read_text())["recipe"]


def bytes_of(folder):
    return [(folder / name).read_bytes() for name in ("counter.safetensors", "counter.json")]


def ranker(path, kind="ranker", hidden=False, dead=False):
    torch.manual_seed(1)
    encoder = build_encoder("small", width=4)
    if dead:
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.fill_(-1.0)
    head = {"weight": torch.rand(encoder.features)}
    if hidden:
        head |= {"hidden.0.weight": torch.rand(encoder.features, encoder.features)}
    save_network(path, encoder, kind=kind, head=head, recipe={"held_out_rank_loss": 0.25})
    return path


def test_a_fit_counts_and_says_how_it_was_made(tmp_path):
    out = fitted(world(tmp_path))
    counter, recipe = load_fitted(out / "counter.safetensors"), recipe_of(out)
    assert counter.recipe == recipe
    image = blobs(9, 99)
    assert counter.map(image).sum() == pytest.approx(counter.count(image), rel=1e-5)
    rows = recipe["rows"]
    assert rows["fitted"] + rows["held_out"] + sum(rows["left_out"].values()) == len(COUNTS)
    assert rows["held_out"] == 3
    assert recipe["encoder"] == {"name": "random:small", "sha256": None}
    assert recipe["prior"]["most_people"] == max(COUNTS)
    values = {record["n"]: record["sinkhorn"] for record in recipe["candidates"]}
    assert sorted(values) == [1, 2]
    assert recipe["partition"]["n"] == min(values, key=values.__getitem__)
    assert recipe["chosen_by"] == "sinkhorn"
    assert not (tmp_path / "results" / ".work").exists() or not list((tmp_path / "results" / ".work").rglob("*.*"))


def test_no_label_of_a_photograph_is_read(tmp_path):
    made = {}
    for name, labels in {
        "own": [{}, {}, {}],
        "shuffled": [{"count": 41, "points": [{"x": 0.0, "y": 0.0}]}, {"count": 0, "points": []}, {"count": 9}],
        "null": [{"count": None, "points": None}] * 3,
    }.items():
        shot = [
            photograph(n, s, **said)
            for (n, s), said in zip([("a", "train"), ("b", "train"), ("t", "test")], labels, strict=True)
        ]
        folder = world(tmp_path / name, shot)
        made[name] = bytes_of(fitted(folder, partition="guided", candidates=[2, 3]))
    assert made["own"] == made["shuffled"] == made["null"]


def test_photographs_of_other_splits_decide_nothing(tmp_path):
    with_test = world(tmp_path / "one")
    without = world(tmp_path / "two", [photograph("a"), photograph("b"), photograph("v", "val")])
    assert bytes_of(fitted(with_test)) == bytes_of(fitted(without))


def test_the_same_job_gives_the_same_bytes_and_another_run_another_encoder(tmp_path):
    folder = world(tmp_path)
    one, two, other = fitted(folder, out="one"), fitted(folder, out="two"), fitted(folder, out="o", seed="seed-2")
    assert bytes_of(one) == bytes_of(two)
    assert bytes_of(one)[0] != bytes_of(other)[0]


@pytest.mark.parametrize("method", ["nnls", "robust", "poisson", "isotonic"])
def test_every_method_counts_with_a_rankers_features(tmp_path, method):
    path = ranker(tmp_path / "ranker.safetensors")
    out = fitted(
        world(tmp_path / "w"), path, encoder="rank:synthetic", method=method, weighting="noise", candidates=[1]
    )
    counter, recipe = load_fitted(out / "counter.safetensors"), recipe_of(out)
    assert recipe["encoder"]["held_out_rank_loss"] == 0.25
    assert len(recipe["encoder"]["sha256"]) == 64
    assert recipe["chosen_by"] == "the only candidate"
    assert counter.count(blobs(8, 3)) >= 0
    assert (counter.interval(blobs(8, 3)) is not None) == (method == "poisson")


def test_a_network_that_learnt_to_count_is_an_encoder_too(tmp_path):
    path = ranker(tmp_path / "network.safetensors", kind="counting")
    out = fitted(world(tmp_path / "w"), path, encoder="count:pretext", candidates=[1])
    assert recipe_of(out)["encoder"]["name"] == "count:pretext"


def test_fine_tuning_changes_the_encoder_and_tells_its_history(tmp_path):
    folder = world(tmp_path)
    keys = {"steps": 4, "val_every": 2, "batch_size": 4}
    frozen, tuned = fitted(folder, out="f", candidates=[1]), None
    tuned = fitted(folder, out="t", candidates=[1], method="finetune", finetune=keys)
    before, after = (load_fitted(out / "counter.safetensors").encoder.state_dict() for out in (frozen, tuned))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    history = recipe_of(tuned)["head"]["finetune"]["history"]
    assert [row["step"] for row in history if "val_mae" in row] == [2, 4]


def left_out(folder, **keys):
    return recipe_of(fitted(folder, candidates=[1], held_out=0.0, **keys))["rows"]


def test_which_counts_are_fitted(tmp_path):
    names = [row_id(i) for i in range(len(COUNTS))]
    made = [synthetic_row(id=n, requested=c, path=f"made.zip/{n}.png") for n, c in zip(names, COUNTS, strict=True)]
    made[3] = synthetic_row(id=names[3], requested=None, density="dense", path=f"made.zip/{names[3]}.png")
    made[4] = synthetic_row(id=names[4], requested=9, split="val", path=f"made.zip/{names[4]}.png")
    made[5] = synthetic_row(id=names[5], requested=9, status="rejected", reason="damaged", path="")
    judged = [calibrated_row(id=n, count=c + 1.0) for n, c in zip(names, COUNTS, strict=True)]
    judged[1] = calibrated_row(id=names[1], count=None, std=None, weight=0.0, status="rejected", reason="content: x")
    folder = world(tmp_path, made=made, judged=judged)
    common = {"of another split": 1, "rejected": 1}
    kept = left_out(folder, out="1")
    assert kept == {"fitted": 9, "held_out": 0, "left_out": common | {"not kept by calibrate_counts": 1}}
    every = left_out(folder, out="2", rows="all")
    assert every == {"fitted": 9, "held_out": 0, "left_out": common | {"without a calibrated count": 1}}
    asked = left_out(folder, out="3", rows="all", counts="requested", zero_images=False)
    assert asked["left_out"] == common | {"without a requested count": 1, "of nobody": 2}
    weighed = left_out(folder, out="4", rows="all", counts="requested", weighting="calibrated")
    assert weighed["left_out"] == common | {"without a requested count": 1, "of weight 0": 1}


def test_counts_asked_for_and_weights_change_the_fit(tmp_path):
    folder = world(tmp_path)
    ways = [{}, {"counts": "requested"}, {"weighting": "calibrated"}, {"weighting": "noise"}, {"ridge": 0.5}]
    made = {bytes_of(fitted(folder, out=str(i), candidates=[1], **way))[0] for i, way in enumerate(ways)}
    assert len(made) == len(ways)


def empty(folder):
    return world(folder, made=[], judged=[])


def nobody(folder):
    made = [synthetic_row(id=row_id(i), path=f"made.zip/{row_id(i)}.png") for i in range(4)]
    return world(folder, made=made, judged=[calibrated_row(id=row.id) for row in made])


@pytest.mark.parametrize(
    ("place", "keys", "said"),
    [
        (empty, {}, "no synthesised image is left to fit counts to"),
        (nobody, {}, "synthesised images to fit show nobody"),
        (world, {"size": (32, 32), "encoder": "random:resnet18"}, "size 32 x 32 is too small for random:resnet18"),
        (world, {"encoder": "random:nosuch"}, "no encoder is called 'nosuch'"),
        (lambda f: world(f, photographs=[photograph("t", "test")]), {}, "without unlabelled training photographs"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, place, keys, said):
    with pytest.raises(ThrongError, match=f"fit tiny, seed-1: .*{said}"):
        fitted(place(tmp_path / "w"), **keys)


@pytest.mark.parametrize(
    ("file", "keys", "said"),
    [
        ({"kind": "counting"}, {"encoder": "rank:x"}, "holds a network of pretrain_count: expected a ranker"),
        ({"kind": "ranker"}, {"encoder": "count:x"}, "holds a ranker of pretrain_rank: expected a network"),
        ({"dead": True}, {"encoder": "rank:x"}, "the encoder is dead"),
        ({"hidden": True}, {"encoder": "rank:x", "method": "isotonic"}, "a ranker without hidden layers"),
    ],
)
def test_encoders_that_cannot_be_fitted(tmp_path, file, keys, said):
    path = ranker(tmp_path / "network.safetensors", **file)
    with pytest.raises(ThrongError, match=said):
        fitted(world(tmp_path / "w"), path, **keys)


def test_a_damaged_picture_is_named(tmp_path):
    folder = world(tmp_path)
    (folder / "a.png").write_bytes(b"no picture")
    with pytest.raises(ThrongError, match=r"picture 'a.png' of source 'source': the bytes are no image"):
        fitted(folder)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"method": "isotonic"}, "needs an encoder rank:"),
        ({"weighting": "noise", "counts": "requested"}, "needs counts calibrated"),
        ({"candidates": [0, 1]}, "candidates start at 1"),
        ({"candidates": [1, 1]}, "named twice"),
        ({"choose_by": "agreement", "held_out": 0}, "held_out must be above 0"),
        ({"method": "finetune", "held_out": 0}, "held_out must be above 0"),
        ({"choose_by": "mae"}, "choose_by"),
        ({"fit_on": "parts", "partition": "guided"}, "needs partition legacy or full"),
        ({"fit_on": "parts", "method": "finetune"}, "needs partition legacy or full"),
    ],
)
def test_keys_that_contradict_each_other(keys, said):
    with pytest.raises(ValueError, match=said):
        Fit(**TINY | keys)


def test_a_quadtree_may_be_left_whole(tmp_path):
    out = fitted(world(tmp_path), partition="quadtree", candidates=[0, 1], method="poisson")
    assert {record["n"]: record["parts"] for record in recipe_of(out)["candidates"]}[0] == 1.0
    assert np.isfinite(load_fitted(out / "counter.safetensors").count(blobs(5, 5)))


def test_a_fit_on_parts_counts_the_images_that_it_learnt_from(tmp_path):
    """With more features than images each count is met, cut as it was fitted; a fit of the whole misses them then."""
    folder = world(tmp_path)
    keys = {"candidates": [2], "held_out": 0.0}
    missed = {}
    for way in ("parts", "whole"):
        counter = load_fitted(fitted(folder, out=way, fit_on=way, **keys) / "counter.safetensors")
        missed[way] = np.mean([abs(counter.count(blobs(count, i)) - count) for i, count in enumerate(COUNTS)])
    assert missed["parts"] < 0.5 * missed["whole"]
    recipe = recipe_of(tmp_path / "parts")
    assert (recipe["fit_on"], recipe["head"]["fitted"]["mae"]) == ("parts", pytest.approx(missed["parts"]))


def test_every_candidate_of_a_fit_on_parts_has_its_own_head(tmp_path):
    folder = world(tmp_path)
    both = fitted(folder, out="both", fit_on="parts", candidates=[1, 2], choose_by="agreement")
    n = recipe_of(both)["partition"]["n"]
    alone = fitted(folder, out="alone", fit_on="parts", candidates=[n])
    first, second = (load_fitted(out / "counter.safetensors").head.w for out in (both, alone))
    np.testing.assert_array_equal(first, second)
