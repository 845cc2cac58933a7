import dataclasses
import hashlib
import io
import logging

import numpy as np
import pytest
from PIL import Image

from tests.rows import density_row, synthetic_row
from tests.unit.conversion.reading import Loaded, by_pillow, file_of, photograph
from tests.unit.synthesizers.drawn import image_row
from throng.conversion import build
from throng.errors import ThrongError
from throng.images import image_id, pack_zip
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.base import output_slice
from throng.sections.convert_dataset import ConvertDataset
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.stages import convert_dataset
from throng.tables import converted, density_labels, images, synthetic
from throng.tables.converted import ConvertedRow

FOOTER = Provenance("test", {}, "code", 0)
SPLITS = ("train", "train", "train", "val")
DRAWN = "synthesize/composite/part-000-of-001.zip"


class Run:
    """The tables of a run with four photographs and two composites; everybody is labelled by a window."""

    def __init__(self, root, section):
        self.root, self.section = root, section
        self.photographs, self.files = [], {}
        (root / "source").mkdir()
        files = [file_of(photograph(70, 50, index), "JPEG") for index in range(len(SPLITS))]
        # by path the other way round than by id
        for index, (split, data) in enumerate(zip(SPLITS, sorted(files, key=image_id, reverse=True), strict=True)):
            (root / "source" / f"{index}.jpg").write_bytes(data)
            row = image_row(image_id(data), "street", f"{index}.jpg", (50, 70), split=split)
            self.photographs.append(dataclasses.replace(row, sha256=hashlib.sha256(data).hexdigest()))
            self.files[image_id(data)] = data
        made = {f"{name}.png": file_of(photograph(64, 48, 10 + ord(name))) for name in "st"}
        pack_zip(root / "results" / DRAWN, made)
        self.drawn = [
            synthetic_row(id=name, path=f"{DRAWN}/{name}.png", width=64, height=48,
                          sha256=hashlib.sha256(made[f"{name}.png"]).hexdigest())
            for name in "st"
        ]  # fmt: skip
        self.files |= {name: made[f"{name}.png"] for name in "st"}
        self.labels = [
            density_row(
                row.id, kind, crop_x=5, crop_y=1, crop_w=44, crop_h=44, score=index / 2, density_class=index % 2
            )
            for kind, rows in (("images", self.photographs), ("synthetic", self.drawn))
            for index, row in enumerate(rows)
        ]

    def __call__(self, config=None, threads=1):
        config = config or ConvertDataset(resolution=16)
        tables = {"images": (images, self.photographs), "synthetic": (synthetic, self.drawn)}
        paths = {name: self.root / "results" / f"{name}.parquet" for name in (*tables, "labels")}
        for name, (module, rows) in tables.items():
            write_table(paths[name], module.TABLE, rows, FOOTER)
        footer = Provenance("label_density", {"label_density": output_slice(self.section)}, "code", 0)
        write_table(paths["labels"], density_labels.TABLE, self.labels, footer)
        made = self.root / "results" / "convert_dataset"
        self.dataset = made / ("dataset.zip" if config.format == "zip" else "dataset")
        self.table = made / "dataset.parquet"
        roots = {"results": self.root / "results", "street": self.root / "source"}
        context = Context("convert_dataset", 0, threads, {}, roots, {"convert_dataset": output_slice(config)}, "c", {})
        outputs = Files({"table": [str(self.table)], "dataset": [str(self.dataset)]})
        convert_dataset.run(Files({name: [str(path)] for name, path in paths.items()}), outputs, config, context)
        return read_rows(self.table, converted.TABLE, ConvertedRow)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, LabelDensity(crop="center-crop"))


@pytest.mark.parametrize("container", ["zip", "folder"])
def test_training_images_become_squares_of_the_window_that_was_labelled(run, container):
    rows = run(ConvertDataset(resolution=16, format=container, resize="lanczos"))
    loaded = Loaded(run.dataset)
    by_name = {row.name: row for row in rows}
    assert sorted(by_name) == loaded.names
    assert [by_name[name].id for name in loaded.names] == sorted(row.id for row in [*run.photographs[:3], *run.drawn])
    for name, image, label in zip(loaded.names, loaded.images, loaded.labels, strict=True):
        row = by_name[name]
        assert (row.crop_x, row.crop_y, row.crop_w, row.crop_h) == (5, 1, 44, 44)
        assert label.argmax() == row.density_class
        window = np.asarray(Image.open(io.BytesIO(run.files[row.id])).crop((5, 1, 49, 45)))
        np.testing.assert_array_equal(image, by_pillow(file_of(window), 16, "none"))
    assert loaded.json["classes"] == ["low", "medium", "high"]
    assert not list((run.root / "results").glob(".work/convert_dataset/*"))


