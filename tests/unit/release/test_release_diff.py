"""Two releases of one dataset: the next one's version, and what ``throng release diff`` says of them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.release.miniature import Run, make_run
from throng.cli import app
from throng.errors import ThrongError
from throng.sections.release import Release
from throng.stage import Files
from throng.stages import release


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run().write(tmp_path_factory.mktemp("first")).release(version="1.0.0")


def after(first: Path, run: Run, root: Path, version: str) -> Path:
    """Release a run that comes after the first release."""
    written = run.write(root)
    section = Release(name="tiny", version=version, previous=str(first))
    named = {name: [str(written.results / path)] for name, path in written.paths.items()}
    named["previous"] = [str(first / "index.json"), str(first / "records.parquet")]
    index = written.results / "release" / "tiny" / "index.json"
    release.run(Files(named), Files({"index": [str(index)]}), section, written.context("release", section))
    return index.parent


def run_diff(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["release", "diff", *arguments])
    return result.exit_code, result.output


def test_nothing_changed(first: Path, tmp_path: Path) -> None:
    again = after(first, make_run(), tmp_path, "next")
    assert json.loads((again / "index.json").read_text())["version"] == "1.0.0"
    code, said = run_diff(str(first), str(again))
    assert code == 0
    assert "1.0.0 -> 1.0.0 is right: nothing differs" in said


def test_changed_record(first: Path, tmp_path: Path) -> None:
    run = make_run()
    run.change("calibrated_counts", 0, weight=0.5)
    changed = run.rows["calibrated_counts"][0].id
    second = after(first, run, tmp_path, "next")
    assert json.loads((second / "index.json").read_text())["version"] == "2.0.0"
    code, said = run_diff(str(first), str(second))
    assert code == 1
    assert f"fixed_count, changed: {changed}" in said
    assert "weight: 1.0 -> 0.5" in said
    assert "1.0.0 -> 2.0.0 is right: of fixed_count, records were: 1 changed" in said
    code, said = run_diff(str(first), str(second), "--json")
    found = json.loads(said)
    assert (code, found["step"]) == (1, "major")
    assert found["columns"] == {"fixed_count": {changed: ["weight: 1.0 -> 0.5"]}}


def test_version_that_is_too_low_publishes_nothing(first: Path, tmp_path: Path) -> None:
    run = make_run()
    run.change("calibrated_counts", 0, weight=0.5)
    with pytest.raises(ThrongError, match=r"release.version is 1.0.1, but 1.0.0 is out and of fixed_count"):
        after(first, run, tmp_path, "1.0.1")
    assert not (tmp_path / "results" / "release" / "tiny").exists()


def test_another_dataset_is_refused(first: Path, tmp_path: Path) -> None:
    other = make_run().write(tmp_path).release(name="other")
    result = CliRunner().invoke(app, ["release", "diff", str(first), str(other)])
    assert "name two releases of one dataset" in str(result.exception)
