import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.conversion.reading import by_pillow, file_of, photograph, psnr
from throng.conversion import lanczos
from throng.conversion.png import encode
from throng.conversion.transform import Square, square_of
from throng.density.crowd import Window
from throng.errors import ThrongError
from throng.sources.headers import read_header

TRANSFORMS = ("none", "center-crop", "center-crop-wide")
ORIENTATION = 0x0112


def squared(data, square, window=None):
    header = read_header(data, 10**9)
    assert not header.reason
    return square_of(data, header, window or square.window(header), square)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("size", [(201, 150), (150, 203), (97, 97), (64, 64)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_lanczos_is_pillows_to_the_pixel(transform, size, kind):
    data = file_of(photograph(*size), kind)
    for resolution in (32, 64):
        ours = squared(data, Square(resolution, transform, resize="lanczos"))
        np.testing.assert_array_equal(ours, by_pillow(data, resolution, transform))


def test_a_band_higher_than_wide_has_its_bars_at_the_sides():
    ours = squared(file_of(photograph(200, 300)), Square(64, "center-crop-wide", (1, 2)))
    assert not ours[:, :16].any() and not ours[:, 48:].any()
    assert ours[:, 16:48].any(axis=(0, 2)).all()


def test_scaled_decoding_stays_close_to_a_full_decode():
    data = file_of(photograph(1031, 773), "JPEG", quality=92)
    for transform in TRANSFORMS:
        for resolution in (32, 64, 128, 180, 256, 300):
            square = Square(resolution, transform)
            assert psnr(squared(data, square), by_pillow(data, resolution, transform)) > 41, (transform, resolution)


def test_scaled_decoding_meets_windows_that_begin_between_its_pixels():
    data = file_of(photograph(1024, 768), "JPEG", quality=92)
    for x, y, side in ((1, 3, 601), (333, 107, 599), (423, 167, 601)):
        window = Window(x, y, side, side)
        exact = squared(data, Square(64, "center-crop", resize="lanczos"), window)
        assert psnr(squared(data, Square(64, "center-crop"), window), exact) > 38


def test_scaled_differs_by_rounding_where_an_image_is_no_jpeg_or_small():
    for data in (file_of(photograph(900, 700)), file_of(photograph(90, 70), "JPEG")):
        for transform in TRANSFORMS:
            ours, pillows = squared(data, Square(64, transform)), by_pillow(data, 64, transform)
            assert psnr(ours, pillows) > 48
            assert (ours == pillows).mean() > 0.7


@settings(max_examples=40, deadline=None)
@given(*[st.integers(3, 90)] * 4, *[st.floats(0, 0.99)] * 2, st.integers(0, 2**32 - 1), st.sampled_from([0.4, 1.0]))
def test_the_filter_is_pillows(height, width, tall, wide, left, top, seed, contrast):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    # of little contrast nothing is clipped between the passes, whose order Pillow chooses by size
    image = np.round(128 + contrast * 0.4 * (noise - 128)).astype(np.uint8)
    box = (left, top, width - top, height - left)
    ours = lanczos.resize(image, (wide, tall), box)
    pillows = np.asarray(Image.fromarray(image).resize((wide, tall), Image.Resampling.LANCZOS, box=box))
    # an intermediate pixel is off by half a level, and the weights' absolute values sum up to 1.4
    assert np.abs(ours.astype(int) - pillows).max() <= 2
    assert np.abs(ours.astype(int) - pillows).mean() < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(203, 151), (640, 480), (641, 483)])
def test_exif_orientation_is_applied(orientation, size):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = file_of(photograph(*size), "JPEG", exif=exif, quality=95)
    expected = by_pillow(data, 32, "center-crop")
    np.testing.assert_array_equal(squared(data, Square(32, "center-crop", resize="lanczos")), expected)
    assert psnr(squared(data, Square(32, "center-crop")), expected) > 38


