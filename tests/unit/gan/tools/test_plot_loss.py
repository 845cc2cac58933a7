"""Curves of resumed trainings: the seed tool's on its own data, honest joints, and logs that a kill cut short."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from throng.cli import app
from throng.errors import ThrongError
from throng.gan.tools.choices import Counting
from throng.gan.tools.loss_curves import AUGMENT, D_LOSS, G_LOSS, Curve, chain, is_distance, smoothed
from throng.gan.tools.loss_log import KIMG, log_files, read_log


def write_log(path: Path, kimg: np.ndarray, seed: int = 0, end: str = "", **fields: np.ndarray) -> Path:
    """Write a log as StyleGAN3 does."""
    rng = np.random.default_rng(seed)
    columns = {KIMG: kimg, G_LOSS: rng.random(len(kimg)), D_LOSS: rng.random(len(kimg)), **fields}
    lines = [
        json.dumps({name: {"num": 1, "mean": float(values[k]), "std": 0.0} for name, values in columns.items()})
        for k in range(len(kimg))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines) + end)
    return path


def curves_of_the_seed_tool(folder: Path) -> dict[str, list[float]]:
    """The seed system's plot in plain words: all files sorted, 20 lines dropped but in the first, axes end to end."""
    made: dict[str, list[float]] = {"x": [], "g": [], "d": []}
    offset = 0.0
    for number, path in enumerate(sorted(folder.glob("*.jsonl"))):
        lines = [json.loads(line) for line in path.read_text().splitlines()][20 if number else 0 :]
        x = [line[KIMG]["mean"] + offset for line in lines]
        made["x"] += x
        made["g"] += [line[G_LOSS]["mean"] for line in lines]
        made["d"] += [line[D_LOSS]["mean"] for line in lines]
        offset = max(x)
    return made


def logs(*files: Path) -> list[Any]:
    return [read_log(file, (G_LOSS, D_LOSS)) for file in files]


def throng(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["gan", "plot-loss", *(str(argument) for argument in arguments)])


def test_a_folder_of_resumes_gives_the_seed_tools_curves(tmp_path: Path) -> None:
    for number, lines in enumerate((60, 45, 30)):
        write_log(tmp_path / f"stats{number}.jsonl", 4.0 * np.arange(lines), number)
    expected = curves_of_the_seed_tool(tmp_path)
    found = chain(logs(*log_files(tmp_path))).curves
    for name, column in ((G_LOSS, "g"), (D_LOSS, "d")):
        np.testing.assert_array_equal(found[name].kimg, expected["x"])
        np.testing.assert_array_equal(found[name].values, expected[column])
    assert np.bincount(found[G_LOSS].run).tolist() == [60, 25, 10]


def test_a_run_that_counts_on_keeps_its_axis_and_takes_the_place_of_what_was_lost(tmp_path: Path) -> None:
    before = write_log(tmp_path / "a/stats.jsonl", np.arange(0.0, 101, 4))
    after = write_log(tmp_path / "b/stats.jsonl", np.arange(84.0, 120, 4), 1)
    made = chain(logs(before, after), skip=2)
    assert made.curves[G_LOSS].kimg.tolist() == [*np.arange(0.0, 84, 4), *np.arange(92.0, 120, 4)]
    assert made.joints == [
        f"{after}: continues at 84 kimg; what the run before logged from there to 100 kimg was lost and is left out"
    ]


def test_how_a_run_counts_can_be_said(tmp_path: Path) -> None:
    before = write_log(tmp_path / "a.jsonl", np.arange(0.0, 41, 4))
    after = write_log(tmp_path / "b.jsonl", np.arange(4.0, 41, 4))
    by_counting = {
        counting: chain(logs(before, after), skip=0, counting=counting).curves[G_LOSS].kimg.max()
        for counting in Counting
    }
    assert by_counting == {Counting.AUTO: 80, Counting.RESTARTS: 80, Counting.CONTINUES: 40}


def test_metrics_beside_a_stylegan3_log_and_fields_with_gaps_are_curves(tmp_path: Path) -> None:
    gaps = np.array([np.nan, 50.0, np.nan, 20.0])
    write_log(tmp_path / "stats.jsonl", 4.0 * np.arange(4), **{"Metrics/frechet_distance": gaps, AUGMENT: np.ones(4)})
    record = {"results": {"fid50k_full": 7.5}, "snapshot_pkl": "network-snapshot-000008.pkl"}
    (tmp_path / "metric-fid50k_full.jsonl").write_text(json.dumps(record) + "\n")
    found = chain(logs(*log_files(tmp_path))).curves
    assert (found["Metrics/frechet_distance"].kimg.tolist(), found["fid50k_full"].kimg.tolist()) == ([4, 12], [8])
    assert [name for name in found if is_distance(name)] == ["Metrics/frechet_distance", "fid50k_full"]
    assert not is_distance("Loss/confidence")


