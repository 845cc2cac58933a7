"""Rendered archives: the formats of the originals, the truth beside them, and bytes that depend on nothing else."""

import json
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.io import loadmat

from throng import rle
from throng.errors import ThrongError
from throng.images import decode
from throng.render import archives
from throng.render.archives import Style, mat_bytes, odgt_record, people_in_frame, write_archives
from throng.render.scene import make_scene, render_frame
from throng.sources.headers import read_header

OPTIONS = {
    "seed": 3, "crowdhuman": 10, "shanghaitech": 9, "width": 160, "height": 120, "min_people": 2, "max_people": 30,
    "frames_per_scene": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("rendered")
    write_archives(target, **OPTIONS)
    return target


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, dict]:
    return {row["path"]: row for row in pq.read_table(folder / "truth.parquet").to_pylist()}


def read(folder: Path, path: str) -> bytes:
    container, member = path.split(".zip/")
    with zipfile.ZipFile(folder / f"{container}.zip") as archive:
        return archive.read(member)


def annotations(folder: Path) -> dict[str, dict]:
    lines = {}
    for split, name in archives.CROWDHUMAN_ZIPS.items():
        for line in (folder / "crowdhuman" / f"annotation_{split}.odgt").read_text().splitlines():
            record = json.loads(line)
            lines[f"crowdhuman/{name}/Images/{record['ID']}.jpg"] = record
    return lines


def test_the_bytes_do_not_depend_on_workers(folder: Path, tmp_path: Path) -> None:
    killed = tmp_path / ".rendering-of-a-killed-run"
    killed.mkdir()
    (killed / "frame.jpg").write_bytes(b"half")
    write_archives(tmp_path, **OPTIONS, workers=2)
    assert not list(tmp_path.glob(".*")), "no scratch stays, nor that of a run that was killed"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert len(names) == 6
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_every_image_has_one_truth_row_and_its_size(folder: Path, truth: dict[str, dict]) -> None:
    images = set()
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
        assert [info.filename for info in infos] == sorted(info.filename for info in infos)
        assert all(info.compress_type == zipfile.ZIP_STORED and info.date_time[0] == 1980 for info in infos)
        images |= {f"{path.relative_to(folder)}/{i.filename}" for i in infos if i.filename.endswith(".jpg")}
    assert images == set(truth)
    assert sum(row["archive"] == "crowdhuman" for row in truth.values()) == 10
    assert sum(row["archive"] == "shanghaitech" for row in truth.values()) == 9
    for path, row in truth.items():
        assert decode(read(folder, path)).shape == (row["height"], row["width"], 3)


def test_only_crowdhuman_files_name_their_focal_length(folder: Path, truth: dict[str, dict]) -> None:
    for path, row in truth.items():
        focal = read_header(read(folder, path), 1 << 20).focal_px
        assert focal == (pytest.approx(row["focal_px"], rel=1e-6) if row["archive"] == "crowdhuman" else None)


def test_crowdhuman_annotations_hold_the_counted_people(folder: Path, truth: dict[str, dict]) -> None:
    records = annotations(folder)
    assert set(records) == {path for path, row in truth.items() if row["archive"] == "crowdhuman"}
    for path, record in records.items():
        row = truth[path]
        prefix, digest = record["ID"].split(",")
        assert prefix == str(archives.FIRST_PREFIX + int(row["scene"].removeprefix("scene-"))) and len(digest) == 16
        people = [box for box in record["gtboxes"] if box["tag"] == "person"]
        kept = [box for box in people if not box["extra"].get("ignore")]
        wanted = np.array(row["counted"], bool)
        assert len(kept) == row["count"] == wanted.sum()
        for key, column in (("hbox", "head_boxes"), ("fbox", "full_boxes"), ("vbox", "visible_boxes")):
            assert [box[key] for box in kept] == [b for b, ok in zip(row[column], wanted, strict=True) if ok]
        assert [box["extra"]["box_id"] for box in people] == list(range(len(people)))
        masks = [box for box in record["gtboxes"] if box["tag"] == "mask"]
        assert [box["fbox"] for box in masks] == row["lookalikes"]
        assert all(box["extra"] == {"ignore": 1} and box["head_attr"] == {} for box in masks)