def test_threads_and_rows_order_change_no_byte(run, monkeypatch):
    monkeypatch.setattr(build, "BATCH_IMAGES", 2)
    run()
    before = run.dataset.read_bytes(), run.table.read_bytes()
    run.photographs.reverse()
    run.drawn.reverse()
    run.labels.reverse()
    run(threads=3)
    assert (run.dataset.read_bytes(), run.table.read_bytes()) == before


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"splits": ["val"]}, 1),
        ({"tables": ["synthetic"]}, 2),
        ({"sources": ["street"], "tables": ["images"]}, 3),
        ({"sources": []}, 2),
        ({"makers": []}, 3),
        ({"limit": 2}, 2),
    ],
)
def test_keys_choose_what_is_taken(run, keys, expected):
    assert len(run(ConvertDataset(resolution=16, **keys))) == expected


def test_labels_are_classes_vectors_scores_or_nothing(run):
    expected = {
        "class": lambda row: row.density_class,
        "one-hot": lambda row: [float(row.density_class == index) for index in range(3)],
        "score": lambda row: row.scores,
    }
    for form, label in expected.items():
        rows = run(ConvertDataset(resolution=16, label=form))
        assert dict(Loaded(run.dataset).json["labels"]) == {row.name: label(row) for row in rows}
        assert ("classes" in Loaded(run.dataset).json) == (form != "score")
    run(ConvertDataset(resolution=16, label="none"))
    assert Loaded(run.dataset).json == {"labels": None}


def test_an_absent_class_is_named_in_the_log(run, caplog):
    with caplog.at_level(logging.INFO):
        run()
    assert "no image has class high; loaders that count classes by the highest one need label one-hot" in caplog.text
    assert "{'low': 3, 'medium': 2, 'high': 0}" in caplog.text


def test_an_image_without_label_window_or_its_own_bytes_is_rejected(run):
    missing, unlabelled, changed = run.photographs[:3]
    run.labels = [row for row in run.labels if row.id != missing.id]
    run.labels = [
        row if row.id != unlabelled.id else density_row(
            row.id, "images", crop_w=44, crop_h=44, count=None, score=None, density_class=None, class_name="",
            status="rejected", reason="unlabelled: the source says nothing about the number of people",
        )
        for row in run.labels
    ]  # fmt: skip
    (run.root / "source" / changed.path).write_bytes(run.files[missing.id])
    reasons = {row.id: row.reason for row in run() if row.status == "rejected"}
    assert reasons == {
        missing.id: "unlabelled: table density_labels has no row for it",
        unlabelled.id: "unlabelled: the source says nothing about the number of people",
        changed.id: "changed: the file is not the one that the table describes",
    }
    assert len(Loaded(run.dataset).names) == 2
    kept = {row.id for row in run(ConvertDataset(resolution=16, label="none")) if row.status == "ok"}
    assert kept == {unlabelled.id, "s", "t"}


def test_the_labeller_may_be_another_than_the_chosen_one(run):
    for row in run.labels:
        label = row.labels[0] | {"method": "kde", "score": 9.0, "density_class": 2, "class_name": "high"}
        row.labels.append(label)
    assert {row.class_name for row in run(ConvertDataset(resolution=16, labeller="kde fixed"))} == {"high"}
    with pytest.raises(ThrongError, match="no labeller is 'area fixed'; label_density has threshold fixed, "):
        run(ConvertDataset(resolution=16, labeller="area fixed"))


def test_a_killed_stage_resumes(run, monkeypatch):
    monkeypatch.setattr(build, "BATCH_IMAGES", 1)
    whole, done = build.convert_one, []

    def killed_at_the_third(*given):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(given[0].id)
        return whole(*given)

    monkeypatch.setattr(build, "convert_one", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert not run.dataset.exists() and not run.table.exists()
    again = []
    monkeypatch.setattr(build, "convert_one", lambda *given: again.append(given[0].id) or whole(*given))
    rows = run()
    assert sorted(done + again) == [row.id for row in rows]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"sources": ["gone"]}, "convert_dataset.sources: 'gone' made no image here; known: street"),
        ({"makers": ["gone"]}, "convert_dataset.makers: 'gone' made no image here; known: composite"),
        ({"splits": ["test"]}, "no image is left to write: none was chosen"),
        ({"resolution": 64}, "no image is left to write: 5 rejected: too small"),
    ],
)
def test_a_choice_that_leaves_nothing_is_one_sentence(run, keys, sentence):
    with pytest.raises(ThrongError, match=sentence):
        run(ConvertDataset(**({"resolution": 16} | keys)))


def test_a_resolution_that_no_network_has_is_refused():
    with pytest.raises(ValueError, match="100 is no power of two"):
        ConvertDataset(resolution=100)