def test_grey_alpha_palette_16_bit_and_cmyk_become_rgb():
    pixels = photograph(64, 64)
    grey = pixels[:, :, 0]
    same = Square(64, "none")
    np.testing.assert_array_equal(squared(file_of(grey), same), np.dstack([grey] * 3))
    with_alpha = np.dstack([pixels, np.full((64, 64), 77, np.uint8)])
    np.testing.assert_array_equal(squared(file_of(with_alpha), same), pixels)
    for kind in ("WEBP", "BMP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        np.testing.assert_array_equal(squared(file_of(pixels, kind, **options), same), pixels)
    deep = squared(file_of(grey.astype(np.uint16) * 257), same)
    np.testing.assert_array_equal(deep, np.dstack([grey] * 3))
    palette = Image.fromarray(pixels).quantize(16)
    data = io.BytesIO()
    palette.save(data, "PNG")
    np.testing.assert_array_equal(squared(data.getvalue(), same), np.asarray(palette.convert("RGB")))
    cmyk = io.BytesIO()
    Image.fromarray(photograph(640, 480)).convert("CMYK").save(cmyk, "JPEG", quality=95)
    for resolution in (64, 256):
        ours = squared(cmyk.getvalue(), Square(resolution))
        assert psnr(ours, by_pillow(cmyk.getvalue(), resolution, "none")) > 38
    grey_jpeg = file_of(photograph(640, 480)[:, :, 1], "JPEG", quality=95)
    assert psnr(squared(grey_jpeg, Square(64)), by_pillow(grey_jpeg, 64, "none")) > 38


def test_an_image_smaller_than_the_square_is_refused_or_enlarged():
    data = file_of(photograph(100, 40))
    with pytest.raises(ThrongError, match="too small: 40 x 40 pixels are kept and 64 x 64 written"):
        squared(data, Square(64, "center-crop"))
    # a band 64 wide is 36 high
    np.testing.assert_array_equal(
        squared(data, Square(64, "center-crop-wide", resize="lanczos")), by_pillow(data, 64, "center-crop-wide")
    )
    enlarged = squared(data, Square(64, "center-crop", resize="lanczos", enlarge=True))
    np.testing.assert_array_equal(enlarged, by_pillow(data, 64, "center-crop"))


@pytest.mark.parametrize(
    "window", [Window(0, 0, 0, 5), Window(-1, 0, 9, 9), Window(30, 0, 71, 40), Window(0, 8, 9, 33)]
)
def test_a_window_that_is_no_part_of_the_image_is_refused(window):
    with pytest.raises(ThrongError, match=r"^window: "):
        squared(file_of(photograph(100, 40)), Square(4), window)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 40), st.integers(1, 40), st.sampled_from([4, 64, 1024]))
def test_every_window_and_picture_fits(width, height, across, down, resolution):
    from throng.density.crowd import crop_window

    square = Square(resolution, "center-crop-wide", (across, down))
    window = crop_window("center-crop-wide", width, height, (across, down))
    assert window.x >= 0 and window.y >= 0 and window.w >= 1 and window.h >= 1
    assert window.x + window.w <= width and window.y + window.h <= height
    assert max(square.picture) == resolution and min(square.picture) >= 1


@pytest.mark.parametrize("compression", range(10))
def test_png_holds_the_pixels_at_every_level(compression):
    for size in ((1, 1), (5, 3), (300, 90)):
        pixels = np.ascontiguousarray(photograph(300, 90)[: size[1], : size[0]])
        data = encode(pixels, compression)
        image = Image.open(io.BytesIO(data))
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), pixels)
        assert not read_header(data, 10**6).reason


def test_level_0_is_stored_and_its_checksums_hold():
    data = encode(photograph(64, 64), 0)
    assert data[8:16] == b"\x00\x00\x00\x0dIHDR"
    body = data[41:-16]
    assert len(body) == int.from_bytes(data[33:37]) and data[37:41] == b"IDAT"
    assert int.from_bytes(data[-16:-12]) == zlib.crc32(b"IDAT" + body)
    assert len(zlib.decompress(body)) == 64 * (1 + 3 * 64) < len(body)
