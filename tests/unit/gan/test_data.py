"""The training set from each of its sources, and what is said of data that cannot be learnt from."""

import dataclasses
import json
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tests.unit.conversion.test_stage import Run
from throng.conversion.archive import name_of, write_dataset
from throng.conversion.labels import dataset_json
from throng.conversion.png import encode
from throng.errors import ThrongError
from throng.gan.data import open_training_set
from throng.images import ImageStore, image_id
from throng.sections.convert_dataset import ConvertDataset
from throng.sections.label_density import LabelDensity
from throng.sections.train_gan import Archive, Converted, Labelled
from throng.stage import Files

R = 16
ARCHIVE = Archive(kind="archive", path="data.zip", licence="CC-BY-4.0", redistributable=True)


def noise(seed, size=R):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def archive(path, labels=None, *, classes=(), number=6, change=None):
    """An archive of squares of noise; ``change`` (name: bytes) replaces files."""
    members = {name_of(index): encode(noise(index), 0) for index in range(number)} | (change or {})
    if labels is not None:
        members["dataset.json"] = dataset_json({name_of(index): label for index, label in labels.items()}, classes)
    write_dataset(path, "zip" if path.suffix == ".zip" else "folder", members)
    return path


def opened(path, **more):
    return open_training_set(Files({"dataset": [str(path)]}), ARCHIVE, R, ImageStore({}), **more)


@pytest.mark.parametrize("name", ["data.zip", "data"])
def test_an_archive_of_ones_own_with_named_classes(tmp_path, name):
    path = archive(tmp_path / name, {index: index % 2 for index in range(6)}, classes=["few", "some", "many"])
    found = opened(path)
    assert (len(found), found.kind, found.classes) == (6, "class", ["few", "some", "many"])
    assert found.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert found.label_counts == {"0": 3, "1": 3, "2": 0}
    assert (found.licence, found.redistributable, found.counts) == ("CC-BY-4.0", True, None)
    for index in (0, 5, 0):
        assert (found.pixels(index) == noise(index)).all() and not found.pixels(index).flags.writeable
    assert found.ids == [image_id(encode(noise(index), 0)) for index in range(6)]
    assert found.pixels(0) is found.pixels(0)
    assert opened(path, gigabytes=0.0).pixels(0) is not opened(path, gigabytes=0.0).pixels(0)


@pytest.mark.parametrize(
    ("labels", "kind", "shape"),
    [
        ({index: [0.5 * index] for index in range(6)}, "score", (6,)),
        ({index: [0.5 * index, 1.0, 2.0] for index in range(6)}, "vector", (6, 3)),
        ({index: [1.0, 0.0] if index else [0.0, 1.0] for index in range(6)}, "class", (6,)),
        (None, "none", (6, 0)),
    ],
)
def test_the_kind_of_label_is_what_the_archive_has(tmp_path, labels, kind, shape):
    found = opened(archive(tmp_path / "data.zip", labels))
    assert (found.kind, found.labels.shape) == (kind, shape)
    if kind == "class":
        assert found.labels.tolist() == [1, 0, 0, 0, 0, 0] and found.classes == ["0", "1"]
    assert opened(tmp_path / "data.zip", wanted="none").labels.shape == (6, 0)


def test_grey_images_become_rgb(tmp_path):
    grey = cv2.imencode(".png", noise(0)[:, :, 0])[1].tobytes()
    found = opened(archive(tmp_path / "data.zip", change={name_of(0): grey}))
    assert (found.pixels(0) == noise(0)[:, :, :1]).all()


@pytest.mark.parametrize(
    ("labels", "classes", "change", "wanted", "message"),
    [
        (
            {0: 1, 2: 0, 3: 1},
            (),
            {},
            None,
            "3 of 6 images have no label of kind 'class', the first is image [0-9a-f]{16}",
        ),
        ({index: index for index in range(6)}, ["a", "b"], {}, None, "a label of class 5, and names 2 classes only"),
        (
            {index: index for index in range(7)},
            (),
            {},
            None,
            "1 of 7 labels are of no image .* '00000/img00000006.png'",
        ),
        ({index: [1.0] for index in range(6)}, (), {}, "class", "no image has a label of kind 'class'"),
        ({0: [1.0, 2.0]} | {index: [1.0] for index in range(1, 6)}, (), {}, None, "vectors of several lengths"),
        (
            None,
            (),
            {name_of(4): encode(noise(0, 32), 0)},
            None,
            "img00000004.png has 32 x 32 pixels, resolution is 16",
        ),
        (None, (), {name_of(4): b"not an image"}, None, "img00000004.png: not an image"),
    ],
)
def test_an_archive_that_cannot_be_learnt_from_is_refused_in_a_sentence(
    tmp_path, labels, classes, change, wanted, message
):
    path = archive(tmp_path / "data.zip", labels, classes=classes, change=change)
    with pytest.raises(ThrongError, match=message) as error:
        opened(path, wanted=wanted)
    assert "\n" not in str(error.value)


