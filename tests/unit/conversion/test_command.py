"""The command convert-dataset: round trips, equal bytes, labels from every kind of file, and bad input."""

import hashlib
import json
import shutil
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.rows import density_row
from tests.unit.conversion.reading import Loaded, by_pillow, file_of, photograph
from throng.cli import app
from throng.conversion import build
from throng.errors import ThrongError
from throng.images import image_id
from throng.manifest import read_footer, read_rows, write_table
from throng.provenance import Provenance
from throng.sections.base import output_slice
from throng.sections.label_density import LabelDensity
from throng.tables import converted, density_labels
from throng.tables.converted import ConvertedRow

PLACES = ("b/2.png", "a/1.jpg", "b/10.png", "c.webp", "d.bmp")
LABELS = {"a/1.jpg": 2, "b/10.png": 0, "b/2.png": 1, "c.webp": 0, "d.bmp": 1}


def convert(*arguments):
    result = CliRunner().invoke(app, ["convert-dataset", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments):
    with pytest.raises(ThrongError) as found:
        convert(*arguments)
    assert "\n" not in str(found.value)
    return str(found.value)


def table(path):
    return read_rows(path, converted.TABLE, ConvertedRow)


def sha256(path):
    files = sorted(path.rglob("*.*")) if path.is_dir() else [path]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def zipped(folder, path, names):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(folder / name, name)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photographs"
    for index, place in enumerate(PLACES):
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG"}.get(file.suffix, file.suffix[1:].upper())
        file.write_bytes(file_of(photograph(60 + index, 50, index), kind))
    (root / "dataset.json").write_text(json.dumps({"labels": list(LABELS.items())}))
    (root / "notes.txt").write_text("not an image")
    return root


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dest", ["set", "set.zip"])
def test_a_stylegan_loader_reads_what_was_written(folder, tmp_path, packed, dest):
    before = sha256(folder)
    names = [*PLACES, "dataset.json"]
    source = zipped(folder, tmp_path / "p.zip", names) if packed else folder
    convert(source, tmp_path / dest, "--resolution", 32, "--transform", "center-crop", "--resize", "lanczos")
    loaded = Loaded(tmp_path / dest)
    assert loaded.names == [f"00000/img0000000{index}.png" for index in range(5)]
    for place, image, label in zip(sorted(PLACES), loaded.images, loaded.labels, strict=True):
        np.testing.assert_array_equal(image, by_pillow((folder / place).read_bytes(), 32, "center-crop"))
        assert label.argmax() == LABELS[place] and label.sum() == 1
    assert loaded.json["classes"] == ["0", "1", "2"]
    rows = table(tmp_path / "set.parquet")
    assert {row.path: row.density_class for row in rows} == LABELS
    assert {row.id for row in rows} == {image_id((folder / place).read_bytes()) for place in PLACES}
    assert sha256(folder) == before


def test_a_dataset_converts_again_with_its_labels(folder, tmp_path):
    convert(folder, tmp_path / "first.zip", "--resolution", 32)
    convert(tmp_path / "first.zip", tmp_path / "second.zip", "--resolution", 32)
    assert sha256(tmp_path / "first.zip") == sha256(tmp_path / "second.zip")
    convert(tmp_path / "second.zip", tmp_path / "third", "--resolution", 16)
    assert (Loaded(tmp_path / "third").labels == Loaded(tmp_path / "first.zip").labels).all()
    written = table(tmp_path / "first.parquet")
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        assert all(hashlib.sha256(archive.read(row.name)).hexdigest() == row.sha256 for row in written)


def test_equal_input_makes_equal_bytes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BATCH_IMAGES", 2)
    convert(folder, tmp_path / "0.zip", "--resolution", 32, "--threads", 1)
    shuffled = zipped(folder, tmp_path / "shuffled.zip", ["dataset.json", *PLACES])
    elsewhere = tmp_path / "elsewhere"
    for place in (*PLACES[::-1], "dataset.json"):
        (elsewhere / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / place, elsewhere / place)
    labels = json.loads((elsewhere / "dataset.json").read_text())["labels"]
    (elsewhere / "dataset.json").write_text(json.dumps({"labels": labels[::-1]}))
    for number, source in enumerate((folder, shuffled, elsewhere), start=1):
        convert(source, tmp_path / f"{number}.zip", "--resolution", 32, "--threads", number)
        assert sha256(tmp_path / f"{number}.zip") == sha256(tmp_path / "0.zip")
        assert sha256(tmp_path / f"{number}.parquet") == sha256(tmp_path / "0.parquet")
    convert(folder, tmp_path / "as_folder", "--resolution", 32)
    convert(folder, tmp_path / "again", "--resolution", 32)
    assert sha256(tmp_path / "as_folder") == sha256(tmp_path / "again")
    assert str(tmp_path) not in str(read_footer(tmp_path / "0.parquet"))


@pytest.mark.parametrize("dest", ["set.zip", "set"])
def test_a_killed_run_goes_on_where_it_was(folder, tmp_path, monkeypatch, dest):
    monkeypatch.setattr(build, "BATCH_IMAGES", 1)
    whole, done = build.convert_one, []

    def killed_at_the_fourth(original, read, plan):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(original.path)
        return whole(original, read, plan)

    monkeypatch.setattr(build, "convert_one", killed_at_the_fourth)
    arguments = (folder, tmp_path / dest, "--resolution", 32, "--threads", 1)
    result = CliRunner().invoke(app, ["convert-dataset", *map(str, arguments)])
    assert result.exit_code != 0 and not (tmp_path / dest).exists()
    again = []
    monkeypatch.setattr(build, "convert_one", lambda *given: again.append(given[0].path) or whole(*given))
    convert(*arguments)
    assert sorted([*done, *again]) == sorted(PLACES)
    convert(folder, tmp_path / f"fresh_{dest}", "--resolution", 32)
    assert sha256(tmp_path / dest) == sha256(tmp_path / f"fresh_{dest}")
    assert not list(tmp_path.glob(".*"))


def test_what_was_made_of_a_file_is_not_kept_when_it_changes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BATCH_IMAGES", 1)
    whole = build.write_dataset
    monkeypatch.setattr(build, "write_dataset", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    CliRunner().invoke(
        app, ["convert-dataset", str(folder), str(tmp_path / "set"), "--resolution", "32", "--resize", "lanczos"]
    )
    assert list(tmp_path.glob(".set.work/*/rows/*.json"))
    data = file_of(photograph(62, 50, 99))
    (folder / "b/10.png").write_bytes(data)
    monkeypatch.setattr(build, "write_dataset", whole)
    convert(folder, tmp_path / "set", "--resolution", 32, "--resize", "lanczos")
    np.testing.assert_array_equal(Loaded(tmp_path / "set").images[1], by_pillow(data, 32, "none"))


def test_zips_in_a_folder_are_read_in_place(folder, tmp_path):
    (folder / "dataset.json").unlink()
    expected = {row: (folder / row).read_bytes() for row in PLACES}
    zipped(folder, tmp_path / "b.zip", ["b/2.png", "b/10.png"])
    shutil.rmtree(folder / "b")
    shutil.move(tmp_path / "b.zip", folder / "b.zip")
    convert(folder, tmp_path / "set", "--resolution", 32, "--resize", "lanczos")
    rows = sorted(table(tmp_path / "set.parquet"), key=lambda row: row.name)
    assert [row.path for row in rows] == ["a/1.jpg", "b.zip/b/10.png", "b.zip/b/2.png", "c.webp", "d.bmp"]
    for row, image in zip(rows, Loaded(tmp_path / "set").images, strict=True):
        np.testing.assert_array_equal(image, by_pillow(expected[row.path.removeprefix("b.zip/")], 32, "none"))


def test_images_without_a_label_are_rejected_and_counted(folder, tmp_path):
    partial = {name: label for name, label in LABELS.items() if name != "b/2.png"}
    (folder / "dataset.json").write_text(json.dumps({"labels": list(partial.items())}))
    said = convert(folder, tmp_path / "set.zip", "--resolution", 32)
    assert "4 ok, 1 rejected: unlabelled" in said
    loaded = Loaded(tmp_path / "set.zip")
    assert [label.argmax() for label in loaded.labels] == [partial[name] for name in sorted(partial)]
    (lost,) = [row for row in table(tmp_path / "set.parquet") if row.status == "rejected"]
    assert (lost.path, lost.name, lost.sha256) == ("b/2.png", "", "")


def test_images_that_cannot_be_used_are_rejected_with_a_reason(folder, tmp_path):
    (folder / "dataset.json").unlink()
    whole = (folder / "a/1.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "film.gif").write_bytes(b"GIF89a" + bytes(20))
    (folder / "tiny.png").write_bytes(file_of(photograph(20, 40)))
    convert(folder, tmp_path / "set.zip", "--resolution", 32)
    reasons = {row.path: row.reason.split(":")[0] for row in table(tmp_path / "set.parquet") if row.reason}
    assert reasons == {
        "truncated.jpg": "truncated",
        "empty.png": "empty file",
        "film.gif": "unsupported format",
        "tiny.png": "too small",
    }
    loaded = Loaded(tmp_path / "set.zip")
    assert len(loaded.names) == 5 and loaded.json == {"labels": None}
    convert(folder, tmp_path / "enlarged.zip", "--resolution", 32, "--enlarge", "--max-images", 9)
    assert len(Loaded(tmp_path / "enlarged.zip").names) == 6


def test_a_broken_member_of_a_zip_is_one_rejected_row(folder, tmp_path):
    source = tmp_path / "p.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_STORED) as archive:
        for place in PLACES:
            archive.write(folder / place, place)
    data = bytearray(source.read_bytes())
    at = data.find((folder / "d.bmp").read_bytes())
    data[at + 500] ^= 255
    source.write_bytes(data)
    convert(source, tmp_path / "set.zip", "--resolution", 32)
    (lost,) = [row for row in table(tmp_path / "set.parquet") if row.status == "rejected"]
    assert lost.path == "d.bmp" and lost.reason.startswith("unreadable: Bad CRC-32") and "/" not in lost.reason


def test_labels_come_from_a_csv_by_path_or_by_id(folder, tmp_path):
    by_path, by_id = tmp_path / "path.csv", tmp_path / "id.csv"
    names = {place: image_id((folder / place).read_bytes()) for place in PLACES}
    by_path.write_text("path,class,score\n" + "".join(f"{p},{c},{c / 2}\n" for p, c in LABELS.items()))
    by_id.write_text("id,class,score\n" + "".join(f"{names[p]},{c},{c / 2}\n" for p, c in LABELS.items()))
    for file in (by_path, by_id):
        for form in ("class", "score", "one-hot"):
            dest = tmp_path / f"{file.stem}_{form}.zip"
            convert(folder, dest, "--resolution", 32, "--labels", file, "--label", form)
            expected = [LABELS[place] for place in sorted(PLACES)]
            written = dict(Loaded(dest).json["labels"])
            one_hot = {"one-hot": np.eye(3)[expected].tolist(), "score": [[value / 2] for value in expected]}
            assert list(written.values()) == one_hot.get(form, expected)


def test_vectors_stay_vectors_and_a_named_class_that_is_absent_is_kept(folder, tmp_path):
    vectors = {place: [float(index), 0.5] for index, place in enumerate(sorted(PLACES))}
    (folder / "dataset.json").write_text(json.dumps({"labels": list(vectors.items())}))
    convert(folder, tmp_path / "vectors.zip", "--resolution", 32)
    np.testing.assert_array_equal(Loaded(tmp_path / "vectors.zip").labels, list(vectors.values()))
    some = {"labels": [[place, 0] for place in PLACES], "classes": ["low", "high"]}
    (folder / "dataset.json").write_text(json.dumps(some))
    convert(folder, tmp_path / "some.zip", "--resolution", 32, "--label", "one-hot")
    assert Loaded(tmp_path / "some.zip").labels.shape == (5, 2)
    assert Loaded(tmp_path / "some.zip").json["classes"] == ["low", "high"]


@pytest.fixture
def labelled(folder, tmp_path):
    """Return a table that labels three of five photographs, each by a window of its own."""
    section = LabelDensity(crop="center-crop")
    rows = [
        density_row(
            image_id((folder / place).read_bytes()), "images", crop_x=index, crop_y=2, crop_w=40, crop_h=40,
            density_class=index, class_name=("low", "medium", "high")[index],
        )
        for index, place in enumerate(sorted(PLACES)[:3])
    ]  # fmt: skip
    path = tmp_path / "density_labels.parquet"
    footer = Provenance("label_density", {"label_density": output_slice(section)}, "code", 0)
    write_table(path, density_labels.TABLE, [*rows, density_row("elsewhere", "images")], footer)
    return path


def test_the_table_of_density_labels_says_window_and_label(folder, labelled, tmp_path):
    dest = tmp_path / "set.zip"
    convert(folder, dest, "--resolution", 8, "--labels", labelled)
    loaded = Loaded(dest)
    assert [label.argmax() for label in loaded.labels] == [0, 1, 2]
    assert loaded.json["classes"] == ["low", "medium", "high"]
    rows = sorted(table(tmp_path / "set.parquet"), key=lambda row: row.path)
    assert [(row.crop_x, row.crop_y, row.crop_w, row.crop_h) for row in rows[:3]] == [(i, 2, 40, 40) for i in range(3)]
    assert {row.reason.split(":")[0] for row in rows[3:]} == {"unlabelled"}
    assert "leave out --transform" in refused(
        folder, tmp_path / "other.zip", "--labels", labelled, "--transform", "none", "--resolution", 8
    )


def test_the_original_tools_resolution_says_a_band(folder, tmp_path):
    convert(folder, tmp_path / "a.zip", "--resolution", "32x16", "--transform", "center-crop-wide")
    convert(folder, tmp_path / "b.zip", "--resolution", 32, "--transform", "center-crop-wide", "--aspect", "2:1")
    assert (Loaded(tmp_path / "a.zip").images == Loaded(tmp_path / "b.zip").images).all()


def test_bad_input_is_one_sentence(folder, tmp_path):
    dest = tmp_path / "set.zip"
    no_zip, hollow, empty, full = (tmp_path / name for name in ("no.zip", "hollow.zip", "empty", "full"))
    no_zip.write_bytes(b"hello")
    with zipfile.ZipFile(hollow, "w"):
        pass
    empty.mkdir()
    full.mkdir()
    (full / "precious.txt").write_text("keep")
    small = tmp_path / "small"
    small.mkdir()
    (small / "1.png").write_bytes(file_of(photograph(100, 80)))
    stray = tmp_path / "stray.json"
    stray.write_text(json.dumps({"labels": [["a/1.jpg", 0], ["gone.png", 1]]}))
    broken = tmp_path / "broken.json"
    broken.write_text('{"labels": [["a/1.jpg", -1]]}')
    mixed = tmp_path / "mixed.json"
    mixed.write_text('{"labels": [["a/1.jpg", 1], ["b/2.png", [0.5]]]}')
    headless = tmp_path / "headless.csv"
    headless.write_text("a/1.jpg,1\n")
    cases = {
        (small, dest): "1 rejected: too small; the first, 1.png: too small: 100 x 80 pixels are kept and 256 x 256",
        (hollow, dest): "no image is in it, but nothing at all",
        (empty, dest): "no image is in it, but nothing at all",
        (no_zip, dest): "not a zip",
        (tmp_path / "gone", dest): "neither a folder nor a .zip",
        (folder, dest, "--resolution", 100): "100 is no power of two",
        (folder, dest, "--resolution", "64x32"): "belongs to --transform center-crop-wide",
        (folder, dest, "--resolution", "big"): "expected a number such as 256",
        (folder, dest, "--aspect", "00:1", "--transform", "center-crop-wide"): "expected W:H",
        (folder, folder / "set"): "lies in the source",
        (folder, folder): "lies in the source",
        (folder, full): "not empty",
        (folder, tmp_path / "set.tar"): "expected a folder's name",
        (folder, dest, "--labels", stray): "1 of 2 labels are of no image",
        (folder, dest, "--labels", broken): "'a/1.jpg' is -1, expected a class from 0 upwards",
        (folder, dest, "--labels", mixed): "mixes classes and vectors",
        (folder, dest, "--labels", headless): "expected a first line with path or id",
        (folder, dest, "--labels", tmp_path / "gone.csv"): "not found",
        (folder, dest, "--label", "score", "--resolution", 32): "no label of the form 'score'",
        (small, dest, "--label", "class", "--resolution", 32): "the source has no dataset.json",
    }
    for arguments, sentence in cases.items():
        assert sentence in refused(*arguments), arguments
        assert not dest.exists()
    assert not list(tmp_path.glob(".*"))
    assert [file.name for file in full.iterdir()] == ["precious.txt"]
