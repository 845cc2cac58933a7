import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from throng.encoders.pictures import Pictures, Place, place_on
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg, encode_png

SIZE = (48, 64)


def scene(height, width, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height // 24 + 2, width // 24 + 2, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, None, fx=24, fy=24, interpolation=cv2.INTER_CUBIC)[:height, :width])


def pictures(folder, places, gigabytes=0.1):
    return Pictures(places, ImageStore({"photos": folder}), SIZE, gigabytes)


@pytest.mark.parametrize("shape", [(96, 128), (480, 640), (1023, 1364), (24, 32), (48, 64)])
def test_a_picture_of_the_same_aspect_shows_no_canvas(shape):
    # with a canvas, the mean colour would stand at an edge
    image = np.zeros((*shape, 3), np.uint8)
    image[:, : shape[1] // 2] = 255
    placed = place_on(image, SIZE)
    assert placed.shape == (*SIZE, 3)
    assert placed.dtype == np.uint8
    assert (placed[:, :31] == 255).all()
    assert (placed[:, 33:] == 0).all()


def test_a_square_picture_is_centred_between_bars_of_its_mean_colour():
    image = np.zeros((96, 96, 3), np.uint8)
    image[:, :48] = (200, 100, 50)
    placed = place_on(image, SIZE)
    assert (placed[:, :8] == (100, 50, 25)).all()
    assert (placed[:, -8:] == (100, 50, 25)).all()
    assert (placed[:, 8:32] == (200, 100, 50)).all()
    assert (placed[:, 32:56] == 0).all()


def test_a_tall_picture_has_its_bars_on_both_sides_and_a_wide_one_above_and_below():
    assert (place_on(np.full((300, 3, 3), 9, np.uint8), SIZE) == 9).all()
    wide = np.zeros((20, 200, 3), np.uint8)
    wide[10:] = 100
    placed = place_on(wide, SIZE)
    assert (placed[[0, 20, 27, 47]] == 50).all()
    assert (placed[22:24] == 0).all()
    assert (placed[25] == 100).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 9))
def test_shrinking_preserves_the_mean(factor, seed):
    image = np.random.default_rng(seed).integers(0, 256, (24 * factor, 32 * factor, 3), dtype=np.uint8)
    placed = place_on(image, (24, 32))
    assert np.abs(placed.mean((0, 1)) - image.mean((0, 1))).max() < 0.6


def test_fine_stripes_leave_no_moire():
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(place_on(stripes, (47, 63)).astype(int)) < 40
    assert np.abs(place_on(stripes, SIZE).astype(int) - 128).max() <= 1


@pytest.mark.parametrize("crop", [None, {"x": 17, "y": 3, "w": 500, "h": 333}])
def test_a_photograph_and_its_lossless_copy_look_the_same(tmp_path, crop):
    data = encode_jpeg(scene(500, 700))
    whole = decode(data)
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "a.png").write_bytes(encode_png(whole))
    photograph, copy = pictures(tmp_path, [Place("photos", f"a.{suffix}", crop) for suffix in ("jpg", "png")])
    assert np.array_equal(photograph, copy)
    part = whole if crop is None else whole[3:336, 17:517]
    assert np.array_equal(photograph, place_on(part, SIZE))


def test_crops_lie_in_the_picture_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    scenery = scene(200, 300)
    Image.fromarray(scenery).save(tmp_path / "a.tif", exif=exif)
    seen = pictures(tmp_path, [Place("photos", "a.tif", {"x": 0, "y": 10, "w": 128, "h": 96})])[0]
    assert np.array_equal(seen, place_on(np.rot90(scenery, -1)[10:106, :128], SIZE))


def test_a_picture_is_read_once_while_memory_lasts(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(encode_png(scene(96, 128)))
    places = [Place("photos", "a.png"), Place("photos", "b.png")]
    lasting = pictures(tmp_path, places, gigabytes=1.5 * 48 * 64 * 3 / 2**30)
    first, second = lasting[0], lasting[1]
    assert len(lasting) == 2
    (tmp_path / "a.png").unlink()
    assert np.array_equal(lasting[0], first)
    assert np.array_equal(lasting[-1], second)
    (tmp_path / "b.png").unlink()
    with pytest.raises(ThrongError, match=r"cannot read 'b.png' of source 'photos'"):
        lasting[1]


def test_pictures_cannot_be_written_into(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(scene(96, 128)))
    for gigabytes in (0, 0.1):
        seen = pictures(tmp_path, [Place("photos", "a.png")], gigabytes)
        for _ in range(2):
            with pytest.raises(ValueError, match="read-only"):
                seen[0][:] = 0


def test_many_threads_see_the_same_pictures(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(scene(96, 128, number)))
    places = [Place("photos", f"{number}.jpg") for number in range(6)]
    alone = [np.array(picture) for picture in pictures(tmp_path, places)]
    together = pictures(tmp_path, places, gigabytes=4.5 * 48 * 64 * 3 / 2**30)
    gate = threading.Barrier(8)

    def look(start):
        gate.wait()
        return [(i % 6, together[i % 6]) for i in range(start, start + 12)]

    with ThreadPoolExecutor(8) as pool:
        for seen in pool.map(look, range(8)):
            assert all(np.array_equal(picture, alone[number]) for number, picture in seen)


@pytest.mark.parametrize(
    "crop",
    [{"x": 100, "y": 0, "w": 32, "h": 24}, {"x": -1, "y": 0, "w": 32, "h": 24}, {"x": 0, "y": 0, "w": 0, "h": 24}],
)
def test_a_crop_outside_is_refused(tmp_path, crop):
    (tmp_path / "a.png").write_bytes(encode_png(scene(96, 128)))
    with pytest.raises(ThrongError, match=r"picture 'a.png' of source 'photos': its crop .* is no part of 128 x 96"):
        pictures(tmp_path, [Place("photos", "a.png", crop)])[0]


@pytest.mark.parametrize("data", [b"", b"no image", encode_jpeg(scene(400, 600))[:9000]], ids=["empty", "text", "cut"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ThrongError, match=r"picture 'a.jpg' of source 'photos': the "):
        pictures(tmp_path, [Place("photos", "a.jpg")])[0]
