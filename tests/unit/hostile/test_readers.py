"""Files that once made a reader crash, hang or swell: each is now a row with a reason, or one sentence."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fuzz.targets import TARGETS, mat
from throng.config import load
from throng.conversion.label_files import read_labels
from throng.errors import ThrongError
from throng.gan.tools.loss_log import read_log
from throng.labelled import labelled_images
from throng.manifest import read_footer
from throng.own_prompts import own_rows
from throng.provenance import FOOTER_KEY
from throng.ranking.legacy import read_counts
from throng.sources import matlab, odgt
from throng.sources.matlab import unpacked
from throng.sources.shanghaitech import read_mat

DEEP = b"[" * 100_000 + b"]" * 100_000


def sentence(call: Callable[[], object]) -> str:
    with pytest.raises(ThrongError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


HEAD = mat(0)[:128]


@pytest.mark.parametrize("kind", [0, 8, 10, 11, 19, 255, 2**15])
def test_a_mat_file_with_a_type_that_does_not_exist_is_refused_before_scipy_crashes(kind: int) -> None:
    whole = mat(0)
    at = whole.find(element(9, b""), 128)
    assert at > 0
    damaged = whole[:at] + struct.pack("<I", kind) + whole[at + 4 :]
    assert "bad annotation: the .mat file is damaged" in sentence(lambda: read_mat(damaged))


def test_a_mat_file_whose_numbers_hold_arrays_is_refused_before_scipy_crashes() -> None:
    whole = mat(0)
    at = whole.find(struct.pack("<IIBB", 6, 8, 2, 0), 128)  # of the class of structures
    assert at > 0
    damaged = whole[: at + 8] + bytes([11]) + whole[at + 9 :]
    assert "class 11 holds others" in sentence(lambda: read_mat(damaged))


def test_a_mat_file_is_unpacked_to_what_it_may_be_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matlab, "MOST_BYTES", 100_000)
    packed = zlib.compress(b"\0" * 100_001)
    assert "unpacked" in sentence(lambda: unpacked(HEAD + element(15, packed)))


def test_a_mat_file_nests_only_so_deep() -> None:
    inner = b""
    for _ in range(1000):
        inner = element(14, element(6, struct.pack("<II", 1, 0)) + inner)  # cells
    assert "nested" in sentence(lambda: unpacked(HEAD + inner))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("points", [0, 1, 2, 300])
def test_good_mat_files_are_read_as_they_were(points: int, compressed: bool) -> None:
    from scipy.io import loadmat, savemat

    location = np.random.default_rng(points).uniform(0, 500, (points, 2))
    info = np.empty((1, 1), object)
    info[0, 0] = {"location": location, "number": np.array([[points]], np.uint16)}
    out = io.BytesIO()
    savemat(out, {"image_info": info}, do_compression=compressed)
    found, number = read_mat(out.getvalue())
    assert np.array_equal(found, location.reshape(-1, 2)) and number == points
    loaded = loadmat(io.BytesIO(unpacked(out.getvalue())))["image_info"][0, 0]["location"][0, 0]
    assert np.array_equal(loaded, location)


def test_a_number_that_is_infinite_is_no_number_of_heads() -> None:
    from scipy.io import savemat

    info = np.empty((1, 1), object)
    info[0, 0] = {"location": np.ones((2, 2)), "number": np.inf}
    out = io.BytesIO()
    savemat(out, {"image_info": info})
    assert read_mat(out.getvalue())[1] is None


def test_json_nested_a_hundred_thousand_deep_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_bytes(b'{"labels": ' + DEEP + b"}")
    (tmp_path / "points.json").write_bytes(DEEP)
    (tmp_path / "log.jsonl").write_bytes(DEEP + b"\n")
    sentence(lambda: read_labels(tmp_path / "labels.json"))
    sentence(lambda: labelled_images(tmp_path))
    sentence(lambda: read_log(tmp_path / "log.jsonl", []))
    (line,) = odgt.lines(b'{"ID": "a", "gtboxes": ' + DEEP + b"}")
    assert line.problem or sentence(lambda: odgt.record(line))
    table = pa.table({"a": [1]}).replace_schema_metadata({FOOTER_KEY: DEEP})
    pq.write_table(table, tmp_path / "t.parquet")
    sentence(lambda: read_footer(tmp_path / "t.parquet"))


def test_numbers_beyond_all_machines_are_one_sentence(tmp_path: Path) -> None:
    huge = "9" * 400
    (tmp_path / "counts.json").write_text(f'[{{"image": "/a/b.jpg", "count": {huge}}}]')
    (tmp_path / "vector.json").write_text(f'{{"labels": [["a.png", [{huge}]]]}}')
    (tmp_path / "class.json").write_text('{"labels": [["a.png", 1000000000]]}')
    (tmp_path / "log.jsonl").write_text(f'{{"Progress/kimg": {huge}}}\n')
    sentence(lambda: read_counts(tmp_path / "counts.json"))
    sentence(lambda: read_labels(tmp_path / "vector.json"))
    assert "class 1000000000" in sentence(lambda: read_labels(tmp_path / "class.json"))
    sentence(lambda: read_log(tmp_path / "log.jsonl", []))


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", "a\0.jpg", "\\ud800.jpg", ""])
def test_head_points_name_images_of_their_own_folder_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "points.json").write_text(json.dumps({name: []}).replace("\\\\ud", "\\ud"))
    assert "is no path below the folder" in sentence(lambda: labelled_images(tmp_path))


def test_text_that_is_no_utf_8_is_one_sentence_wherever_it_stands(tmp_path: Path) -> None:
    good = tmp_path / "good.parquet"
    pq.write_table(pa.table({"text": ["MARKER"], "count": [1]}), good, compression="none", use_dictionary=False)
    (tmp_path / "bad.parquet").write_bytes(good.read_bytes().replace(b"MARKER", b"M\xff\xfeKER"))
    (tmp_path / "labels.csv").write_bytes(b"path,class\n\xff.png,1\n")
    sentence(lambda: own_rows(tmp_path / "bad.parquet", 0))
    sentence(lambda: read_labels(tmp_path / "labels.csv"))


def test_yaml_that_stands_for_billions_of_values_is_refused_with_the_first_of_them() -> None:
    bomb: list[object] = ["x"] * 9
    for _ in range(40):
        bomb = [bomb] * 9
    with pytest.raises(ThrongError) as caught:
        load({"ingest": bomb})
    assert len(str(caught.value)) < 2000


def test_a_hostile_name_cannot_speak_to_the_terminal() -> None:
    said = str(ThrongError("no image \x1b]0;owned\x07\x1b[2J\ud800\u202e is there"))
    assert said.isprintable() and "\\x1b]0;owned" in said
    said.encode()


def test_an_hdf5_file_stands_for_no_more_numbers_than_the_counter_has(tmp_path: Path) -> None:
    import h5py

    from throng.counting.registry import build, load_hdf5

    with h5py.File(tmp_path / "bomb.h5", "w") as archive:
        archive.create_dataset("a.weight", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1024, 1024))
    assert (tmp_path / "bomb.h5").stat().st_size < 1_000_000
    assert "more than all of this counter" in sentence(lambda: load_hdf5(build("mcnn", 1), tmp_path / "bomb.h5"))


def test_every_reader_that_is_fuzzed_has_a_name_of_its_own() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)
