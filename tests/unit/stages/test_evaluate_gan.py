"""Stage evaluate_gan: generators that obey, that are deaf, and that heed no label, on a world of dots."""

import functools
import hashlib
import json

import numpy as np
import pytest
import torch

from tests.rows import density_row
from tests.unit.counting.test_rows import MADE_BY
from tests.unit.gan.conditioning.world import CLASSES, SIDE, Exact, people_of_class, picture, real_set
from throng.errors import ThrongError
from throng.gan.data import TrainingSet
from throng.gan.files import StoredGenerator
from throng.gan.labels import OneHot, Unlabelled, Vector
from throng.gan.report.leaks import unmeasurable
from throng.images import decode, encode_png
from throng.manifest import write_table
from throng.sections.evaluate_gan import EvaluateGan
from throng.stage import Context, Files
from throng.stages import evaluate_gan
from throng.tables import converted, density_labels
from throng.tables.converted import ConvertedRow

OUTPUTS = {
    "metrics": "metrics.json",
    "sheet": "sheet.png",
    "sweep": "sweep.png",
    "conditioning": "conditioning.png",
    "neighbours": "neighbours.png",
    "page": "gan.html",
}
LEARNS = {"kind": "trained", "steps": 12, "batch_size": 16, "width": 2}
EXACT = {"kind": "counter", "name": "exact", "weights": "trained:any"}
SMALL = {
    "images": 40,
    "resamples": 10,
    "bootstrap": 100,
    "columns": 4,
    "batch_size": 16,
    "neighbours": {"shown": 3},
    "conditioning": {"held_out": 0.4, "seeds": 24, "scenes": 8, "judges": [EXACT]},
}


class ExactCounter(Exact):
    """A counter in a file that makes no mistakes."""

    model = {"file": "counter.safetensors", "sha256": "ff00"}  # noqa: RUF012

    def __init__(self, path, **_):
        assert path.name == "counter.safetensors"


class Dotter(torch.nn.Module):
    """Draws as many dots as its class has, on a ground that its random numbers choose."""

    z_dim, resolution = 4, SIDE
    architecture = {"name": "dots", "options": {}}  # noqa: RUF012

    def __init__(self, c_dim, *, heeds=True):
        super().__init__()
        self.c_dim, self.heeds = c_dim, heeds

    def latents(self, z, c=None, *, truncation=1.0):
        c = torch.zeros(len(z), 3) if c is None else c
        return torch.cat([z, c], 1)

    def draw(self, latents, *, transform=None):
        images = [self._one(*latent.split([4, latents.shape[1] - 4])) for latent in latents]
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1

    def _one(self, z, c):
        random = np.random.default_rng(abs(int(1e6 * float(z[0]))))
        ground = np.full((SIDE, SIDE, 3), random.integers(40, 120, 3))
        number = int(c.argmax()) if self.heeds else int(random.integers(0, 3))
        return picture(people_of_class(number, random), random, ground)


def world(tmp_path, monkeypatch, generator, encoding, **recipe):
    """A training set of dots in a folder, and a job whose generator is the given one."""
    real, rows = real_set(120), []
    for index, identity in enumerate(real.ids):
        data = encode_png(real.pixels(index))
        name = f"00000/img{index:08d}.png"
        path = tmp_path / "dataset" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        label = int(real.labels[index])
        rows.append(
            ConvertedRow(
                name=name,
                id=identity,
                table="images",
                source="dots",
                path=name,
                split="train",
                crop_x=0,
                crop_y=0,
                crop_w=SIDE,
                crop_h=SIDE,
                density_class=label,
                class_name=CLASSES[label],
                scores=[float(real.counts[index])],
                sha256=hashlib.sha256(data).hexdigest(),
                licence="CC0-1.0",
                redistributable=True,
                status="ok",
                reason="",
            )
        )
    told = {"labels": [[row.name, row.density_class] for row in rows], "classes": CLASSES}
    (tmp_path / "dataset" / "dataset.json").write_text(json.dumps(told))
    write_table(tmp_path / "dataset.parquet", converted.TABLE, rows, MADE_BY)
    labels = [density_row(row.id, "images", count=row.scores[0], crop_w=SIDE, crop_h=SIDE) for row in rows]
    write_table(tmp_path / "labels.parquet", density_labels.TABLE, labels, MADE_BY)
    card = {"gan": "dots", "run": "seed-1", "kimg": 3.0, "licence": "CC0-1.0", "redistributable": True}
    stored = StoredGenerator(generator, encoding, card | {"data": {"kind": "converted"}} | recipe, "ab12")
    monkeypatch.setattr("throng.gan.files.read_generator", lambda path: stored)
    monkeypatch.setattr("throng.gan.conditioning.looking.CounterJudge", ExactCounter)
    inputs = {"converted": "dataset.parquet", "dataset": "dataset", "labels": "labels.parquet", "generator": "g"}
    inputs |= {"judge_0": "counter.safetensors"}
    return Files({name: [str(tmp_path / path)] for name, path in inputs.items()})


