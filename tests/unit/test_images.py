"""Pixels: readable through zips, honest about damage, packed with equal bytes."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg, encode_png, image_id, pack_zip, split_container


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def test_png_round_trip_is_exact_and_rgb(photo):
    assert np.array_equal(decode(encode_png(photo)), photo)
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    assert decode(encode_jpeg(red))[0, 0, 0] > 250


def test_grey_and_16_bit_become_three_8_bit_channels(photo):
    grey = cv2.imencode(".png", photo[..., 0])[1].tobytes()
    deep = cv2.imencode(".png", photo.astype(np.uint16) * 256)[1].tobytes()
    assert decode(grey).shape == decode(deep).shape == photo.shape
    assert decode(deep).dtype == np.uint8


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"hello", lambda b: b[: len(b) // 2]])
def test_damaged_bytes_are_an_error_not_a_grey_image(photo, damage):
    with pytest.raises(ThrongError):
        decode(damage(encode_jpeg(photo)))


def test_store_reads_folders_and_zips_alike(tmp_path, photo):
    data = encode_png(photo)
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "a,b.png").write_bytes(data)
    pack_zip(tmp_path / "deep.zip", {"Images/a,b.png": data})
    store = ImageStore({"s": tmp_path})
    assert store.read_bytes("s", "loose/a,b.png") == store.read_bytes("s", "deep.zip/Images/a,b.png") == data
    for source, path in (("s", "gone.png"), ("s", "deep.zip/gone.png"), ("t", "a")):
        with pytest.raises(ThrongError):
            store.read_bytes(source, path)
    store.close()


def test_a_root_may_itself_be_a_zip(tmp_path, photo):
    pack_zip(tmp_path / "archive.zip", {"x/a.png": encode_png(photo)})
    store = ImageStore({"s": tmp_path / "archive.zip"})
    assert store.read_bytes("s", "x/a.png") == encode_png(photo)
    store.close()


def test_packed_zips_depend_on_content_alone(tmp_path):
    pack_zip(tmp_path / "one.zip", {"b": b"2", "a": b"1"})
    (tmp_path / "file").write_bytes(b"1")
    pack_zip(tmp_path / "two.zip", {"a": tmp_path / "file", "b": b"2"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_container_split_and_id():
    assert split_container("a/B.ZIP/c/d.jpg") == ("a/B.ZIP", "c/d.jpg")
    assert split_container("a/b.zip") == ("a/b.zip", None)
    assert image_id(b"") == "e3b0c44298fc1c14"


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_disk_that_fails_is_no_fault_of_the_image(tmp_path, photo, monkeypatch, code):
    (tmp_path / "a.png").write_bytes(encode_png(photo))

    def fail(_: Path) -> bytes:
        raise OSError(code, "failed")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match=r"a\.png"):
        ImageStore({"source": tmp_path}).read_bytes("source", "a.png")
