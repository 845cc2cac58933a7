import hashlib
import io
import json
import logging
import os
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.manifest import read_rows
from throng.roots import RESULTS
from throng.sections.ingest import Ingest
from throng.sources.samples import Sample
from throng.sources.splits import limited, with_validation
from throng.stage import Context, Files
from throng.stages import ingest
from throng.tables.images import TABLE, ImageRow


def jpeg(seed: int, height: int = 30, width: int = 40, **options) -> bytes:
    pixels = cv2.resize(np.random.default_rng(seed).integers(0, 255, (4, 5, 3), dtype=np.uint8), (width, height))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **options)
    return stream.getvalue()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def mat(points) -> bytes:
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"location": np.asarray(points, np.float64), "number": len(points)}
    stream = io.BytesIO()
    savemat(stream, {"image_info": cell})
    return stream.getvalue()


class Bench:
    """A results folder and sources to ingest."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *sources, seed=0, threads=2, out="out", **settings) -> dict[str, ImageRow]:
        roots = {source["name"]: Path(source["root"]) for source in sources} | {RESULTS: self.root / out}
        config = Ingest.model_validate({"sources": list(sources)} | settings)
        context = Context("ingest", seed, threads, {}, roots, {}, "code", {})
        self.images, self.summary_file = self.root / out / "images.parquet", self.root / out / "summary.json"
        outputs = Files({"images": [str(self.images)], "summary": [str(self.summary_file)]})
        ingest.run(Files({}), outputs, config, context)
        self.summary = json.loads(self.summary_file.read_text())
        return {row.path: row for row in read_rows(self.images, TABLE, ImageRow)}


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def folder(root, name="photos", **more):
    return {"name": name, "format": "folder", "root": str(root)} | more


def shanghaitech(root, name="sht", **more):
    return {"name": name, "format": "shanghaitech", "root": str(root), "official": False} | more


def test_a_row_holds_what_the_file_and_its_annotation_say(bench, tmp_path):
    data = jpeg(1)
    put(tmp_path / "s/test_data/images/IMG_1.jpg", data)
    put(tmp_path / "s/test_data/ground-truth/GT_IMG_1.mat", mat([[1, 1], [0.2, 9], [40, 30]]))
    (row,) = bench.run(shanghaitech(tmp_path / "s", licence="CC0-1.0", redistributable=True)).values()
    sha256 = hashlib.sha256(data).hexdigest()
    assert (row.id, row.sha256, row.bytes) == (sha256[:16], sha256, len(data))
    assert (row.format, row.width, row.height, row.channels) == ("jpeg", 40, 30, 3)
    assert (row.split, row.scene, row.licence, row.redistributable) == ("test", "sht/test/IMG_1", "CC0-1.0", True)
    assert row.count == 3
    assert row.points == [{"x": 0, "y": 0}, {"x": 0, "y": 8}, {"x": 39, "y": 29}]
    assert row.people is None
    assert row.erratum == "1 point outside the frame by up to 0.30 px: moved onto its edge"
    assert (row.status, row.reason) == ("ok", "")
    assert bench.summary["sources"]["sht"]["splits"] == {
        "test": {"heads": 3, "left out by limit": 0, "rows": {"ok": 1}, "with an erratum": 1}
    }


def test_the_focal_length_is_that_of_the_exif(bench, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 26
    put(tmp_path / "s/camera.jpg", jpeg(1, exif=exif))
    put(tmp_path / "s/plain.jpg", jpeg(2))
    rows = bench.run({"name": "s", "format": "folder", "root": str(tmp_path / "s"), "split": "train"})
    focal = {Path(path).stem: row.focal_px for path, row in rows.items()}
    assert focal == {"camera": pytest.approx(26 * 50 / 43.26661), "plain": None}


def test_what_cannot_be_used_is_kept_with_its_reason(bench, tmp_path):
    good = jpeg(1)
    files = {
        "good.jpg": good,
        "cut.jpg": good[:-200],
        "empty.jpg": b"",
        "text.jpg": b"404 not found",
        "copy.jpg": good,
        "huge.png": cv2.imencode(".png", np.zeros((200, 300), np.uint8))[1].tobytes(),
        "cmyk.jpg": _cmyk(),
        "turned.jpg": jpeg(3, exif=_orientation(6)),
        "later.jpg": jpeg(4, progressive=True),
        "notes.txt": b"not looked at",
    }
    for name, data in files.items():
        put(tmp_path / "p" / name, data)
    (tmp_path / "p" / "loop").symlink_to(tmp_path / "p", target_is_directory=True)
    rows = bench.run(folder(tmp_path / "p"), max_pixels=50_000, val_fraction=0)
    assert {name: row.reason.split(":")[0] for name, row in rows.items()} == {
        "good.jpg": "duplicate",
        "copy.jpg": "",
        "cut.jpg": "truncated",
        "empty.jpg": "empty file",
        "text.jpg": "not an image",
        "huge.png": "too large",
        "cmyk.jpg": "",
        "turned.jpg": "",
        "later.jpg": "",
        "loop": "unreadable",
    }
    assert rows["good.jpg"].reason == "duplicate: same bytes as photos/copy.jpg"
    assert (rows["turned.jpg"].width, rows["turned.jpg"].height) == (30, 40)
    assert rows["cmyk.jpg"].channels == 4
    assert rows["copy.jpg"].count is None
    assert bench.summary["total"]["ok"] == 4
    assert sum(bench.summary["total"].values()) == len(rows)
    assert bench.summary["sources"]["photos"]["other files left alone"] == 1
    store = ImageStore({"photos": tmp_path / "p"})
    for row in rows.values():
        if row.status == "ok":
            assert decode(store.read_bytes("photos", row.path)).shape[:2] == (row.height, row.width)


def _cmyk() -> bytes:
    stream = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(stream, "JPEG")
    return stream.getvalue()


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_of_equal_bytes_in_two_splits_the_test_image_stays(bench, tmp_path):
    for split in ("train", "test"):
        put(tmp_path / f"s/{split}_data/images/IMG_1.jpg", jpeg(1))
        put(tmp_path / f"s/{split}_data/ground_truth/GT_IMG_1.mat", mat([[1, 1]]))
    put(tmp_path / "p/same.jpg", jpeg(1))
    rows = bench.run(folder(tmp_path / "p"), shanghaitech(tmp_path / "s"))
    kept = [row for row in rows.values() if row.status == "ok"]
    assert [row.path for row in kept] == ["test_data/images/IMG_1.jpg"]
    assert rows["same.jpg"].reason == "duplicate: same bytes as sht/test_data/images/IMG_1.jpg"


def crowd(root: Path, images: dict[str, bytes]) -> None:
    for name, data in images.items():
        put(root / "Images" / f"{name}.jpg", data)
    people = [{"tag": "person", "hbox": [4, 5, 3, 3], "vbox": [3, 5, 6, 20], "fbox": [-3, 5, 9, 24]}]
    lines = [json.dumps({"ID": name, "gtboxes": people}) for name in images]
    (root / "annotation_train.odgt").write_text("\n".join(lines))


def test_packed_and_unpacked_give_the_same_rows(bench, tmp_path):
    crowd(tmp_path / "c", {f"{number},x": jpeg(number) for number in range(30)})
    packed = tmp_path / "packed"
    packed.mkdir()
    shutil.copy(tmp_path / "c/annotation_train.odgt", packed)
    with zipfile.ZipFile(packed / "CrowdHuman_train01.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((tmp_path / "c/Images").iterdir()):
            archive.write(path, f"Images/{path.name}")
    shutil.make_archive(str(tmp_path / "whole"), "zip", tmp_path / "c")

    def rows(root):
        source = {"name": "ch", "format": "crowdhuman", "root": str(root), "limit": {"train": 12}, "official": False}
        found = bench.run(source, val_fraction=0.3).values()
        assert all(row.people[0]["full"]["x"] == -3 and row.points == [{"x": 5, "y": 6}] for row in found)
        return {(row.id, row.split, row.scene, row.count) for row in found}

    folders = rows(tmp_path / "c")
    assert {split for _, split, _, _ in folders} == {"train", "val"}
    assert rows(packed) == folders
    assert rows(tmp_path / "whole.zip") == folders
    assert bench.summary["sources"]["ch"]["splits"]["train"]["left out by limit"] > 0


def test_a_damaged_member_rejects_its_own_row_only(bench, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.jpg", jpeg(1))
        archive.writestr("b.jpg", jpeg(2))
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[200] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(bytes(data))
    rows = bench.run(folder(tmp_path / "x.zip"))
    assert rows["a.jpg"].reason == "unreadable: the archive is damaged"
    assert rows["b.jpg"].status == "ok"


def test_no_folder_of_this_machine_is_in_the_outputs(bench, tmp_path):
    put(tmp_path / "p/a.jpg", jpeg(1))
    (tmp_path / "p/b.jpg").symlink_to(tmp_path / "nowhere")
    bench.run(folder(tmp_path / "p"))
    assert str(tmp_path).encode() not in bench.images.read_bytes() + bench.summary_file.read_bytes()
    for text in pq.read_table(bench.images).column("reason").to_pylist():
        assert str(tmp_path) not in text


def test_outputs_are_the_same_bytes_again_whatever_the_threads(bench, tmp_path):
    for number in range(20):
        put(tmp_path / f"p/s{number % 4}/{number}.jpg", jpeg(number // 2))
    bench.run(folder(tmp_path / "p"), threads=1)
    first = bench.images.read_bytes(), bench.summary_file.read_bytes()
    shutil.copytree(tmp_path / "p", tmp_path / "q")
    bench.run(folder(tmp_path / "q"), threads=4, out="again")
    assert (bench.images.read_bytes(), bench.summary_file.read_bytes()) == first


def test_differences_to_the_published_set_are_logged(bench, tmp_path, caplog):
    put(tmp_path / "s/test_data/images/IMG_1.jpg", jpeg(1))
    put(tmp_path / "s/test_data/ground_truth/GT_IMG_1.mat", mat([[1, 1]]))
    with caplog.at_level(logging.WARNING):
        bench.run(shanghaitech(tmp_path / "s", part="A", official=True))
    assert "part A test has 1 annotated images, the published set has 182; missing 181: IMG_2, IMG_3" in caplog.text
    assert len(bench.summary["sources"]["sht"]["warnings"]) == 2


def test_a_source_that_is_not_what_it_says_is_one_sentence(bench, tmp_path):
    put(tmp_path / "p/a.jpg", jpeg(1))
    with pytest.raises(ThrongError, match=r"^source 'sht': no images of part B with \.mat files were found"):
        bench.run(shanghaitech(tmp_path / "p"))


def test_all_scenes_in_validation_is_warned_of(bench, tmp_path):
    put(tmp_path / "p/one/a.jpg", jpeg(1))
    bench.run(folder(tmp_path / "p"), val_fraction=0.999999)
    assert bench.summary["sources"]["photos"]["warnings"][0].startswith("every training scene fell to validation")


def sample(key: str, scene: str, split: str = "train", problem: str = "") -> Sample:
    return Sample(key, key, split, scene, problem=problem)


names = st.lists(st.text(min_size=1), unique=True, max_size=40)


@given(names, names, st.floats(0, 0.99), st.integers(0, 2**32))
def test_adding_images_moves_no_other_into_or_out_of_validation(before, added, fraction, seed):
    def splits(keys):
        found = [sample(key, f"scene {hash(key) % 7}") for key in keys]
        return {one.key: one.split for one in with_validation(found, "s", fraction, seed)}

    old, new = splits(before), splits(dict.fromkeys(before + added))
    assert all(new[key] == old[key] for key in before)


def test_validation_takes_whole_scenes_and_its_share():
    found = [sample(f"{scene}/{number}", str(scene)) for scene in range(2000) for number in range(2)]
    split = with_validation(found, "s", 0.2, 3)
    assert [one.split for one in split[::2]] == [one.split for one in split[1::2]]
    assert 0.17 < sum(one.split == "val" for one in split) / len(split) < 0.23
    assert with_validation(found, "s", 0.2, 4) != split
    own = [*found, sample("v", "v", "val")]
    assert with_validation(own, "s", 0.2, 3) == own


@given(names, st.integers(0, 20), st.randoms())
def test_a_limit_chooses_by_hash_and_keeps_what_is_broken(keys, most, random):
    found = [sample(key, key) for key in keys] + [sample("\0bad", "bad", problem="x")]
    chosen, left_out = limited(found, {"train": most}, "s", 0)
    assert len(chosen) == min(most, len(keys)) + 1
    assert left_out["train"] == max(0, len(keys) - most)
    random.shuffle(found)
    assert set(limited(found, {"train": most}, "s", 0)[0]) == set(chosen)
    fewer, _ = limited(found, {"train": max(0, most - 1)}, "s", 0)
    assert set(fewer) <= set(chosen)


@pytest.mark.real_data
def test_the_real_collections(bench, tmp_path):
    data = Path(os.environ.get("THRONG_DATA", ""))
    if not (data / "shanghaitech").is_dir():
        pytest.skip("THRONG_DATA names no folder with the real data sets")
    crowdhuman = {"name": "ch", "format": "crowdhuman", "root": str(data / "crowdhuman")}
    rows = bench.run(
        shanghaitech(data / "shanghaitech", "b", official=True),
        shanghaitech(data / "shanghaitech_sample", "a", part="A", official=True),
        folder(data / "pennfudan/PNGImages", "pennfudan"),
        crowdhuman,
    ).values()
    sources = bench.summary["sources"]
    assert sources["b"]["warnings"] == []
    b = sources["b"]["splits"]
    assert [b["test"]["rows"]["ok"], b["test"]["heads"]] == [316, 39_121]
    assert b["train"]["rows"]["ok"] + b["val"]["rows"]["ok"] == 400
    assert b["train"]["heads"] + b["val"]["heads"] == 49_151
    assert [text[:39] for text in sources["a"]["warnings"]] == [
        "part A train has 80 annotated images, t",
        "part A test has 20 annotated images, th",
    ]
    assert sources["ch"]["splits"]["train"]["rows"] == {"rejected: no image": 5}
    penn = [row for row in rows if row.source == "pennfudan"]
    assert (len(penn), {row.status for row in penn}, {row.format for row in penn}) == (60, {"ok"}, {"png"})
    scenes = {split: {row.scene for row in rows if row.split == split} for split in ("train", "val")}
    assert not scenes["train"] & scenes["val"]
    assert sum("same place within minutes" in row.erratum for row in rows) == 115