def run(tmp_path, inputs, name="out", **said):
    folder = tmp_path / name
    outputs = Files({key: [str(folder / path)] for key, path in OUTPUTS.items()})
    roots = {"results": tmp_path / "results"}
    context = Context("evaluate_gan", 3, 1, {"gan": "dots", "run": "seed-1"}, roots, {"evaluate_gan": {}}, "code", {})
    evaluate_gan.run(inputs, outputs, EvaluateGan.model_validate(SMALL | said), context)
    return folder, json.loads((folder / "metrics.json").read_text())


def test_a_generator_that_obeys_is_seen_to_and_everything_is_the_same_twice(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Dotter(3), OneHot(3))
    judges = [EXACT, {"name": "people"} | LEARNS, {"name": "labels", "target": "label"} | LEARNS]
    said = {"conditioning": SMALL["conditioning"] | {"judges": judges}}
    folder, found = run(tmp_path, inputs, **said)
    exact, people, labels = found["conditioning"]["judges"]
    assert (exact["unit"], people["unit"], labels["unit"]) == ("people", "people", "label")
    assert exact["verdict"]["obeys"] == "yes"
    assert exact["share_of_ceiling"] == pytest.approx(1, abs=0.05)
    assert exact["samples"]["classes"]["accuracy"]["value"] == 1
    assert people["model"]["learnt_from"] == 72
    assert people["reals"]["images"] == 48
    assert found["conditioning"]["scenes"]["kept"]["pixels"]["value"] > 0.5
    assert found["memorisation"]["pixels"]["copies"] == 0
    assert found["quality"][0]["extractor"]["comparable"] is False
    assert [one["label"] for one in found["training_set"]["classes"]] == CLASSES
    page = (folder / "gan.html").read_text()
    assert "It obeys" in page
    assert "never comparable with published numbers" in page
    assert "<code>ff00</code>" in page
    assert "Do not pass this page on" not in page
    again, _ = run(tmp_path, inputs, "again", **said)
    for name in OUTPUTS.values():
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name
    assert str(tmp_path) not in (folder / "metrics.json").read_text() + page


def test_a_deaf_generator_is_seen_to_ignore_its_label(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Dotter(3, heeds=False), OneHot(3), redistributable=False, licence="mine")
    folder, found = run(tmp_path, inputs)
    assert found["conditioning"]["judges"][0]["verdict"]["obeys"] == "no"
    assert found["conditioning"]["scenes"]["kept"]["pixels"]["value"] == 1
    page = (folder / "gan.html").read_text()
    assert "It does not obey" in page
    assert "Do not pass this page on" in page


def test_a_generator_without_labels_is_measured_without_being_asked(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Dotter(0, heeds=False), Unlabelled())
    folder, found = run(tmp_path, inputs, path_length={"pairs": 4}, equivariance={"images": 2}, leaks={})
    assert found["conditioning"] is None
    assert "heeds no label" in found["unasked"]
    assert found["path_length"]["pairs"] == 4
    assert found["equivariance"] is None
    assert found["leaks"] is None
    unmoved, unleaked = found["unmeasured"]
    assert "cannot be moved" in unmoved
    assert "does not say under which" in unleaked
    page = (folder / "gan.html").read_text()
    assert unmoved.replace("'", "&#39;") in page and unleaked.replace("'", "&#39;") in page
    assert "heeds no label" in page
    assert found["memorisation"]["pixels"]["yardstick"] == "training images"
    assert "over the mean distance to the nearest 50: 0 for a copy" in page
    assert "Same scene" not in page
    assert all(decode((folder / name).read_bytes()).size for name in OUTPUTS.values() if name.endswith(".png"))


