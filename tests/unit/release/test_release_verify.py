"""Verification finds every planted fault, those of a forger who wrote the checksums again included."""

import hashlib
import io
import json
import multiprocessing
import shutil
import tarfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.release.miniature import make_run, picture, reseal
from throng.errors import ThrongError
from throng.images import encode_jpeg
from throng.provenance import canonical_json
from throng.release.index import write_sums
from throng.release.products import PRODUCTS
from throng.release.records import record_digest
from throng.release.shards import Written
from throng.release.tar import TarWriter
from throng.release.verification.known import check_known
from throng.release.verification.tars import check_tar
from throng.release.verify import verify, verify_bytes

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


def edit(folder: Path, file: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the rows of a Parquet file and seal the release again."""
    table = pq.read_table(folder / file)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / file)
    reseal(folder)


def forge(folder: Path, product: str, change: Callable[[dict[str, Any]], dict[str, Any]], *, records: bool) -> None:
    """Change training rows of a product in both formats, in the digests of the records if wanted, and seal again."""
    digests = {}
    for path in sorted((folder / "data" / product).glob("train-*.parquet")):
        table = pq.read_table(path)
        rows = [row | change(row) for row in table.to_pylist()]
        images = list(PRODUCTS[product].images)
        digests |= {row["id"]: record_digest({k: v for k, v in row.items() if k not in images}) for row in rows}
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    for path in sorted((folder / "webdataset" / product).glob("train-*.tar")):
        rewrite(path, lambda row: row | change(row))
    if records:
        table = pq.read_table(folder / "records.parquet")
        listed = table.to_pylist()
        for row in listed:
            if row["product"] == product:
                row["digest"] = digests.get(row["id"], row["digest"])
        pq.write_table(pa.Table.from_pylist(listed, schema=table.schema), folder / "records.parquet")
    reseal(folder)


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write a tar shard again with the json of every sample changed."""
    with tarfile.open(path) as tar:
        found = [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    with TarWriter(path) as tar:
        for name, data in found:
            tar.add(name, canonical_json(change(json.loads(data))).encode() if name.endswith(".json") else data)


def say(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the index and seal the release again."""
    index = json.loads((folder / "index.json").read_text())
    change(index)
    (folder / "index.json").write_text(json.dumps(index))
    write_sums(folder)


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
    assert "train-00000-of-00001.parquet: 9 rows, index.json says 10" in fault(release)


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
        (PAIRS, {"licence": "CC-BY-4.0"}, "differs between the Parquet shards and the tar shards"),
        (PAIRS, {"weight": None}, "lacks a value that every row must have"),
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
    edit(release, PAIRS, lambda rows: rows[1].update(rows[0]))
    assert "of ranked_pairs occurs more than once" in fault(release)


def test_image_that_does_not_decode(release: Path) -> None:
    def truncate(rows: list[dict[str, Any]]) -> None:
        data = rows[0]["image"]["bytes"][:-400]
        rows[0] |= {
            "image": {"bytes": data, "path": f"{hashlib.sha256(data).hexdigest()[:16]}.jpg"},
            "sha256": hashlib.sha256(data).hexdigest(),
        }

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
    say(release, lambda index: index["products"]["ranked_pairs"]["pixels"].update(train=60))
    assert "its files have 10 rows of ranked_pairs/train/parquet, its totals 60" in fault(release)


def test_tar_sample_with_other_fields(release: Path) -> None:
    path = release / TAR
    with tarfile.open(path) as tar:
        found = [(info.name, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]
    with TarWriter(path) as tar:
        for name, data in [*found, (found[0][0].replace(".jpg", ".txt"), b"more")]:
            tar.add(name, data)
    reseal(release)
    assert "expected json and one for each image" in fault(release)


def test_every_kept_row_is_accounted_for(sound: Path) -> None:
    assert (
        "fixed_count: 4 kept by calibrate_counts = 2 with pixels + 2 as recipes + 0 left out (none)"
        in (verify_bytes(sound)["conservation"])
    )


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_of_a_tar_is_found_though_checksums_were_written_again(
    release: Path, data: st.DataObject
) -> None:
    path, file = release / TAR, Written(TAR, "fixed_count", "train", "webdataset", 1, 0, "")
    sound, before = path.read_bytes(), check_tar(release, file)
    content = bytearray(sound)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        other = check_tar(release, file)
    except ThrongError:
        return
    finally:
        path.write_bytes(sound)
    # What is left is another label, which the Parquet shards and the records do not have.
    assert other.digests != before.digests


def test_truncated_tar(release: Path) -> None:
    path = release / TAR
    path.write_bytes(path.read_bytes()[:-1024])
    reseal(release)
    assert f"{path}: at byte" in fault(release)


def test_swapped_labels_are_found_though_checksums_were_written_again(release: Path) -> None:
    swapped = {0: 3, 3: 0}
    forge(release, "fixed_count", lambda row: {"requested": swapped[row["requested"]]}, records=False)
    assert "differs between records.parquet and the shards and recipes" in fault(release)


def test_swapped_labels_are_found_though_records_were_written_again(release: Path) -> None:
    swapped = {0: 3, 3: 0}
    forge(release, "fixed_count", lambda row: {"requested": swapped[row["requested"]]}, records=True)
    assert "requested is 3, table synthetic says 0" in fault(release)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("removals", "which no kept row of removals is"),
        ("calibrated_counts", "which no kept row of calibrated_counts is"),
        ("density_labels", "which no kept row of density_labels is"),
        ("synthetic", "is in no row of table synthetic"),
        ("images", "is in no row of table images"),
        ("prompts", "is in no row of table prompts"),
    ],
)
def test_dangling_reference(release: Path, table: str, said: str) -> None:
    path = f"tables/{table}.parquet"
    edit(release, path, lambda rows: rows.clear())
    say(release, lambda index: next(file for file in index["files"] if file["path"] == path).update(rows=0))
    assert said in fault(release)


def replace_image(folder: Path, data: bytes) -> None:
    """Put another image into the first row of the counted images, and say its hash there."""
    sha256 = hashlib.sha256(data).hexdigest()
    values = {"image": {"bytes": data, "path": f"{sha256[:16]}.jpg"}, "sha256": sha256}
    edit(folder, COUNTED, lambda rows: rows[0].update(values))


def test_made_image_without_a_mark(release: Path) -> None:
    replace_image(release, encode_jpeg(picture(5)))
    assert "the image's digital source type is None, expected composite" in fault(release)


def test_image_with_exif(release: Path) -> None:
    image = PIL.Image.fromarray(picture(5))
    exif = PIL.Image.Exif()
    exif[0x010F] = "a camera"
    stream = io.BytesIO()
    image.save(stream, "jpeg", exif=exif)
    replace_image(release, stream.getvalue())
    assert "the image carries EXIF" in fault(release)


def test_column_of_another_type(release: Path) -> None:
    table = pq.read_table(release / COUNTED)
    at = table.schema.get_field_index("requested")
    wide = table.set_column(at, "requested", table["requested"].cast(pa.int64()))
    pq.write_table(wide, release / COUNTED)
    reseal(release)
    assert "column 'requested' is int64, expected int32" in fault(release)


def test_column_too_many(release: Path) -> None:
    table = pq.read_table(release / COUNTED)
    pq.write_table(table.append_column("extra", table["id"]), release / COUNTED)
    reseal(release)
    assert "columns ['extra'] are missing or too many" in fault(release)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda index: index["made_by"].pop("removals"), "made_by does not say what made table removals"),
        (lambda index: index["made_by"].update(removals=7), "made_by does not say what made table removals"),
        (lambda index: index["made_by"].update(removals=[[]]), "made_by[removals] lacks schema, stage or code"),
        (lambda index: index["totals"].update(samples_with_pixels=1), "totals say 1 samples_with_pixels"),
        (lambda index: index["left_out"]["ranked_pairs"].update(withdrawn=2), "rows do not add up: ranked_pairs"),
        (lambda index: index.update(version="9.9.9"), "the index says 9.9.9"),
        (lambda index: index["files"].reverse(), "not sorted by path"),
        (lambda index: index["files"][0].update(rows="2"), "a value is of the wrong type"),
        (lambda index: index.pop("totals"), "lacks a total"),
        (lambda index: index["provenance"]["config"].clear(), "does not say how its images were finished"),
    ],
)
def test_index_that_says_other_than_the_files(
    release: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    say(release, change)
    assert said in fault(release)


def test_bytes_alone_do_not_look_into_rows(release: Path) -> None:
    edit(release, COUNTED, lambda rows: rows[0].update(count=7))
    assert verify_bytes(release)["samples"]["fixed_count/train"] == 2
    (release / COUNTED).write_bytes(b"PAR1")
    with pytest.raises(ThrongError, match=r"4 bytes, index.json says"):
        verify_bytes(release)


@pytest.mark.slow
def test_processes_find_what_threads_find(release: Path) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert verify(release, pool=pool)["images"] == 3 * 4 + 2
    edit(release, COUNTED, lambda rows: rows[0].update(count=7))
    with (
        ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(ThrongError, match="count is 7"),
    ):
        verify(release, pool=pool)


def test_rebuilt_release_is_verified_on_demand_alone(release: Path) -> None:
    with pytest.raises(ThrongError, match="is no rebuilt release"):
        verify(release, rebuilt=True)
    say(release, lambda index: index.update(rebuilt={"may_be_passed_on": False}))

    def annotate(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if not row["redistributable"])["count"] = 3

    edit(release, "tables/images.parquet", annotate)
    assert "verify it with --rebuilt" in fault(release)
    assert verify(release, rebuilt=True)["images"] == 3 * 4 + 2


@pytest.mark.slow
def test_image_of_a_known_test_set_is_found(sound: Path, tmp_path: Path) -> None:
    rows = pq.read_table(sound / PAIRS, columns=["image_more", "more_id"]).to_pylist()
    shown = PIL.Image.open(io.BytesIO(rows[0]["image_more"]["bytes"])).convert("RGB")
    apart, same = tmp_path / "apart", tmp_path / "same"
    for folder, image in ((apart, picture(999)), (same, np.asarray(shown)[:, ::-1])):
        folder.mkdir()
        (folder / "1.jpg").write_bytes(encode_jpeg(image, 85))
    with ThreadPoolExecutor(1) as pool:
        assert check_known(sound, apart, pool) == {"compared": 3 * 4 + 2, "with": 1}
    with ThreadPoolExecutor(1) as pool, pytest.raises(ThrongError, match=r"shows image 1.jpg of .* again"):
        check_known(sound, same, pool)


@pytest.mark.parametrize(("content", "said"), [(None, "has no image"), (b"\xff\xd8\xff", "1.jpg")])
def test_test_set_that_cannot_be_read(sound: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "1.jpg").write_bytes(content)
    with ThreadPoolExecutor(1) as pool, pytest.raises(ThrongError, match=said):
        check_known(sound, tmp_path, pool)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("  - name: id\n", "  - nome: id\n", "datasets cannot load it (KeyError: 'name')"),
        ("    path: data/", "    path: [7]\n    was: data/", "no front matter with version and configs (path '[7]'"),
        ("configs:\n", "configs: [}\n", "no front matter with version and configs (while parsing"),
    ],
)
def test_a_card_that_is_almost_right_is_refused_in_a_sentence(release: Path, written: str, instead: str, said: str):
    path = release / "README.md"
    card = path.read_text()
    assert written in card
    path.write_text(card.replace(written, instead, 1))
    reseal(release)
    assert said in fault(release) and "\n" not in fault(release)
