"""What is among a release's samples, what is left out of them and why, and that its size does not matter."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.unit.release.miniature import Run, draw, make_run
from tests.unit.release.test_leaking import leak_row, written
from throng.errors import ThrongError
from throng.release import gather
from throng.release.joins import plan
from throng.release.pixels import Pixels
from throng.release.products import ANNOTATED
from throng.release.records import record_digest

SOURCES = {"open": True, "closed": False}


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(folder: Path, kind: str, product: str) -> list[dict[str, Any]]:
    found = sorted((folder / kind / product).glob("*.parquet"))
    return [row for path in found for row in pq.read_table(path).to_pylist()]


def index_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "index.json").read_text())


@pytest.fixture(scope="module")
def run() -> Run:
    """A run with an open and a closed source, and a photograph whose ground is known."""
    made = make_run(SOURCES)
    unknown = ("horizon_px", "camera_height_m", "camera_height_low_m", "camera_height_high_m", "focal_px")
    densities = {"people_per_m2": 0.5, "people_per_m2_low": 0.4, "people_per_m2_high": 0.7, "people_per_m2_p95": 0.9}
    ground = dict.fromkeys(unknown, 1.0) | densities | {"area_m2": 8.0, "level_of_service": "B", "hazard": "none"}
    made.change("density_labels", 0, ground=ground)
    return made


@pytest.fixture(scope="module")
def mixed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run.write(tmp_path_factory.mktemp("mixed")).release()


def test_density_labels_carry_points_and_their_photographs(run: Run, mixed: Path) -> None:
    found = {row["id"]: row for row in rows(mixed, "data", "density_labelled")}
    image = run.rows["images"][0]
    row = found[image.id]
    assert (row["table"], row["medium"], row["count"], row["parents"]) == ("images", "photograph", 4.0, [image.id])
    assert row["points"] == image.points
    assert (row["people_per_m2"], row["level_of_service"], row["area_m2"]) == (0.5, "B", 8.0)
    assert row["window"] == {"x": 0, "y": 0, "w": 10, "h": 10}
    assert row["source_sha256"] == image.sha256
    made = [row for row in found.values() if row["table"] == "synthetic"]
    assert len(made) == 2
    assert {(row["medium"], row["maker"], row["people_per_m2"]) for row in made} == {("composite", "composite", None)}


def test_a_recipe_of_a_closed_photograph_repeats_no_annotation(mixed: Path) -> None:
    photographs = [row for row in rows(mixed, "recipes", "density_labelled") if row["table"] == "images"]
    assert len(photographs) == 3
    assert {row[name] for row in photographs for name in ANNOTATED} == {None}
    assert all(row["source_sha256"] and row["window"] for row in photographs)


@pytest.mark.slow
def test_rendered_sources_are_called_so(tmp_path: Path) -> None:
    found = rows(make_run().write(tmp_path).release(rendered=["open"]), "data", "density_labelled")
    assert {row["medium"] for row in found} == {"rendered", "composite"}


def test_what_leaks_takes_along_whatever_shows_it(tmp_path: Path) -> None:
    run = make_run()
    draw(run)
    leaks = next(row for row in run.rows["images"] if row.split == "train")
    drawn = run.rows["gan_samples"][0].id
    table = written(tmp_path, leak_row(id=leaks.id), leak_row(id=drawn, table="gan_samples"))
    before = index_of(run.write(tmp_path / "before").release())
    folder = run.write(tmp_path / "after").release(files={"near_duplicates": table})
    after = index_of(folder)
    kind = "near copy of a held-out image"
    composites = sum(leaks.id in row.parents for row in run.rows["synthetic"])
    assert after["left_out"] == {
        "ranked_pairs": {kind: 5},
        "fixed_count": {kind: composites},
        "density_labelled": {kind: 1 + composites},
        "requested_density": {kind: 1},
    }
    for product, counts in before["products"].items():
        lost = sum(counts["pixels"].values()) - sum(after["products"][product]["pixels"].values())
        assert lost == after["left_out"][product][kind]
    assert leaks.id not in {row["parent_id"] for row in rows(folder, "data", "ranked_pairs")}
    assert leaks.id in pq.read_table(folder / "tables/images.parquet")["id"].to_pylist(), "it was not withdrawn"
    with pytest.raises(ThrongError, match=r"release\.near_duplicates is refuse, and 2 images leak"):
        run.write(tmp_path / "refused").release(files={"near_duplicates": table}, near_duplicates="refuse")


@pytest.mark.slow
def test_equal_files_of_two_sources_are_one_photograph_under_the_terms_of_both(tmp_path: Path) -> None:
    run = make_run()
    image = run.rows["images"][0]
    run.photographs["twin", "b.jpg"] = run.photographs[image.source, image.path]
    twin = dataclasses.replace(image, source="twin", path="b.jpg", licence="no redistribution", redistributable=False)
    run.rows["images"].append(twin)
    folder = run.write(tmp_path).release()
    recipes = rows(folder, "recipes", "ranked_pairs")
    assert {row["parent_id"] for row in recipes} == {image.id}
    assert {row["licence"] for row in recipes} == {"CC0-1.0 AND no redistribution"}
    assert {(row["parent_source"], row["parent_path"]) for row in recipes} == {(image.source, image.path)}
    assert [row["table"] for row in rows(folder, "recipes", "density_labelled")].count("images") == 1


def test_rows_that_go_by_way_of_files_give_the_same_release(
    run: Run, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "SIZE", 3)
    monkeypatch.setattr(plan, "OBJECTS", 2)
    spilt = run.write(tmp_path / "disk")
    folder = spilt.release()
    # tables have their row groups by what is held at once
    again, sound = ({name: data for name, data in contents(one).items() if "/" in name} for one in (folder, mixed))
    assert again.keys() == sound.keys()
    for name, data in sound.items():
        if name.startswith("tables/"):
            assert pq.read_table(folder / name) == pq.read_table(mixed / name), name
        else:
            assert again[name] == data, name
    assert not list(spilt.results.glob(".work/release/*"))


def test_records_are_digests_of_the_rows_that_parquet_gives_back(mixed: Path) -> None:
    records = pq.read_table(mixed / "records.parquet").to_pylist()
    assert records == sorted(records, key=lambda row: (row["product"], row["split"], row["id"]))
    known = {(row["product"], row["id"]): row["digest"] for row in records}
    for kind, ending in (("data", ""), ("recipes", "_recipes")):
        for product in ("ranked_pairs", "fixed_count", "density_labelled"):
            for row in rows(mixed, kind, product):
                fields = {name: value for name, value in row.items() if not name.startswith("image")}
                assert known.pop((product + ending, row["id"])) == record_digest(fields)
    assert not known


def test_a_failure_half_way_leaves_no_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = make_run().write(tmp_path)
    target = done.results / "release/tiny"
    target.mkdir(parents=True)
    (target / "old").touch()
    seen = 0
    read = Pixels.file

    def fail(self: Pixels, picture: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > 20:
            raise OSError("disk full")
        return read(self, picture)

    monkeypatch.setattr(Pixels, "file", fail)
    with pytest.raises(OSError, match="disk full"):
        done.release()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("table", "change", "why"),
    [
        ("ranked_pairs", {"parent_id": "0" * 16}, "comes from image '0000000000000000'"),
        ("ranked_pairs", {"fewer_id": "0" * 16}, "is neither its photograph nor a kept row of table removals"),
        ("ranked_pairs", {"split": "dev", "scene": ""}, "split 'dev' is none of train, val, test"),
        ("synthetic", {"parents": ["0" * 16]}, "comes from image '0000000000000000'"),
    ],
)
def test_dangling_rows_are_refused_in_one_sentence(
    tmp_path: Path, table: str, change: dict[str, Any], why: str
) -> None:
    run: Run = make_run()
    run.change(table, 0, **change)
    with pytest.raises(ThrongError) as caught:
        run.write(tmp_path).release()
    assert why in str(caught.value) or "was not given" in str(caught.value)