def test_a_history_is_read_like_the_statistics(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps({"kimg": 4, "augment": 0.25, G_LOSS: 1.5, D_LOSS: 0.5, "collapse": ""}) + "\n")
    found = chain(logs(path)).curves
    assert {name: (curve.kimg.tolist(), curve.values.tolist()) for name, curve in found.items()} == {
        G_LOSS: ([4], [1.5]),
        D_LOSS: ([4], [0.5]),
        AUGMENT: ([4], [0.25]),
    }


def test_moving_average_equals_its_definition_on_uneven_steps() -> None:
    kimg = np.cumsum(np.random.default_rng(0).random(50) * 9)
    values = np.random.default_rng(1).random(50)
    weights = np.tril(0.5 ** ((kimg[:, None] - kimg[None]).clip(min=0) / 7.0))
    expected = (weights @ values) / weights.sum(1)
    made = smoothed(Curve(kimg, values, np.zeros(50)), 7.0)
    np.testing.assert_allclose(made, expected, rtol=1e-12)


def test_half_a_last_line_is_left_out_and_said(tmp_path: Path) -> None:
    path = write_log(tmp_path / "stats.jsonl", 4.0 * np.arange(9), end='{"Progress/kimg": {"num": 1}')
    done = throng(path, "--out", tmp_path / "curves.csv")
    assert (done.exit_code, len(read_log(path, ()))) == (0, 9)
    assert "the last line is cut in half and left out" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("{}\n", "no line has field 'Loss/D/loss'; its fields are none"),
        (
            '{"Progress/kimg": 4, "Loss/G/loss": 1}\n',
            "no line has field 'Loss/D/loss'; its fields are Loss/G/loss",
        ),
        ('{"Progress/kimg": 4}\nnonsense\n{"Progress/kimg": 8}\n', "line 2: not a JSON object of numbers"),
        ("[1, 2]\n", "line 1: not a JSON object of numbers (found list)"),
        ('{"Progress/kimg": ', "line 1: not a JSON object of numbers"),
    ],
)
def test_bad_logs_are_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "stats.jsonl"
    path.write_text(text)
    with pytest.raises(ThrongError) as caught:
        logs(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_other_mistakes_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    long, short = (write_log(tmp_path / f"{n}.jsonl", 4.0 * np.arange(n)) for n in (30, 12))
    for arguments, said in (
        ((tmp_path / "empty", "--out", "a.png"), "holds neither stats.jsonl nor another .jsonl file"),
        ((tmp_path / "nowhere", "--out", "a.png"), "no such file or folder"),
        ((long, short, "--out", tmp_path / "a.png"), "12 lines, and the first 20 after a resume are skipped"),
        ((long, "--out", "a.gif"), "curves are written as .png, .svg, .csv"),
    ):
        assert said in str(throng(*arguments).exception), said


def test_picture_vector_and_table_are_written_and_depend_on_the_logs_alone(tmp_path: Path) -> None:
    first = write_log(tmp_path / "a/stats.jsonl", 4.0 * np.arange(30), **{AUGMENT: np.linspace(0, 0.4, 30)})
    second = write_log(tmp_path / "b/stats.jsonl", 4.0 * np.arange(30), 1)
    made = []
    for name in ("one", "two"):
        files = [tmp_path / name / f"curves.{kind}" for kind in ("png", "svg", "csv")]
        done = throng(first, second, *(part for file in files for part in ("--out", file)), "--smooth", 8)
        assert done.exit_code == 0, done.exception
        assert "begins at 116 kimg" in done.stdout
        made.append([file.read_bytes() for file in files])
    assert made[0] == made[1]
    picture = cv2.imdecode(np.frombuffer(made[0][0], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[0] > 400
    assert b"throng gan plot-loss" in made[0][0]
    assert b"kimg" in made[0][1]
    rows = list(csv.DictReader(made[0][2].decode().splitlines()))
    assert len(rows) == 2 * (30 + 10) + 30
    assert {row["run"] for row in rows} == {"1", "2"}
