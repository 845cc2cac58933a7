"""Stage evaluate on photographs as small as they may be: complete rows, honest marks, one sentence for bad input."""

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch

from tests.unit.synthesizers.drawn import image_row
from throng.counting import inference
from throng.counting.inference import decode_for, predict_count
from throng.counting.interval import CountInterval
from throng.counting.registry import build, load_counter, save_counter
from throng.density.maps import density_map
from throng.errors import ThrongError
from throng.evaluation import measuring
from throng.evaluation.map_metrics import dm_distance, game, ssim
from throng.images import decode, encode_png
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.evaluate import Evaluate
from throng.stage import Context, Files
from throng.stages import evaluate
from throng.tables.images import TABLE as IMAGES
from throng.tables.predictions import TABLE, PredictionRow

SHAPE = (120, 200)
INTERVAL = {"level": 0.9, "quantile": 1.5, "images": 20}
PLOTS = ("scatter", "bins", "curves", "calibration", "comparison")


class World:
    """A folder with photographs, trained counters and published weights, and the stage's files."""

    def __init__(self, root: Path) -> None:
        self.root, self.weights = root, list[Path]()
        rng = np.random.default_rng(0)
        rows = []
        for number in range(7):
            split = ("test", "test", "test", "test", "val", "train", "train")[number]
            (root / f"{number}.png").write_bytes(encode_png(rng.integers(0, 255, (*SHAPE, 3), np.uint8)))
            points = [{"x": float(x), "y": float(y)} for x, y in rng.uniform(0, 1, (3 * number, 2)) * (199, 119)]
            rows.append(
                image_row(f"i{number}", "town", f"{number}.png", SHAPE, split, points=points, count=len(points))
            )
        self.rows = rows
        self.write_images()

    def write_images(self) -> None:
        write_table(self.root / "images.parquet", IMAGES, self.rows, Provenance("ingest", {"ingest": {}}, "", 0))

    def train(self, name: str, run: str, *, best_on_test: bool = False, damage: bool = False, **said: object) -> Path:
        torch.manual_seed(len(self.weights))
        model = build("compact")
        model.input_spec = type(model.input_spec)(channels=3, mean=114.0, std=58.0, image_scale=0.75)
        model.set_initial_density(0.001 * model.stride**2)
        if damage:
            next(model.network.parameters()).data.fill_(float("nan"))
        recipe = {"counter": name, "run": run, "best_on_test": best_on_test, "interval": INTERVAL}
        recipe |= {"options": {"sigma": 3.0}, "validation_mae": 4.5, **said}
        folder = self.root / name / run
        folder.mkdir(parents=True)
        save_counter(folder / "counter.safetensors", model, recipe)
        (folder / "counter.json").write_text(json.dumps({"recipe": recipe}))
        (folder / "history.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 1, "val_mae": 4.5}\n')
        self.weights.append(folder / "counter.safetensors")
        return folder

    def publish(self) -> Path:
        torch.manual_seed(9)
        path = self.root / "public.h5"
        with h5py.File(path, "w") as archive:
            for key, value in build("mcnn", 1).network.state_dict().items():
                archive["net." + key] = value.numpy()
        return path

    def run(self, out: str = "out", **section: object) -> None:
        published = [str(self.publish())] if section.get("published") else []
        folders = [path.parent for path in self.weights]
        inputs = Files(
            {
                "images": [str(self.root / "images.parquet")],
                "weights": [str(path) for path in self.weights],
                "recipe": [str(folder / "counter.json") for folder in folders],
                "history": [str(folder / "history.jsonl") for folder in folders],
                "published": published,
            }
        )
        self.out = self.root / out
        named = {name: f"{name}.png" for name in PLOTS} | {"predictions": "predictions.parquet"}
        named |= {"metrics": "metrics.json", "examples": "examples.jpg"}
        outputs = Files({name: [str(self.out / file)] for name, file in named.items()})
        roots = {"town": self.root, "results": self.root / "results"}
        context = Context("evaluate", 0, 2, {}, roots, {"evaluate": {}, "seed": 0}, "code", {})
        evaluate.run(inputs, outputs, Evaluate.model_validate({"bootstrap": 100, **section}), context)

    def predictions(self) -> list[PredictionRow]:
        return read_rows(self.out / "predictions.parquet", TABLE, PredictionRow)

    def metrics(self) -> dict:
        return json.loads((self.out / "metrics.json").read_text())


PUBLISHED = [{"name": "public", "weights": "public.h5", "sigma": 5.0}]


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> World:
    world = World(tmp_path_factory.mktemp("evaluate"))
    world.train("plain", "seed-1")
    world.train("chosen", "seed-1", best_on_test=True)
    world.train("plain", "seed-2")
    world.run(published=PUBLISHED)
    return world


def test_every_run_of_every_counter_counts_every_image_of_the_split(measured: World):
    keys = [(row.counter, row.run, row.id) for row in measured.predictions()]
    runs = [("chosen", "seed-1"), ("plain", "seed-1"), ("plain", "seed-2"), ("public", "published")]
    assert keys == [(*run, f"i{number}") for run in runs for number in range(4)]
    assert not (measured.root / "results" / ".work").exists() or not list(
        (measured.root / "results" / ".work").rglob("*.json")
    )


def test_a_row_holds_what_its_map_and_its_points_say(measured: World):
    model, _ = load_counter(measured.root / "plain" / "seed-2" / "counter.safetensors")
    (row,) = [row for row in measured.predictions() if (row.run, row.id) == ("seed-2", "i3")]
    pixels = decode((measured.root / "3.png").read_bytes())
    count, density = predict_count(model, pixels)
    assert (row.count, row.split, row.source) == (9, "test", "town")
    assert row.predicted == pytest.approx(count, rel=1e-5)
    assert (row.low, row.high) == pytest.approx(CountInterval(**INTERVAL).around(count), rel=1e-5)
    # written out: a head's place after resizing by 3/4, both grids starting half a pixel before the first centre
    points = np.array([[(p["x"] + 0.5) * 0.75 - 0.5, (p["y"] + 0.5) * 0.75 - 0.5] for p in measured.rows[3].points])
    true = density_map(points, (90, 150), sigma=3.0, stride=8)
    assert row.dm_distance == pytest.approx(dm_distance(density, true), rel=1e-4)
    assert row.ssim == pytest.approx(ssim(density, true), rel=1e-4)
    for level, value in ((1, row.game1), (2, row.game2), (3, row.game3)):
        assert value == pytest.approx(game(density, points, (90, 150), level, stride=8), rel=1e-4)


def test_published_weights_are_read_in_luma_and_have_no_interval(measured: World):
    rows = [row for row in measured.predictions() if row.counter == "public"]
    assert {(row.low, row.high) for row in rows} == {(None, None)}
    (record,) = [one for one in measured.metrics()["counters"] if one["counter"] == "public"]
    assert record["published"]
    assert record["sigma"] == 5.0
    assert record["calibration"] is None


def test_metrics_keep_the_order_given_and_mark_what_was_chosen_on_the_test_split(measured: World):
    metrics = measured.metrics()
    assert (metrics["schema"], metrics["split"], metrics["images"]) == (2, "test", 4)
    assert metrics["baseline"]["answer"] == 16.5
    told = [(one["label"], one["runs"], one["best_on_test"]) for one in metrics["counters"]]
    assert told == [("plain", 2, False), ("chosen (best on test)", 1, True), ("public", 1, False)]
    assert len(metrics["comparisons"]) == 6
    assert all(
        "chosen (best on test)" in one["verdict"] for one in metrics["comparisons"] if "chosen" in one["verdict"]
    )
    plain = metrics["counters"][0]
    assert plain["parameters"] > 100_000
    assert [one["validation_mae"] for one in plain["per_run"]] == [4.5, 4.5]
    absolute = [abs(row.predicted - row.count) for row in measured.predictions() if row.counter == "plain"]
    assert plain["mae"] == pytest.approx(np.mean(absolute))


def test_plots_and_examples_are_pictures(measured: World):
    for name in PLOTS:
        assert min(decode((measured.out / f"{name}.png").read_bytes()).shape[:2]) > 200
    assert decode((measured.out / "examples.jpg").read_bytes()).shape[1] == 1200


def test_the_split_that_chose_the_weights_is_marked(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(evaluate, "plot", lambda *_: None)
    world = World(tmp_path)
    world.train("plain", "seed-1")
    world.run(split="val")
    (record,) = world.metrics()["counters"]
    assert record["label"] == "plain (selected on this split)"


def test_a_killed_evaluation_goes_on_with_the_same_result(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(evaluate, "plot", lambda *_: None)
    world = World(tmp_path)
    world.train("plain", "seed-1")
    world.run("whole")
    done = world.predictions()
    counted: list[float] = []

    def fails_at_the_third(*arguments, **named):
        if len(counted) == 2:
            raise KeyboardInterrupt
        counted.append(0.0)
        return inference.predict_count(*arguments, **named)

    monkeypatch.setattr(measuring, "predict_count", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        world.run("again")
    monkeypatch.setattr(measuring, "predict_count", inference.predict_count)
    decoded: list[int] = []
    monkeypatch.setattr(measuring, "decode_for", lambda *given: decoded.append(1) or decode_for(*given))
    world.run("again")
    assert world.predictions() == done
    assert len(decoded) == 2 + 3  # what was left, and the examples


def damaged_image(world: World) -> None:
    (world.root / "2.png").write_bytes(b"nothing")


def changed_image(world: World) -> None:
    (world.root / "2.png").write_bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes())


def other_recipe(world: World) -> None:
    (world.root / "plain/seed-1/counter.json").write_text((world.root / "other/seed-1/counter.json").read_text())
    world.weights.pop()


def poor_recipe(world: World) -> None:
    (world.root / "plain/seed-1/counter.json").write_text('{"recipe": {"counter": "plain", "run": "seed-1"}}')


def no_recipe(world: World) -> None:
    (world.root / "plain/seed-1/counter.json").write_text("[]")


def no_counter(world: World) -> None:
    (world.root / "plain/seed-1/counter.safetensors").write_bytes(b"nothing")


def nobody(world: World) -> None:
    world.rows = [row for row in world.rows if row.split != "test"]
    world.write_images()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (damaged_image, "'2.png' of source 'town' cannot be decoded: .*; restore the file or rerun stage 'ingest'"),
        (changed_image, "'2.png' of source 'town' has 9x9 pixels, but table images says 200x120"),
        (other_recipe, "holds seed-1 of counter 'plain', but the recipe beside it is of seed-1 of 'other'"),
        (poor_recipe, "counter.json: the recipe lacks best_on_test, interval, options; rerun stage 'train_counter'"),
        (no_recipe, "counter.json is no recipe of a trained counter"),
        (no_counter, "counter.safetensors is not a readable safetensors file"),
        (nobody, "found 0 in split 'test' and 2 in 'train'"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, spoil, sentence: str):
    world = World(tmp_path)
    world.train("plain", "seed-1")
    world.train("other", "seed-1")
    spoil(world)
    with pytest.raises(ThrongError, match=sentence):
        world.run()
    assert not (world.out / "metrics.json").exists()


def test_counts_that_are_not_numbers_name_the_run_and_the_image(tmp_path: Path):
    world = World(tmp_path)
    world.train("plain", "seed-1", damage=True)
    with pytest.raises(ThrongError, match=r"plain seed-1 cannot count '\d.png' of source 'town': .* not finite"):
        world.run()


def test_two_counters_of_one_name_are_refused(tmp_path: Path):
    world = World(tmp_path)
    world.train("public", "seed-1")
    with pytest.raises(ThrongError, match="'public' is also the name of a trained counter"):
        world.run(published=PUBLISHED)


def test_a_run_that_comes_twice_is_refused(tmp_path: Path):
    world = World(tmp_path)
    world.weights += [world.train("plain", "seed-1") / "counter.safetensors"]
    with pytest.raises(ThrongError, match="are both seed-1 of counter 'plain'"):
        world.run()