def test_statues_and_hidden_people_are_marked_to_be_ignored() -> None:
    scene = next(s for s in (make_scene(3, i, 160, 120) for i in range(40)) if len(s.lookalikes))
    frame = render_frame(scene, 1, 300)
    boxes = json.loads(odgt_record(frame, "1,a"))["gtboxes"]
    assert [box["tag"] for box in boxes].count("mask") == len(scene.lookalikes)
    ignored = [box for box in boxes if box["tag"] == "person" and box["extra"].get("ignore") == 1]
    assert len(ignored) == (~frame.people.counted & (frame.people.visible_pixels > 0)).sum() > 0


def test_shanghaitech_labels_are_the_counted_heads_one_based(folder: Path, truth: dict[str, dict]) -> None:
    numbers: dict[str, list[int]] = {"train": [], "test": []}
    for path, row in truth.items():
        if row["archive"] != "shanghaitech":
            continue
        label = path.replace("/images/IMG_", "/ground-truth/GT_IMG_").replace(".jpg", ".mat")
        scratch = folder / "label.mat"
        scratch.write_bytes(read(folder, label))
        info = loadmat(scratch)["image_info"][0, 0][0, 0]
        scratch.unlink()
        heads = np.array(row["head_points"]).reshape(-1, 2)[np.array(row["counted"], bool)]
        assert info[0].dtype == np.float64
        np.testing.assert_array_equal(info[0], heads + 1)
        assert int(info[1].squeeze()) == row["count"]
        numbers[row["split"]].append(int(path.rsplit("IMG_", 1)[1].removesuffix(".jpg")))
    assert sorted(numbers["train"]) == list(range(1, 7)) and sorted(numbers["test"]) == list(range(1, 4))


def test_a_mat_file_carries_no_date_and_may_be_empty(tmp_path: Path) -> None:
    assert mat_bytes(np.zeros((0, 2))) == mat_bytes(np.zeros((0, 2)))
    assert b"Created on" not in mat_bytes(np.ones((3, 2)))
    (tmp_path / "empty.mat").write_bytes(mat_bytes(np.zeros((0, 2))))
    info = loadmat(tmp_path / "empty.mat")["image_info"][0, 0][0, 0]
    assert info[0].shape == (0, 2) and int(info[1].squeeze()) == 0


def test_scenes_lie_in_one_split_and_one_archive(truth: dict[str, dict]) -> None:
    homes: dict[str, set] = {}
    for row in truth.values():
        homes.setdefault(row["scene"], set()).add((row["archive"], row["split"]))
    assert all(len(home) == 1 for home in homes.values())
    assert {split for home in homes.values() for _, split in home} == {"train", "val", "test"}


def test_truth_masks_decode_to_the_instance_map(truth: dict[str, dict]) -> None:
    row = next(row for row in truth.values() if row["people"] > 5)
    frame = render_frame(make_scene(3, int(row["scene"][6:]), 160, 120), row["frame"], row["people"])
    for index, counts in enumerate(row["masks"]):
        assert np.array_equal(rle.decode(counts, 120, 160), frame.instances == index + 1)


def test_crowds_stay_within_bounds_and_some_frames_are_empty() -> None:
    style = Style(seed=1, width=160, height=120, min_people=4, max_people=60, empty_share=0.1)
    counts = np.array([people_in_frame(style, scene, frame) for scene in range(150) for frame in range(4)])
    assert 0.04 < (counts == 0).mean() < 0.2
    assert counts[counts > 0].min() >= 4 and counts.max() <= 60
    assert 10 < np.median(counts[counts > 0]) < 25
    assert people_in_frame(Style(1, 160, 120, 0, 0, 0.0), 0, 0) == 0


def test_frames_that_are_crowded_by_themselves_say_nothing_of_their_scene() -> None:
    def spread_within_scenes(crowd_of: Literal["scene", "frame"]) -> float:
        style = Style(1, 160, 120, 4, 60, 0.0, crowd_of)
        counts = np.array([[people_in_frame(style, scene, frame) for frame in range(20)] for scene in range(40)])
        assert counts.min() >= 4 and counts.max() <= 60
        return float(np.log(counts).std(axis=1).mean() / np.log(counts).std())

    assert spread_within_scenes("scene") < 0.5
    assert spread_within_scenes("frame") > 0.9


def test_archives_that_are_not_asked_for_are_not_written(tmp_path: Path) -> None:
    write_archives(tmp_path, **{**OPTIONS, "crowdhuman": 0, "shanghaitech": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shanghaitech.zip", "truth.parquet"]


def test_contradicting_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="swap"):
        write_archives(tmp_path, **{**OPTIONS, "min_people": 50})
    with pytest.raises(ThrongError, match="at least one frame"):
        write_archives(tmp_path, **{**OPTIONS, "frames_per_scene": 0})
