"""Recipes turned into pixels again, from the user's own copy: identical by hash, or said to be otherwise, and why."""

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.unit.release.rebuild.world import World
from throng.cli import app
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import decode, encode_png
from throng.release.index import read_index, write_sums
from throng.release.rebuild import edits, surroundings
from throng.release.rebuild.outcome import write_faults
from throng.release.rebuild.rebuilding import rebuild
from throng.release.verify import verify
from throng.removers.opencv import OpenCVRemover

pytestmark = pytest.mark.slow

PRODUCTS = ("ranked_pairs", "fixed_count", "density_labelled")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    made.make()
    made.release()
    return made


@pytest.fixture
def release(world):
    return world.results / "release" / "tiny"


@pytest.fixture
def copy(world, tmp_path):
    return Path(shutil.copytree(world.copy, tmp_path / "copy"))


def recipes_of(release, product):
    files = sorted((release / "recipes" / product).glob("*.parquet"))
    return {row["id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def shown_in(folder, product):
    files = sorted((folder / "data" / product).glob("*.parquet"))
    return {row["id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def photograph(copy):
    """A training photograph's path in the copy, below its root."""
    return sorted((copy / "PNGImages").iterdir())[0]


def test_every_recipe_becomes_a_sample_with_the_very_pixels(world, release, tmp_path):
    outcome = rebuild(release, [str(world.copy)], [], tmp_path / "out")
    assert outcome.complete, outcome.first_fault
    for product in PRODUCTS:
        recipes, shown = recipes_of(release, product), shown_in(tmp_path / "out", product)
        assert recipes, "the world has recipes of every product"
        assert shown.keys() == recipes.keys()
        for name, row in shown.items():
            known = {key: value for key, value in recipes[name].items() if value is not None}
            assert {key: row[key] for key in known} == known
    # pixels that nobody rebuilt: those of the run itself
    ours = {sha256_file(path) for path in world.copy.rglob("PNGImages/*.png")}
    sources = {row["source_sha256"] for row in shown_in(tmp_path / "out", "density_labelled").values()}
    assert ours == sources - {""}
    labelled = [row for row in shown_in(tmp_path / "out", "density_labelled").values() if row["table"] == "images"]
    assert all(row["points"] and row["density_class"] is not None for row in labelled)
    assert not list(tmp_path.glob(".out.*")), "scratch goes when all is done"


def test_withheld_tables_come_back_as_the_run_had_them(world, release, tmp_path):
    rebuild(release, [str(world.copy)], [], tmp_path / "out")
    for name, stage in (("images", "ingest"), ("density_labels", "label_density")):
        run = pq.read_table(world.results / stage / f"{name}.parquet").replace_schema_metadata(None)
        again = pq.read_table(tmp_path / "out" / "tables" / f"{name}.parquet").replace_schema_metadata(None)
        rows = [row for row in run.to_pylist() if row.get("table") != "synthetic"]
        assert [row for row in again.to_pylist() if row.get("table") != "synthetic"] == rows


def test_a_rebuilt_folder_says_that_it_may_not_be_passed_on(world, release, tmp_path):
    rebuild(release, [str(world.copy)], [], tmp_path / "out")
    index = read_index(tmp_path / "out")
    assert index["rebuilt"]["may_be_passed_on"] is False
    assert index["rebuilt"]["from"]["index_sha256"] == sha256_file(release / "index.json")
    assert "Not to be passed on" in (tmp_path / "out" / "README.md").read_text()
    assert not any(pq.read_table(tmp_path / "out" / "tables" / "images.parquet")["redistributable"].to_pylist())
    assert verify(tmp_path / "out", tmp_path / "cache", rebuilt=True)["images"]
    with pytest.raises(ThrongError, match="may not be passed on"):
        verify(tmp_path / "out", tmp_path / "cache")


def test_a_second_rebuild_gives_the_same_bytes(world, release, tmp_path):
    for name in ("one", "two"):
        rebuild(release, [f"town={world.copy}"], [], tmp_path / name)
    assert (tmp_path / "one" / "SHA256SUMS").read_bytes() == (tmp_path / "two" / "SHA256SUMS").read_bytes()


def test_a_killed_rebuild_goes_on(world, release, tmp_path, monkeypatch):
    edited = []
    remake = edits.Remaker.remake

    def dying(self, photograph, found, rows):
        edited.append(photograph.id)
        if len(edited) == 3:
            raise KeyboardInterrupt
        return remake(self, photograph, found, rows)

    monkeypatch.setattr(edits.Remaker, "remake", dying)
    with pytest.raises(KeyboardInterrupt):
        rebuild(release, [str(world.copy)], [], tmp_path / "out")
    assert rebuild(release, [str(world.copy)], [], tmp_path / "out").complete
    assert len(edited) == 3 + 2, "the two photographs that were done are not done again"


def test_a_missing_photograph_is_named_and_the_rest_is_rebuilt(release, copy, tmp_path):
    lost = photograph(copy)
    (copy / "PedMasks" / f"{lost.stem}_mask.png").unlink()
    lost.unlink()
    outcome = rebuild(release, [str(copy)], [], tmp_path / "out")
    pairs = recipes_of(release, "ranked_pairs")
    hit = {name for name, row in pairs.items() if row["parent_path"].endswith(lost.name)}
    assert outcome.faults["ranked_pairs"].keys() == hit
    assert outcome.kinds("ranked_pairs") == {"missing photograph": len(hit)}
    assert f"PNGImages/{lost.name} of source 'town'" in outcome.first_fault
    assert shown_in(tmp_path / "out", "ranked_pairs").keys() == pairs.keys() - hit
    assert read_index(tmp_path / "out")["rebuilt"]["products"]["ranked_pairs"]["not"] == {
        "missing photograph": len(hit)
    }


def test_what_was_missing_is_made_when_it_is_there_again(release, copy, tmp_path):
    lost = photograph(copy)
    away = lost.rename(tmp_path / lost.name)
    assert not rebuild(release, [str(copy)], [], tmp_path / "out").complete
    away.rename(lost)
    assert rebuild(release, [str(copy)], [], tmp_path / "out").complete


def test_a_changed_photograph_is_told_from_the_one_of_the_release(release, copy, tmp_path):
    changed = photograph(copy)
    was = sha256_file(changed)
    pixels = decode(changed.read_bytes())
    pixels[0, 0] ^= 1
    changed.write_bytes(encode_png(pixels))
    outcome = rebuild(release, [str(copy)], [], tmp_path / "out")
    assert set(outcome.kinds("ranked_pairs")) == {"changed photograph"}
    assert was in outcome.first_fault
    assert sha256_file(changed) in outcome.first_fault


def test_a_changed_annotation_is_noticed_by_what_is_made_from_it(release, copy, tmp_path):
    mask = copy / "PedMasks" / f"{photograph(copy).stem}_mask.png"
    pixels = decode(mask.read_bytes())[..., 0].copy()
    pixels[pixels == 1] = 0
    mask.write_bytes(encode_png(pixels))
    outcome = rebuild(release, [str(copy)], [], tmp_path / "out")
    assert "otherwise" in outcome.kinds("ranked_pairs")


def test_a_source_that_is_not_given_is_asked_for(release, tmp_path):
    outcome = rebuild(release, [], [], tmp_path / "out")
    assert set(outcome.kinds("ranked_pairs")) == {"source not given"}
    assert "add --source town=FOLDER" in outcome.first_fault
    assert not (tmp_path / "out").exists()


def test_pixels_that_come_out_otherwise_are_refused_with_what_differs(world, release, tmp_path, monkeypatch):
    fill = OpenCVRemover.edit

    def other(self, requests):
        return [image ^ 1 for image in fill(self, requests)]

    monkeypatch.setattr(OpenCVRemover, "edit", other)
    here = surroundings.libraries()
    monkeypatch.setattr(surroundings, "libraries", lambda: here | {"opencv-python-headless": "9.9"})
    outcome = rebuild(release, [str(world.copy)], [], tmp_path / "out")
    assert set(outcome.kinds("ranked_pairs")) == {"pixels differ"}
    assert "opencv-python-headless" in outcome.first_fault
    assert "9.9 here" in outcome.first_fault


def test_faults_are_listed_by_sample(release, tmp_path):
    outcome = rebuild(release, [], [], tmp_path / "out")
    listed = write_faults(outcome, tmp_path / "faults.tsv")
    assert listed is not None
    lines = listed.read_text().splitlines()
    assert lines[0] == "product\tsample\treason"
    assert len(lines) == 1 + sum(map(len, outcome.faults.values()))
    done = dataclasses.replace(outcome, faults={name: {} for name in outcome.faults})
    assert write_faults(done, tmp_path / "faults.tsv") is None
    assert not listed.exists()


def test_a_damaged_release_is_refused(world, release, tmp_path):
    damaged = shutil.copytree(release, tmp_path / "damaged")
    path = sorted((damaged / "recipes" / "ranked_pairs").iterdir())[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ThrongError, match=r"recipes/ranked_pairs/.*not the file that SHA256SUMS lists"):
        rebuild(damaged, [str(world.copy)], [], tmp_path / "out")


def test_nothing_else_is_overwritten(world, release, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("all of it")
    with pytest.raises(ThrongError, match="holds something else"):
        rebuild(release, [str(world.copy)], [], out)
    with pytest.raises(ThrongError, match="is the release itself"):
        rebuild(release, [str(world.copy)], [], release)


def test_a_release_without_recipes_has_nothing_to_rebuild(world, release, tmp_path):
    bare = Path(shutil.copytree(release, tmp_path / "bare"))
    index = json.loads((bare / "index.json").read_text())
    index["files"] = [entry for entry in index["files"] if not entry["path"].startswith("recipes/")]
    (bare / "index.json").write_text(json.dumps(index))
    shutil.rmtree(bare / "recipes")
    write_sums(bare)
    with pytest.raises(ThrongError, match="nothing to rebuild"):
        rebuild(bare, [str(world.copy)], [], tmp_path / "out")


def test_a_folder_that_is_not_there_is_named(release, tmp_path):
    with pytest.raises(ThrongError, match=r"--source .*nowhere: .* does not exist; .*sources: town"):
        rebuild(release, [str(tmp_path / "nowhere")], [], tmp_path / "out")


def test_what_somebody_withdrew_stays_out_and_the_rest_is_rebuilt(world, release, tmp_path):
    gone = sorted(recipes_of(release, "ranked_pairs").values(), key=lambda row: row["id"])[0]["parent_id"]
    made = sorted(row["id"] for row in recipes_of(release, "fixed_count").values())[0]
    listed = tmp_path / "opt-out.txt"
    listed.write_text(f"{gone}\n{made}\n")
    fewer = world.release(name="fewer", privacy={"opt_out": str(listed)})
    outcome = rebuild(fewer, [str(world.copy)], [], tmp_path / "out")
    shown = shown_in(tmp_path / "out", "ranked_pairs")
    assert shown
    assert gone not in {row["parent_id"] for row in shown.values()}
    assert not outcome.faults["ranked_pairs"]
    assert made not in shown_in(tmp_path / "out", "fixed_count")


def test_the_command_exits_with_1_unless_all_are_identical(world, release, tmp_path):
    out = str(tmp_path / "out")
    failed = CliRunner().invoke(app, ["rebuild", str(release), "--out", out])
    assert failed.exit_code == 1
    assert "source not given" in failed.output
    assert (tmp_path / "out.faults.tsv").is_file()
    done = CliRunner().invoke(app, ["rebuild", str(release), "--source", str(world.copy), "--out", out, "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "may not be passed on" in done.output
    assert not (tmp_path / "out.faults.tsv").exists()
