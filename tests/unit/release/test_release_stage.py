"""What a release holds, who can load it, and what must never be in it."""

import hashlib
import json
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from tests.rows import prompt_row
from tests.unit.release.miniature import Run, make_run
from throng.errors import ThrongError
from throng.folders import whole_folder
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.tables import removals


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of a run with an open and a closed source."""
    root = tmp_path_factory.mktemp("mixed")
    return make_run({"open": True, "closed": False}).write(root).release()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_second_run_in_another_folder_gives_the_same_bytes(mixed: Path, tmp_path: Path) -> None:
    again = make_run({"open": True, "closed": False}).write(tmp_path / "elsewhere").release()
    assert contents(again) == contents(mixed)


def test_datasets_loads_each_product_in_one_line(mixed: Path, tmp_path: Path) -> None:
    import datasets

    pairs = datasets.load_dataset(str(mixed), "ranked_pairs", cache_dir=str(tmp_path))
    assert {split: rows.num_rows for split, rows in pairs.items()} == {"train": 10, "val": 5}
    for row in pairs["train"]:
        assert row["image_more"].size == row["image_fewer"].size == (64, 48)
        if row["kind"] == "nested-crop":
            assert (row["relation"], row["delta"]) == ("at-least", None)
            assert row["more_crop"]["w"] > row["fewer_crop"]["w"] >= 16
        else:
            assert row["delta"] == len(row["removed"])
            assert (row["relation"], row["delta"] > 0) in {("more", True), ("equal", False)}
            assert row["more_crop"] is row["fewer_crop"] is None
    counted = datasets.load_dataset(str(mixed), "fixed_count", split="train", cache_dir=str(tmp_path))
    assert counted.features["image"] == datasets.Image()
    assert [(len(row["points"]), row["image"].size) for row in counted] == [(r["count"], (64, 48)) for r in counted]
    assert max(counted["seed"]) >= 2**63
    recipes = datasets.load_dataset(str(mixed), "fixed_count_recipes", split="train", cache_dir=str(tmp_path))
    assert "image" not in recipes.features


# webdataset leaves the files that it reads for the garbage collector to close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_decoded_samples_with_equal_fields(mixed: Path) -> None:
    import webdataset

    urls = str(mixed / "webdataset" / "ranked_pairs" / "train-{00000..00001}-of-00002.tar")
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
    assert len(samples) == 10
    for sample in samples:
        # the photograph is on either side of an equal pair, so neither side is all PNG
        assert {name for name in sample if not name.startswith("__")} == {"more.jpg", "fewer.jpg", "json"}
        assert sample["more.jpg"].size == (64, 48)
        assert sample["json"]["id"] == sample["__key__"]


def test_pandas_reads_bytes_that_have_the_promised_hash(mixed: Path) -> None:
    frame = pd.concat(map(pd.read_parquet, sorted((mixed / "data" / "ranked_pairs").glob("*.parquet"))))
    assert len(frame) == 15
    for row in frame.to_dict("records"):
        for side in ("more", "fewer"):
            assert hashlib.sha256(row[f"image_{side}"]["bytes"]).hexdigest() == row[f"{side}_sha256"]
    assert set(frame[frame.kind == "edited-edited"].image_more.map(lambda image: image["path"][-4:])) == {".png"}


def test_gnu_tools_read_tar_and_checksums(mixed: Path) -> None:
    tar = mixed / "webdataset" / "ranked_pairs" / "train-00000-of-00002.tar"
    listing = subprocess.run(["tar", "--numeric-owner", "-tvf", tar], capture_output=True, text=True, check=True)
    assert listing.stderr == ""
    assert all(line.startswith("-rw-r--r-- 0/0") and " 1970-01-01 " in line for line in listing.stdout.splitlines())
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=mixed, check=True)


def test_no_pixel_of_a_closed_source_is_anywhere(tmp_path: Path) -> None:
    run = make_run({"open": True, "closed": False})
    folder = run.write(tmp_path).release()
    closed = {row.id for row in run.rows["images"] if row.source == "closed"}
    forbidden = [data for (source, _), data in run.photographs.items() if source == "closed"]
    edits = {row.id for row in run.rows["removals"] if row.parent_id in closed}
    composites = {row.id for row in run.rows["synthetic"] if not row.redistributable}
    for name, data in [item for archive in run.pixels.values() for item in archive.items()]:
        if name.partition(".")[0] in edits | composites:
            forbidden.append(data)
    assert len(forbidden) == 3 + 9 + 2
    for path, data in contents(folder).items():
        assert not any(pixels[-250:] in data for pixels in forbidden), path


def test_closed_samples_are_released_as_recipes_and_counted(mixed: Path) -> None:
    index = json.loads((mixed / "index.json").read_text())
    assert index["products"] == {
        "ranked_pairs": {"pixels": {"train": 10, "val": 5}, "recipes": {"train": 10, "val": 5}},
        "fixed_count": {"pixels": {"train": 2}, "recipes": {"train": 2}},
        "density_labelled": {"pixels": {"train": 4, "val": 1}, "recipes": {"train": 4, "val": 1}},
        "requested_density": {"pixels": {}, "recipes": {}},
    }
    assert index["withheld"] | {"images": 3, "detections": 3, "density_labels": 3} == index["withheld"]
    assert "22 of 44 samples are recipes without pixels" in (mixed / "README.md").read_text()
    recipes = pq.read_table(mixed / "recipes/ranked_pairs/train-00000-of-00001.parquet").to_pylist()
    assert {recipe["parent_source"] for recipe in recipes} == {"closed"}
    assert {len(recipe[name]) for recipe in recipes for name in ("parent_sha256", "fewer_sha256")} == {64}
    assert sum(recipe["fewer_crop"] is not None for recipe in recipes) == 2, "a recipe names its window"


def test_one_closed_parent_keeps_a_composite_behind_whatever_its_own_flag_says(tmp_path: Path) -> None:
    run = make_run({"open": True, "closed": False})
    closed = next(row.id for row in run.rows["images"] if row.source == "closed" and row.split == "train")
    run.rows["synthetic"] = run.rows["synthetic"][:1]
    run.rows["calibrated_counts"] = run.rows["calibrated_counts"][:1]
    run.rows["prompts"] = run.rows["prompts"][:1]
    row = run.rows["synthetic"][0]
    labels = run.rows["density_labels"]
    run.rows["density_labels"] = [label for label in labels if label.table == "images" or label.id == row.id]
    run.change("synthetic", 0, parents=sorted([*row.parents, closed]), redistributable=True)
    index = json.loads((run.write(tmp_path).release() / "index.json").read_text())
    assert index["products"]["fixed_count"] == {"pixels": {}, "recipes": {"train": 1}}


def test_recipes_alone_when_nothing_may_be_passed_on(tmp_path: Path) -> None:
    folder = make_run({"closed": False}).write(tmp_path).release()
    assert not (folder / "data").exists()
    assert not (folder / "webdataset").exists()
    card = (folder / "README.md").read_text()
    assert "**This release holds recipes only, no pixels.**" in card
    front = yaml.safe_load(card.split("---")[1])
    assert front["configs"][0]["config_name"] == "ranked_pairs_recipes"
    assert front["configs"][0]["default"] is True


def test_card_says_how_many_were_rejected_and_why(mixed: Path) -> None:
    card = (mixed / "README.md").read_text()
    assert "| ingest | 7 files | 7 | 6 | 1 | truncated: 1 |" in card
    assert "| remove | 6 images | 6 | 18 | 6 | no room: 6 |" in card
    assert "| rank_pairs | 6 photographs | 6 | 30 | 0 |  |" in card
    for line in ("| chain | kept | 12 |", "| sham | kept | 6 |", "| sham | no room | 6 |"):
        assert line in card
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "cc-by-4.0"
    assert {config["config_name"] for config in front["configs"]} >= {"ranked_pairs", "fixed_count", "prompts"}


def test_card_counts_pairs_by_kind_and_relation(mixed: Path) -> None:
    card = (mixed / "README.md").read_text()
    for line in (
        "| `edited-edited` | more | 4 | 2 | 0 | 6 |",
        "| `nested-crop` | at-least | 4 | 2 | 0 | 6 |",
        "| `real-edited` | more | 8 | 4 | 0 | 12 |",
        "| `sham-equal` | equal | 4 | 2 | 0 | 6 |",
    ):
        assert line in card


def test_unknown_licence_is_named_in_the_front_matter(tmp_path: Path) -> None:
    card = (make_run().write(tmp_path).release(licence="LicenseRef-House") / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert (front["license"], front["license_name"]) == ("other", "LicenseRef-House")


def test_small_shards_hold_all_samples_once(tmp_path: Path) -> None:
    run = make_run()
    big = [row for row in run.rows["ranked_pairs"] if row.split == "train"]
    noise = {
        name: hashlib.shake_256(name.encode()).digest(900_000) for name in run.pixels["remove/part-000-of-001.zip"]
    }
    png = {name: data + noise[name] for name, data in run.pixels["remove/part-000-of-001.zip"].items()}
    run.pixels["remove/part-000-of-001.zip"] = png
    for k, row in enumerate(run.rows["removals"]):
        if row.status == "ok":
            run.change("removals", k, sha256=hashlib.sha256(png[f"{row.id}.png"]).hexdigest())
    folder = run.write(tmp_path).release(
        shard_bytes=1_000_000, privacy={"strip_metadata": False}, marking={"xmp": False}
    )
    names = sorted(path.name for path in (folder / "webdataset/ranked_pairs").glob("train-*"))
    assert names == [f"train-{k:05d}-of-{len(names):05d}.tar" for k in range(len(names))]
    assert len(names) > 2
    parquet = list((folder / "data/ranked_pairs").glob("train-*.parquet"))
    assert sum(pq.read_metadata(path).num_rows for path in parquet) == len(big)
    # Pairs of one photograph share its few images, and what they share is stored once in each column.
    stored = sum(path.stat().st_size for path in parquet)
    shown = [(side, f"{getattr(row, side)}.png") for row in big for side in ("more_id", "fewer_id")]
    edits = [(side, name) for side, name in shown if name in png]
    assert stored < 1.05 * sum(len(png[name]) for _, name in set(edits))
    assert len(set(edits)) < len(edits)


def refused(run: Run, root: Path, **settings: object) -> str:
    with pytest.raises(ThrongError) as caught:
        run.write(root).release(**settings)
    assert not list((root / "results").glob("release/*/index.json"))
    assert not list((root / "results").glob("release/.*"))
    return str(caught.value)


def test_scene_in_two_splits_is_refused_by_name(tmp_path: Path) -> None:
    run = make_run()
    run.change("images", 2, scene=run.rows["images"][0].scene)
    assert "scene 'open/0' is in two splits" in refused(run, tmp_path)


def test_scenes_that_a_source_was_published_with_in_test_are_reported(tmp_path: Path) -> None:
    run = make_run()
    scene = run.rows["images"][0].scene
    parent = run.rows["images"][2].id
    run.change("images", 2, scene=scene, split="test")
    for k, row in enumerate(run.rows["ranked_pairs"]):
        if row.parent_id == parent:
            run.change("ranked_pairs", k, scene=scene, split="test")
    assert "name their source in release.shared_scenes" in refused(run, tmp_path / "a")
    folder = run.write(tmp_path / "b").release(shared_scenes=["open"])
    assert json.loads((folder / "index.json").read_text())["shared_scenes"] == [scene]
    assert "1 scenes are in a source's training and test split alike" in (folder / "README.md").read_text()
    run.change("images", 1, scene=scene, split="val")
    assert "is in two splits" in refused(run, tmp_path / "c", shared_scenes=["open"])


def test_synthetic_scene_must_keep_its_photographs_split(tmp_path: Path) -> None:
    run = make_run()
    run.change("synthetic", 0, split="val")
    assert "synthetic image" in refused(run, tmp_path)


def test_training_composite_with_pixels_of_a_held_out_photograph_is_refused(tmp_path: Path) -> None:
    run = make_run()
    held_out = next(row.id for row in run.rows["images"] if row.split == "val")
    run.change("synthetic", 0, parents=[held_out])
    assert f"holds pixels of image {held_out} from split 'val'" in refused(run, tmp_path)


def test_backend_that_is_not_listed_stops_the_release(tmp_path: Path) -> None:
    message = refused(make_run(), tmp_path, backends=["annotations", "composite"])
    assert message.startswith("release.backends does not list 'opencv', which made 9 rows of table 'removals'")


def test_windows_of_photographs_without_a_kept_edit_are_released(tmp_path: Path) -> None:
    run = make_run()
    run.rows["ranked_pairs"] = [row for row in run.rows["ranked_pairs"] if row.kind == "nested-crop"]
    for k in range(len(run.rows["removals"])):
        run.change("removals", k, status="rejected", reason="masked: 90%", path="")
    card = (run.write(tmp_path).release() / "README.md").read_text()
    assert "| rank_pairs | 3 photographs | 3 | 3 | 0 |  |" in card
    assert "recognising the editor" not in card


def test_pairs_of_edits_that_were_rejected_are_refused(tmp_path: Path) -> None:
    run = make_run()
    for k in range(len(run.rows["removals"])):
        run.change("removals", k, status="rejected", reason="masked: 90%", path="")
    assert "stage 'rank_pairs' has rows of 3 images that it was not given" in refused(run, tmp_path)


def test_lost_rows_are_noticed(tmp_path: Path) -> None:
    run = make_run()
    run.rows["prompts"].append(prompt_row(id="feed" * 4))
    assert "stage 'synthesize' loses rows: 5 in, 4 out" in refused(run, tmp_path)


def test_pixels_that_changed_after_their_table_was_written_are_refused(tmp_path: Path) -> None:
    run = make_run()
    name = next(iter(run.pixels["remove/part-000-of-001.zip"]))
    run.pixels["remove/part-000-of-001.zip"][name] += b"\0"
    assert f"remove/part-000-of-001.zip/{name} of source 'results'" in refused(run, tmp_path)


def test_tables_of_different_runs_are_refused(tmp_path: Path) -> None:
    run = make_run()
    written = run.write(tmp_path)
    stale = {"detect/part-000-of-001.parquet": "0" * 64}
    provenance = Provenance("remove", {}, "c0de", 7, stale, "opencv")
    write_table(written.results / "remove/part-000-of-001.parquet", removals.TABLE, run.rows["removals"], provenance)
    with pytest.raises(ThrongError, match=r"table 'removals' was made from another version of detect/part-000"):
        written.release()


def test_nothing_to_release_is_said(tmp_path: Path) -> None:
    run = make_run()
    run.rows["ranked_pairs"] = []
    assert "nothing to release" in refused(run, tmp_path, products=["ranked_pairs"])


def test_old_release_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "release"
    target.mkdir()
    (target / "old").touch()

    def fail() -> None:
        with whole_folder(target) as folder:
            (folder / "new").touch()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [path.name for path in target.iterdir()] == ["old"]
    (tmp_path / ".release.building").mkdir()
    with whole_folder(target) as folder:
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
    target.rename(tmp_path / ".release.old")
    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [path.name for path in target.iterdir()] == ["new"], "killed between two renames, the old one comes back"
