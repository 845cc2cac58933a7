"""Verification finds every planted fault, those of a forger who wrote the checksums again included."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.release.miniature import make_run, reseal
from throng.errors import ThrongError
from throng.release.tar import TarWriter
from throng.release.verify import verify

PAIRS = "data/ranked_pairs/train-00000-of-00001.parquet"
COUNTED = "data/fixed_count/train-00000-of-00001.parquet"
TAR = "webdataset/fixed_count/train-00000-of-00002.tar"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run({"open": True, "closed": False}).write(tmp_path_factory.mktemp("sound")).release()


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def fault(folder: Path) -> str:
    with pytest.raises(ThrongError) as caught:
        verify(folder)
    return str(caught.value)


def edit(folder: Path, file: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the rows of a Parquet file and seal the release again."""
    table = pq.read_table(folder / file)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / file)
    reseal(folder)


def test_summary_of_a_sound_release(sound: Path) -> None:
    summary = verify(sound)
    assert summary["samples"]["ranked_pairs/train"] == 10
    assert summary["samples"]["fixed_count_recipes/train"] == 2
    # Three photographs with three edits each, and two composites.
    assert summary["images"] == 3 * 4 + 2
    json.dumps(summary)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_found(release: Path, data: st.DataObject) -> None:
    files = sorted(path for path in release.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    sound = path.read_bytes()
    path.write_bytes(content)
    try:
        fault(release)
    finally:
        path.write_bytes(sound)


def test_missing_file(release: Path) -> None:
    (release / PAIRS).unlink()
    assert fault(release).startswith(f"{release / PAIRS}: missing")


def test_extra_file(release: Path) -> None:
    (release / "data" / "leftover.parquet").write_bytes(b"x")
    assert "leftover.parquet: not part of the release" in fault(release)


def test_file_that_the_index_does_not_list(release: Path) -> None:
    (release / "notes.txt").write_text("sealed but not indexed")
    reseal(release)
    assert "notes.txt: listed by only one of index.json and SHA256SUMS" in fault(release)


def test_link_in_place_of_a_file(release: Path, tmp_path: Path) -> None:
    shutil.move(release / PAIRS, tmp_path / "away")
    (release / PAIRS).symlink_to(tmp_path / "away")
    assert "a link" in fault(release)


def test_folder_without_index(tmp_path: Path) -> None:
    assert "no index.json" in fault(tmp_path)


def test_row_missing_from_parquet(release: Path) -> None:
    edit(release, PAIRS, lambda rows: rows.pop())
    assert "differs from the Parquet shards, is not in them" in fault(release)


def test_row_missing_from_tar(release: Path) -> None:
    with TarWriter(release / TAR):
        pass
    reseal(release)
    assert f"{release / TAR}: 0 samples, index.json says 1" in fault(release)


@pytest.mark.parametrize(
    ("file", "values", "said"),
    [
        (COUNTED, {"count": 7}, "count is 7, but 0 points are listed"),
        (
            COUNTED,
            {"count": 1, "boxes": None, "points": [{"x": 63.6, "y": 1.0}]},
            "head point (63.6, 1) is outside its frame",
        ),
        (COUNTED, {"count": 1, "boxes": None, "points": [{"x": float("nan"), "y": 1.0}]}, "is outside its frame"),
        (
            COUNTED,
            {"count": 1, "points": [{"x": 1.0, "y": 1.0}], "boxes": [{"x": 60.0, "y": 1.0, "w": 9.0, "h": 9.0}]},
            "is empty or outside",
        ),
        (COUNTED, {"width": 65, "points": None, "boxes": None}, "the image is (64, 48) pixels, its row says (65, 48)"),
        (COUNTED, {"parents": ["0" * 16]}, "shows pixels of image '0000000000000000'"),
        (COUNTED, {"split": "val"}, "its split is 'val', but it is in the shards of 'train'"),
        (PAIRS, {"delta": 9}, "delta is 9, but"),
        (PAIRS, {"fewer_removed": [1]}, "do not differ by column removed"),
        (PAIRS, {"weight": 1.5}, "weight is 1.5"),
        (PAIRS, {"more_sha256": "0" * 64}, "image_more: the image's bytes have sha256"),
        (PAIRS, {"scene": "open/2"}, "scene 'open/2' is in two splits"),
        (PAIRS, {"licence": "CC-BY-4.0"}, "differs from the Parquet shards"),
        ("recipes/fixed_count/train-00000-of-00001.parquet", {"count": 9}, "count is 9"),
    ],
)
def test_forged_row(release: Path, file: str, values: dict[str, Any], said: str) -> None:
    edit(release, file, lambda rows: rows[0].update(values))
    assert said in fault(release)


def swap(row: dict[str, Any]) -> dict[str, Any]:
    return {"more_crop": row["fewer_crop"], "fewer_crop": row["more_crop"]}


@pytest.mark.parametrize(
    ("kind", "forge", "said"),
    [
        ("sham-equal", lambda _: {"relation": "more"}, "relation is 'more', which is not that of kind 'sham-equal'"),
        ("sham-equal", lambda _: {"kind": "drawn"}, "which is not that of kind 'drawn'"),
        ("sham-equal", lambda _: {"delta": 1, "removed": [1]}, "delta is 1, but 1 removed people are listed"),
        ("sham-equal", lambda _: {"delta": None}, "delta is unknown, but"),
        ("sham-equal", lambda _: {"more_removed": [1]}, "do not differ by column removed"),
        ("real-edited", lambda row: {"delta": None, "removed": row["removed"]}, "delta is unknown, but"),
        ("real-edited", lambda _: {"delta": 0, "removed": []}, "delta is 0, but 0 removed people are listed"),
        ("nested-crop", lambda _: {"more_crop": {"x": 30, "y": 0, "w": 40, "h": 40}}, "more_crop (30, 0, 40, 40) is"),
        ("nested-crop", lambda _: {"fewer_crop": {"x": 30, "y": 9, "w": 0, "h": 9}}, "fewer_crop (30, 9, 0, 9) is"),
        ("nested-crop", swap, "fewer_crop is not inside more_crop"),
        ("nested-crop", lambda row: {"fewer_crop": row["more_crop"]}, "fewer_crop is not inside more_crop"),
        ("nested-crop", lambda _: {"fewer_crop": None}, "fewer_crop is not inside more_crop"),
        ("nested-crop", lambda _: {"fewer_id": "feed"}, "its windows are of two images"),
    ],
)
def test_forged_relation(release: Path, kind: str, forge: Callable[[Any], dict[str, Any]], said: str) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["kind"] == kind)
        row |= forge(row)

    edit(release, PAIRS, change)
    assert said in fault(release)


