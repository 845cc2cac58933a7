"""Stage ladder: every kind of rung on the same photographs, resumed, refused, and the same in every byte."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.rows import calibrated_row, synthetic_row
from tests.unit.counting.test_rows import MADE_BY, photograph
from throng import detectors
from throng.counting.registry import build, save_counter
from throng.detectors.protocol import Found
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import encode_png
from throng.manifest import write_table
from throng.ranking.fitted import FittedCounter, Head
from throng.ranking.partition import Partition
from throng.sections.ladder import Ladder
from throng.stage import Context, Files
from throng.stages import ladder
from throng.tables import calibrated_counts, images, synthetic
from throng.tables.detections import Detection

PRIOR = {"kind": "prior", "name": "mean count"}
DETECTOR = {"kind": "detector", "name": "found"}
FIT = {"kind": "fit", "name": "ranked", "fit": "synthetic"}
COUNTER = {"kind": "counter", "name": "heads", "counter": "pseudo"}
RECIPE = {"labels": "detected", "validation": "detected", "best_on_test": False, "options": {"steps": 40}}
OUTPUTS = {
    "predictions": "predictions.parquet",
    "ladder": "ladder.json",
    "table": "ladder.csv",
    "figure": "ladder.png",
    "page": "ladder.html",
}


class White:
    """Finds a person per 100 white pixels; says how often it was asked, and of how many photographs at once."""

    batch, reads_pixels = 2, True

    def __init__(self):
        self.model = {"file": "white.onnx", "sha256": "ab"}
        self.asked = []
        self.rejection = ""

    def prepare(self, photograph):
        return photograph

    def detect(self, photographs):
        self.asked.append([one.row.id for one in photographs])
        white = [int((one.pixels == 255).all(2).sum()) // 100 for one in photographs]
        person = Detection(x=0, y=0, w=1, h=1, score=1, mask=None)
        return [Found([person] * number, self.rejection) for number in white]


@pytest.fixture
def white(monkeypatch):
    detector = White()
    monkeypatch.setattr(detectors, "load", lambda section, model, scratch: detector)
    return detector


@pytest.fixture
def world(tmp_path):
    """Five photographs with white squares for people, three of them of split test, and counters of every kind."""
    rows = []
    for name, split, people in (("a", "train", 2), ("t1", "test", 1), ("t2", "test", 3), ("t3", "test", 0)):
        pixels = np.zeros((64, 96, 3), np.uint8)
        for number in range(people):
            pixels[20:30, 5 + 20 * number : 15 + 20 * number] = 255
        (tmp_path / f"{name}.png").write_bytes(encode_png(pixels))
        points = [{"x": 10.0 + 20 * number, "y": 25.0} for number in range(people)]
        rows.append(photograph(name, split, width=96, height=64, count=people, points=points))
    rows.append(photograph("u", "test", points=None, count=None))
    made = [synthetic_row(id="s1"), synthetic_row(id="s2"), synthetic_row(id="s3"), synthetic_row(id="s4", split="val")]
    judged = [
        calibrated_row(id="s1", count=1.0),
        calibrated_row(id="s2", count=4.0, exact=False, std=1.0),
        calibrated_row(id="s3", count=None, std=None, weight=0.0, status="rejected", reason="twin: of s2"),
        calibrated_row(id="s4", count=90.0),
    ]
    for table, said in ((images.TABLE, rows), (synthetic.TABLE, made), (calibrated_counts.TABLE, judged)):
        write_table(tmp_path / f"{table.name}.parquet", table, said, MADE_BY)
    for run in ("seed-1", "seed-2"):
        fitted(tmp_path, run)
        counter(tmp_path, run)
    return tmp_path


def fitted(folder, seed, **said):
    torch.manual_seed(int(seed[-1]))
    encoder = build_encoder("small")
    head = Head(np.random.default_rng(int(seed[-1])).uniform(0, 1, encoder.features))
    recipe = {"fit": "synthetic", "run": seed} | said
    path = folder / "results" / "fit_counts" / "synthetic" / seed / "counter.safetensors"
    FittedCounter(encoder, head, Partition("full", 1), (64, 96), recipe).save(path)


def counter(folder, seed, **said):
    torch.manual_seed(int(seed[-1]))
    path = folder / "results" / "train_counter" / "pseudo" / seed / "counter.safetensors"
    save_counter(path, build("slim"), {"counter": "pseudo", "run": seed, **RECIPE} | said)


def run(world, *rungs, out="out", **keys):
    results = world / "results"
    (world / out).mkdir(exist_ok=True)
    inputs = {
        "images": [str(world / "images.parquet")],
        "synthetic": [str(world / "synthetic.parquet")],
        "calibrated": [str(world / "calibrated_counts.parquet")],
        "fits": [str(path) for path in sorted(results.glob("fit_counts/*/*/*.safetensors"))],
        "counters": [str(path) for path in sorted(results.glob("train_counter/*/*/*.safetensors"))],
        "models": ["white.onnx"],
    }
    outputs = Files({name: [str(world / out / file)] for name, file in OUTPUTS.items()})
    context = Context("ladder", 7, 1, {}, {"source": world, "results": results}, {}, "c0de", {})
    ladder.run(Files(inputs), outputs, Ladder.model_validate({"rungs": rungs, "bootstrap": 100} | keys), context)
    return json.loads((world / out / "ladder.json").read_text())


def predictions(world, out="out"):
    return pq.read_table(world / out / "predictions.parquet").to_pylist()


def test_every_kind_of_rung_counts_every_labelled_photograph_of_the_split(world, white):
    found = run(world, PRIOR, DETECTOR, FIT, COUNTER)
    assert found["images"] == 3
    said = {(row["rung"], row["run"], row["id"]): row["predicted"] for row in predictions(world)}
    assert len(said) == (1 + 1 + 2 + 2) * 3
    assert {said["mean count", "only", name] for name in ("t1", "t2", "t3")} == {2.5}
    assert [said["found", "only", name] for name in ("t1", "t2", "t3")] == [1, 3, 0]
    assert said["ranked", "seed-1", "t2"] != said["ranked", "seed-2", "t2"]
    assert [one["runs"] for one in found["rungs"]] == [1, 1, 2, 2]
    assert (found["rungs"][1]["mae"], found["rungs"][1]["r2"]) == (0, 1)
    assert found["reference"]["answer"] == 2
    assert found["rungs"][3]["training_steps"] == 40
    assert found["rungs"][2]["parameters"] > 1000
    assert white.asked == [["t1", "t2"], ["t3"]]
    assert not list((world / "results" / ".work" / "ladder").glob("*"))


def test_the_same_inputs_give_the_same_bytes(world, white):
    run(world, PRIOR, DETECTOR, COUNTER, out="one", marks={"other work": 12.0})
    run(world, PRIOR, DETECTOR, COUNTER, out="two", marks={"other work": 12.0})
    for file in OUTPUTS.values():
        assert (world / "one" / file).read_bytes() == (world / "two" / file).read_bytes()


def test_a_job_that_was_killed_does_not_count_again_what_it_has_counted(world, white, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ladder, "write_figures", killed)
        run(world, DETECTOR)
    run(world, DETECTOR)
    assert len(white.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"labels": "annotated"},
        {"labels": None},
        {"best_on_test": True},
        {"validation": "val"},
        {"validation": "test"},
    ],
)
def test_a_counter_whose_recipe_tells_of_labels_is_no_rung(world, said):
    counter(world, "seed-2", **said)
    with pytest.raises(ThrongError, match=r"seed-2/counter\.safetensors is no rung: labels taught or chose it"):
        run(world, COUNTER)


def test_a_fit_whose_recipe_tells_of_labels_is_no_rung(world):
    fitted(world, "seed-1", best_on_test=True)
    with pytest.raises(ThrongError, match=r"seed-1/counter\.safetensors is no rung"):
        run(world, FIT)


def test_files_of_another_counter_or_none_are_refused(world):
    with pytest.raises(ThrongError, match="no file of 'other' is among the ladder's inputs"):
        run(world, COUNTER | {"counter": "other"})
    counter(world, "seed-2", counter="other")
    with pytest.raises(ThrongError, match="is of counter 'other', not of 'pseudo': rerun stage 'train_counter'"):
        run(world, COUNTER)
    counter(world, "seed-2", run="seed-1")
    with pytest.raises(ThrongError, match="are both seed-1 of counter 'pseudo'"):
        run(world, COUNTER)


def test_a_photograph_that_nobody_can_count_is_named(world, white):
    white.rejection = "cap: 3000 people reach detect.max_det"
    with pytest.raises(ThrongError, match=r"rung 'found' cannot count 't1.png' of source 'source': cap"):
        run(world, DETECTOR)
    (world / "t1.png").write_bytes(encode_png(np.zeros((5, 5, 3), np.uint8)))
    with pytest.raises(ThrongError, match=r"'t1.png' of source 'source' has 5x5 pixels, but table images says 96x64"):
        run(world, FIT)


def test_nothing_to_measure_on_or_to_believe_is_refused(world):
    with pytest.raises(ThrongError, match="split 'val' has none"):
        run(world, PRIOR, split="val")
    write_table(world / "calibrated_counts.parquet", calibrated_counts.TABLE, [], MADE_BY)
    with pytest.raises(ThrongError, match="kept no synthesised image of split train"):
        run(world, PRIOR)
    twice = [photograph("t", "test"), photograph("t", "test", path="copy.png")]
    write_table(world / "images.parquet", images.TABLE, twice, MADE_BY)
    with pytest.raises(ThrongError, match="are the same photograph, which would count twice"):
        run(world, PRIOR)