def test_an_empty_archive_and_one_that_is_none_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as empty:
        empty.writestr("readme.txt", "nothing")
    with pytest.raises(ThrongError, match="no image is in it"):
        opened(tmp_path / "data.zip")
    (tmp_path / "other.zip").write_bytes(b"no zip")
    with pytest.raises(ThrongError, match="not a zip"):
        opened(tmp_path / "other.zip")


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, LabelDensity(crop="center-crop"))


def inputs_of(run):
    results = run.root / "results"
    tables = {name: [str(results / f"{name}.parquet")] for name in ("images", "synthetic", "labels")}
    return Files({**tables, "converted": [str(run.table)], "dataset": [str(run.dataset)]})


def store_of(run):
    return ImageStore({"results": run.root / "results", "street": run.root / "source"})


def test_a_converted_set_and_the_tables_themselves_give_the_same_images(run):
    run.labels = [dataclasses.replace(row, count=3.0 + index) for index, row in enumerate(run.labels)]
    run(ConvertDataset(resolution=R))
    inputs, store = inputs_of(run), store_of(run)
    converted = open_training_set(inputs, Converted(), R, store)
    direct = open_training_set(inputs, Labelled(kind="labelled"), R, store)
    assert converted.ids == direct.ids and len(converted) == 5
    assert (converted.labels == direct.labels).all() and converted.kind == direct.kind == "class"
    assert direct.classes == converted.classes == ["low", "medium", "high"]
    for index in range(5):
        assert (converted.pixels(index) == direct.pixels(index)).all()
    assert converted.counts.tolist() == direct.counts.tolist()
    assert (converted.licence, converted.redistributable) == (direct.licence, direct.redistributable)
    scores = open_training_set(inputs, Converted(), R, store, wanted="score")
    assert scores.kind == "score" and scores.classes == []
    store.close()


def test_converted_images_of_another_size_or_changed_since_are_refused(run):
    run(ConvertDataset(resolution=R, format="folder"))
    with pytest.raises(ThrongError, match="has 16 x 16 pixels, resolution is 32"):
        open_training_set(inputs_of(run), Converted(), 32, store_of(run))
    found = open_training_set(inputs_of(run), Converted(), R, store_of(run))
    (run.dataset / name_of(2)).write_bytes(encode(noise(0), 0))
    with pytest.raises(ThrongError, match=r"img00000002\.png is not the file that was described"):
        found.pixels(2)


def test_labels_that_are_missing_from_the_tables_leave_images_out_and_say_so(run, caplog):
    run.labels = [row for row in run.labels if row.id != run.photographs[0].id]
    run()
    data = Labelled(kind="labelled", tables=["images"])
    found = open_training_set(inputs_of(run), data, R, store_of(run))
    assert sorted(found.ids) == sorted(row.id for row in run.photographs[1:3])
    assert found.splits == ("train",)
    assert "1 of 3 images are left out; the first, 0.jpg: no row in the table" in caplog.text
    with pytest.raises(ThrongError, match=r"none of 3 images can be learnt from; the first, .*44 x 44 pixels|no row"):
        open_training_set(inputs_of(run), data, 64, store_of(run))
    with pytest.raises(ThrongError, match="no good image of tables"):
        open_training_set(inputs_of(run), data.model_copy(update={"splits": ["test"]}), R, store_of(run))


def test_a_section_may_be_a_plain_record_of_itself(tmp_path):
    """A generator's recipe keeps the section as JSON; whoever measures it opens the same images again."""
    path = archive(tmp_path / "data.zip", {index: index % 2 for index in range(6)})
    record = SimpleNamespace(**json.loads(ARCHIVE.model_dump_json()))
    again = open_training_set(Files({"dataset": [str(path)]}), record, R, ImageStore({}))
    assert again.ids == opened(path).ids