def test_row_twice(release: Path) -> None:
    edit(release, PAIRS, lambda rows: rows.append(rows[0]))
    assert "the id occurs more than once" in fault(release)


def test_image_that_does_not_decode(release: Path) -> None:
    import hashlib

    def truncate(rows: list[dict[str, Any]]) -> None:
        data = rows[0]["image"]["bytes"][:-400]
        rows[0] |= {"image": {"bytes": data, "path": "x.jpg"}, "sha256": hashlib.sha256(data).hexdigest()}

    edit(release, COUNTED, truncate)
    assert "the image cannot be decoded" in fault(release)


def test_image_of_a_closed_source_is_a_fault(release: Path) -> None:
    def close(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row |= {"redistributable": False, "count": None, "points": None, "people": None}

    edit(release, "tables/images.parquet", close)
    assert "may not be passed on" in fault(release)


def test_annotations_of_a_closed_source_are_a_fault(release: Path) -> None:
    def annotate(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if not row["redistributable"])["count"] = 3

    edit(release, "tables/images.parquet", annotate)
    assert "annotations of source 'closed'" in fault(release)


def test_totals_that_the_files_do_not_hold(release: Path) -> None:
    index = json.loads((release / "index.json").read_text())
    index["products"]["ranked_pairs"]["pixels"]["train"] = 60
    (release / "index.json").write_text(json.dumps(index))
    reseal(release)
    assert "ranked_pairs: {'train': 10, 'val': 5} rows by split, index.json says" in fault(release)


def test_tar_sample_with_other_fields(release: Path) -> None:
    path = release / TAR
    with tarfile.open(path) as tar:
        found = [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    with TarWriter(path) as tar:
        for name, data in [*found, (found[0][0].replace(".jpg", ".txt"), b"more")]:
            tar.add(name, data)
    reseal(release)
    assert "expected json and one for each image" in fault(release)