class Negatives(Dotter):
    """Draws every second image as its own negative, as a discriminator may have taught it."""

    def _one(self, z, c):
        image = super()._one(z, c)
        return 255 - image if float(z[1]) > 0 else image


AUGMENT = {
    "strength": {"kind": "adaptive"},
    "set": "none",
    "multipliers": {"luma_flip": 1, "x_flip": 1},
    "strengths": {},
}
LEAKS = {"leaks": {"photographs": 120, "images": 100, "steps": 30}}


def test_augmentations_that_leaked_are_told_and_those_that_nobody_can_see_are_not(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Negatives(0, heeds=False), Unlabelled(), augment=AUGMENT, mirror=True)
    folder, found = run(tmp_path, inputs, **LEAKS)
    assert (found["leaks"]["photographs"], found["leaks"]["images"]) == (120, 100)
    mirrored, turned_round = found["leaks"]["transforms"]
    assert (mirrored["name"], mirrored["share"], turned_round["name"]) == ("x_flip", None, "luma_flip")
    assert mirrored["skill"] < found["leaks"]["least_skill"] < turned_round["skill"]
    # "or not, with probability 1/2": half of what went through it is the negative, and so are all that were drawn
    low, high = turned_round["share"]["interval"]
    assert low < 1 < high
    page = (folder / "gan.html").read_text()
    assert "Did augmentations leak?" in page
    assert "cannot be told" in page


@pytest.mark.parametrize(
    ("recipe", "images", "why"),
    [
        ({}, 64, "does not say under which"),
        ({"augment": AUGMENT | {"multipliers": {}}}, 64, "trained without any"),
        ({"augment": AUGMENT | {"strength": {"kind": "fixed", "p": 0.0}}}, 64, "trained without any"),
        ({"augment": AUGMENT | {"strength": {"kind": "ramp", "start": 0.0, "end": 0.0}}}, 64, "trained without any"),
        ({"augment": AUGMENT}, 63, "63 training images are too few"),
    ],
)
def test_leaks_that_cannot_be_are_not_measured(recipe, images, why):
    assert why in unmeasurable(recipe, images)
    assert unmeasurable({"augment": AUGMENT | {"strength": {"kind": "fixed", "p": 0.1}}}, 64) == ""


def test_what_cannot_be_asked_is_said_and_the_rest_is_measured(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Dotter(1), Vector(1))
    real = real_set(120)
    vectors = TrainingSet(
        *(real.ids, real.labels[:, None], "vector", [], "CC0-1.0", True, None, SIDE),
        [functools.partial(real.pixels, index) for index in range(120)],
    )
    monkeypatch.setattr("throng.gan.data.open_training_set", lambda *_, **__: vectors)
    _, found = run(tmp_path, inputs)
    assert found["conditioning"] is None
    assert "counts nobody knows" in found["unasked"]
    assert found["quality"][0]["frechet"]["value"] > 0


def test_a_generator_that_does_not_say_its_data_is_refused(tmp_path, monkeypatch):
    inputs = world(tmp_path, monkeypatch, Dotter(3), OneHot(3), data=None)
    with pytest.raises(ThrongError, match="does not say what it has learnt from"):
        run(tmp_path, inputs)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"features": [{"kind": "inception"}]}, "needs a path"),
        ({"features": [{"kind": "random", "path": "x"}]}, "leave path out"),
        ({"features": [{}, {}]}, "named twice"),
        (
            {"conditioning": {"judges": [{"kind": "detector", "name": "d", "detector": {"device": "cuda"}}]}},
            "looks on device cuda",
        ),
        ({"conditioning": {"judges": []}}, "at least 1"),
    ],
)
def test_sections_that_cannot_be_are_refused(said, why):
    with pytest.raises(ValueError, match=why):
        EvaluateGan.model_validate(said)
