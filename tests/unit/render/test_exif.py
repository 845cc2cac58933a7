import dataclasses
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from throng.errors import ThrongError
from throng.images import decode, encode_jpeg, encode_png
from throng.render.camera import Camera
from throng.render.exif import with_exif
from throng.sources.headers import read_header

CAMERA = Camera(4.2, 611.731905, 80.5, 640, 480)
IMAGE = cv2.resize(np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8), (640, 480))


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1024, 768), (64, 64)])
@pytest.mark.parametrize("focal", [0.75, 0.9876543, 1.25])
def test_the_focal_length_comes_back(size, focal):
    width, height = size
    camera = Camera(3.0, focal * max(size), 10.0, width, height)
    jpeg = with_exif(encode_jpeg(cv2.resize(IMAGE, size)), camera)
    header = read_header(jpeg, 1 << 30)
    assert (header.width, header.height, header.orientation) == (width, height, 1)
    assert header.focal_px == pytest.approx(camera.focal_px, rel=1e-6)


def test_every_decoder_sees_the_same_pixels():
    plain = encode_jpeg(IMAGE)
    jpeg = with_exif(plain, CAMERA)
    assert np.array_equal(decode(jpeg), decode(plain))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(jpeg))), np.asarray(Image.open(io.BytesIO(plain))))


def test_other_programs_read_it():
    photograph = Image.open(io.BytesIO(with_exif(encode_jpeg(IMAGE), CAMERA)))
    tags = photograph.getexif().get_ifd(0x8769)
    assert float(tags[0x920A]) == pytest.approx(CAMERA.focal_px * 36 / 640)
    assert tags[0xA405] == round(CAMERA.focal_px * 43.26661 / 800)
    assert (tags[0xA002], tags[0xA003], tags[0x9000]) == (640, 480, b"0232")


def test_bytes_are_a_function_of_the_camera():
    plain = encode_jpeg(IMAGE)
    assert with_exif(plain, CAMERA) == with_exif(plain, dataclasses.replace(CAMERA))
    assert with_exif(plain, CAMERA) != with_exif(plain, dataclasses.replace(CAMERA, focal_px=612.0))


def test_only_a_jpeg_gets_it():
    with pytest.raises(ThrongError, match="JFIF"):
        with_exif(encode_png(IMAGE), CAMERA)
