"""The commands as their users run them: files that say what made them, and one sentence for every mistake."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.unit.gan.generators import ENCODINGS, saved
from throng.cli import app
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.gan.files import save_discriminator
from throng.gan.labels import OneHot
from throng.gan.stylegan3 import Discriminator
from throng.gan.tools.record import read_record
from throng.gan.tools.seeds import parse_seeds
from throng.images import decode, encode_png


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    found = {kind: saved(root / f"{kind}.safetensors", encoding) for kind, encoding in ENCODINGS.items()}
    return found | {"r3gan": saved(root / "r3gan.safetensors", name="r3gan")}


def throng(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["gan", *(str(argument) for argument in arguments)])


def done(*arguments: object) -> str:
    result = throng(*arguments)
    assert result.exit_code == 0, result.exception or result.output
    return result.output


def pixels(path: Path) -> np.ndarray:
    return decode(path.read_bytes()).astype(float)


def test_sheets_and_single_images_are_the_same_pictures(models: dict[str, Path], tmp_path: Path) -> None:
    done("images", models["class"], "--out", tmp_path / "sheet.png", "--seeds", "4-6")
    done("images", models["class"], "--out", tmp_path / "single", "--seeds", 5, "--classes", "many,0")
    sheet = pixels(tmp_path / "sheet.png")
    assert sorted(path.name for path in (tmp_path / "single").iterdir()) == [
        "few-seed000005.png",
        "many-seed000005.png",
    ]
    many = pixels(tmp_path / "single" / "many-seed000005.png")
    np.testing.assert_array_equal(sheet[-16:, -32:-16], many)
    record = read_record(tmp_path / "single" / "many-seed000005.png")
    assert record["generator"] == sha256_file(models["class"])
    assert (record["seed"], record["labels"], record["config_hash"], record["licence"]) == (
        5,
        [{"kind": "class", "label": [2.0], "name": "many"}],
        "c0ffee",
        "CC0-1.0",
    )


def test_a_second_time_gives_the_same_bytes(models: dict[str, Path], tmp_path: Path) -> None:
    for name in "ab":
        seed, film = ("--seeds", 3), tmp_path / f"{name}.gif"
        done("images", models["score"], "--out", tmp_path / f"{name}.png", *seed, "--truncation", 0.5)
        done("video", models["class"], "--out", tmp_path / f"{name}.mp4", "--seeds", "0-1", "--frames", 2)
        done("sweep", models["class"], "--out", tmp_path / f"{name}s.png", *seed, "--film", film, "--between", 2)
    for ending in (".png", ".mp4", ".mp4.json", "s.png", ".gif"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_a_picture_is_moved_and_turned(models: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for name, how in (("plain", ()), ("moved", ("--translate", 0.25, 0)), ("turned", ("--rotate", 90))):
        done("images", models["none"], "--out", tmp_path / name, "--seeds", 3, *how)
        found.append(pixels(tmp_path / name / "seed000003.png"))
    plain, moved, turned = found
    shifted = np.abs(np.roll(plain, 4, axis=1)[:, 6:-6] - moved[:, 6:-6]).mean()
    assert shifted < 0.25 * np.abs(plain - moved)[:, 6:-6].mean() + 1
    assert np.abs(plain - turned).mean() > 1


def test_a_film_has_its_frames_and_says_what_it_shows(models: dict[str, Path], tmp_path: Path) -> None:
    options = ("--seeds", "0-7", "--grid", "2x1", "--frames", 2, "--fps", 25, "--labels", "few,many")
    done("video", models["class"], "--out", tmp_path / "film.mp4", *options)
    done("video", models["class"], "--out", tmp_path / "frames", *options)
    film = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(25)
    shapes = []
    while (read := film.read())[0]:
        shapes.append(read[1].shape)
    assert shapes == [(16, 32, 3)] * 8
    record = json.loads((tmp_path / "film.mp4.json").read_text())
    assert (record["frames"], record["grid"], [label["name"] for label in record["labels"]]) == (
        8,
        [2, 1],
        ["few", "many"],
    )
    frames = sorted((tmp_path / "frames").iterdir())
    assert len(frames) == 8
    assert read_record(frames[3])["frame"] == 3
    pictures = [pixels(frame) for frame in frames]
    assert np.abs(pictures[0] - pictures[4]).mean() > 0.5


def test_one_scene_is_swept_over_classes_and_scores(models: dict[str, Path], tmp_path: Path) -> None:
    film = ("--film", tmp_path / "a.gif", "--between", 4)
    done("sweep", models["class"], "--out", tmp_path / "a.png", "--seeds", 1, *film)
    with Image.open(tmp_path / "a.gif") as shown:
        assert shown.n_frames == 2 * 8  # there and back
    done("sweep", models["score"], "--out", tmp_path / "b.png", "--seeds", 1, "--steps", 5)
    labels = [label["label"][0] for label in read_record(tmp_path / "b.png")["labels"]]
    assert labels == [0, 0.5, 1, 5, 9]


def test_spectra_stand_beside_those_of_the_training_images(models: dict[str, Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "reals").mkdir()
    for number in range(4):
        (tmp_path / "reals" / f"{number}.png").write_bytes(encode_png(rng.integers(0, 256, (16, 16, 3), np.uint8)))
    options = ("--reals", tmp_path / "reals", "--out", tmp_path / "s.png", "--csv", tmp_path / "s.csv", "--images", 4)
    done("spectra", models["class"], *options)
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 32
    white = [float(row["decibels"]) for row in rows if row["set"] == "photographs" and float(row["frequency"]) > 0.1]
    assert abs(np.mean(white)) < 3
    assert read_record(tmp_path / "s.png")["tool"] == "throng gan spectra"


def test_a_photograph_is_projected_and_swept(models: dict[str, Path], tmp_path: Path) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    (tmp_path / "photograph.png").write_bytes(encode_png(photograph))
    for name in "ab":
        done(
            "project",
            models["class"],
            tmp_path / "photograph.png",
            *("--out", tmp_path / f"{name}.png", "--sweep", "--steps", 3, "--save", tmp_path / f"{name}.npy"),
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.load(tmp_path / "a.npy").shape == (1, 6, 8)
    record = read_record(tmp_path / "a.png")
    assert (record["features"]["name"], record["seed"], len(record["labels"])) == ("random", 0, 4)
    assert decode((tmp_path / "a.png").read_bytes()).shape == (18 + 16, 5 * 16, 3)


def metrics(path: Path, run: str, distance: float) -> Path:
    found = {
        "generator": {"gan": "crowds", "run": run, "resolution": 64},
        "quality": [{"name": "random", "frechet": {"value": distance, "interval": [distance - 1, distance + 1]}}],
        "conditioning": {"judges": [{"name": "regressor", "spearman": {"value": 0.5, "interval": None}}]},
    }
    path.write_text(json.dumps(found))
    return path


def test_generators_are_compared(tmp_path: Path) -> None:
    files = [metrics(tmp_path / "a.json", "seed-1", 9.25), metrics(tmp_path / "b.json", "seed-2", 8)]
    said = done("compare", *files, "--csv", tmp_path / "all.csv")
    for text in ("crowds seed-1", "quality/random/frechet", "9.25 (8.25 to 10.25)", "conditioning/judges/regressor"):
        assert text in said
    assert "resolution" not in said
    assert "generator/resolution" in done("compare", *files, "--all")
    rows = list(csv.reader((tmp_path / "all.csv").read_text().splitlines()))
    assert ["crowds seed-2", "quality/random/frechet", "8.0", "7.0", "9.0"] in rows
    (tmp_path / "other.json").write_text("{}")
    assert "says of no generator" in str(throng("compare", tmp_path / "other.json").exception)
    assert "no figure has 'fid'" in str(throng("compare", *files, "--only", "fid").exception)


def test_mistakes_are_one_sentence_each(models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "d.safetensors").parent.mkdir(exist_ok=True)
    save_discriminator(
        tmp_path / "d.safetensors", Discriminator(16, cbase=64, cmax=4, c_dim=3), encoding=OneHot(3), recipe={}
    )
    (tmp_path / "text.png").write_text("text")
    (tmp_path / "reals").mkdir()
    (tmp_path / "reals" / "1.png").write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    png = ("--out", tmp_path / "x.png")
    for arguments, said in (
        (("images", models["class"], *png, "--labels", "crowd"), "no class 'crowd': this generator knows 0 few, 1 so"),
        (("images", models["class"], *png, "--labels", "7"), "no class '7': this generator knows 0 few"),
        (("images", models["none"], *png, "--labels", "0"), "was trained without labels"),
        (("images", models["vector"], *png), "name those that are wanted"),
        (("images", tmp_path / "d.safetensors", *png), "holds a discriminator: expected a generator"),
        (("images", tmp_path / "none.safetensors", *png), "no generator at"),
        (("images", models["r3gan"], *png, "--rotate", 5), "r3gan cannot move or turn a picture"),
        (("images", models["class"], "--out", tmp_path / "x.jpg"), "written as one .png or into a folder"),
        (("images", models["class"], *png, "--seeds", "3-1"), "seeds '3-1': '3-1' is no number and no rising range"),
        (("images", models["class"], *png, "--seeds", "0-9999"), "a sheet of 30000 images is too large"),
        (("images", models["class"], *png, "--device", "cuda:9"), "torch sees"),
        (("video", models["class"], "--out", tmp_path / "x.mkv"), "a film is written as .mp4, .avi or .gif"),
        (("video", models["class"], "--out", "x.mp4", "--grid", "3x"), "grid '3x': expected a width and a height"),
        (("video", models["class"], "--out", "x.mp4", "--grid", "3x1"), "4 seeds do not divide among 3 films"),
        (("sweep", models["none"], *png), "a sweep needs two labels or more"),
        (("sweep", models["class"], *png, "--labels", "few"), "a sweep needs two labels or more"),
        (("spectra", models["class"], *png, "--reals", tmp_path / "reals"), "1.png has 8 x 8 pixels, the generator dr"),
        (("project", models["class"], tmp_path / "text.png", *png), "the bytes are no image"),
        (("project", models["class"], tmp_path / "no.png", *png), "expected a photograph"),
    ):
        result = throng(*arguments)
        assert isinstance(result.exception, ThrongError), (arguments, result.output)
        assert said in str(result.exception)
    assert not (tmp_path / "x.png").exists()


def test_seeds_are_numbers_and_ranges() -> None:
    assert parse_seeds("1,4, 9-12") == [1, 4, 9, 10, 11, 12]
    assert parse_seeds(str(2**64 - 1)) == [2**64 - 1]
    for text in ("", "a", "1,,2", "-3", "0-100000", str(2**64)):
        with pytest.raises(ThrongError, match="expected such as 0-15"):
            parse_seeds(text)
