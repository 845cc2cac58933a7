import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from throng.images import decode
from throng.sources.headers import read_header

LIMIT = 1_000_000
RNG = np.random.default_rng(0)
PIXELS = cv2.resize(RNG.integers(0, 255, (5, 7, 3), dtype=np.uint8), (40, 30))


def saved(kind: str, mode: str = "RGB", **options) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(PIXELS).convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    image.save(stream, kind, **options)
    return stream.getvalue()


def rotated(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(kind, exif=exif)


FILES = {
    ("JPEG", "RGB", 3): saved("JPEG"),
    ("JPEG", "L", 1): saved("JPEG", "L"),
    ("JPEG", "CMYK", 4): saved("JPEG", "CMYK"),
    ("JPEG", "progressive", 3): saved("JPEG", progressive=True),
    ("JPEG", "trailer", 3): saved("JPEG") + b"\0" * 100,
    ("PNG", "RGB", 3): saved("PNG"),
    ("PNG", "RGBA", 4): saved("PNG", "RGBA"),
    ("PNG", "P", 3): saved("PNG", "P"),
    ("PNG", "L", 1): saved("PNG", "L"),
    ("PNG", "16 bits", 3): cv2.imencode(".png", PIXELS.astype(np.uint16) * 257)[1].tobytes(),
    ("WEBP", "lossy", 3): saved("WEBP"),
    ("WEBP", "lossless", 3): saved("WEBP", lossless=True),
    ("WEBP", "RGBA", 4): saved("WEBP", "RGBA"),
    ("BMP", "RGB", 3): saved("BMP"),
    ("TIFF", "RGB", 3): saved("TIFF"),
    ("TIFF", "L", 1): saved("TIFF", "L"),
    ("TIFF", "deflate", 3): saved("TIFF", compression="tiff_adobe_deflate"),
    ("TIFF", "16 bits", 3): cv2.imencode(".tiff", PIXELS.astype(np.uint16) * 257)[1].tobytes(),
}


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: "-".join(map(str, kind)))
def test_header_agrees_with_the_decoder(kind):
    header = read_header(FILES[kind], LIMIT)
    assert header.reason == ""
    assert header.format == kind[0].lower()
    assert header.channels == kind[2]
    assert decode(FILES[kind]).shape == (header.height, header.width, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_size_is_as_shown(kind, orientation):
    data = rotated(kind, orientation)
    header = read_header(data, LIMIT)
    assert header.orientation == orientation
    assert decode(data).shape[:2] == (header.height, header.width)


@pytest.mark.parametrize(
    "kind", [("JPEG", "RGB", 3), ("PNG", "RGB", 3), ("WEBP", "lossy", 3), ("BMP", "RGB", 3), ("TIFF", "RGB", 3)]
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_files_are_found_without_decoding(kind, share):
    whole = FILES[kind]
    assert read_header(whole[: int(len(whole) * share)], LIMIT).reason.startswith("truncated: ")


def test_truncation_is_seen_past_a_whole_thumbnail():
    exif = b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0" + saved("JPEG")
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    whole = saved("JPEG")
    assert read_header(whole[:2] + segment + whole[2:], LIMIT).reason == ""
    assert read_header(whole[:2] + segment + whole[2:-200], LIMIT).reason.startswith("truncated: ")


def test_a_bomb_is_refused_by_its_header():
    whole = bytearray(saved("PNG"))
    whole[16:24] = (60_000).to_bytes(4, "big") * 2
    header = read_header(bytes(whole), LIMIT)
    assert (header.width, header.height) == (60_000, 60_000)
    assert header.reason == "too large: 60000 x 60000 pixels by its header, max_pixels is 1000000"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file: zero bytes"),
        (b"<html>not found</html>", "not an image: the first bytes are those of no JPEG, PNG, WebP, BMP or TIFF"),
        (saved("GIF"), "unsupported format: GIF, expected JPEG, PNG, WebP, BMP or TIFF"),
        (b"\xff\xd8\xff\xd9", "damaged: the JPEG ends before its pixels"),
        (saved("JPEG")[:30], "truncated: the JPEG's end marker is missing"),
        (saved("JPEG").replace(b"\xff\xc0", b"\xff\xc3"), "unsupported format: lossless or hierarchical JPEG, convert"),
        (cv2.imencode(".tiff", PIXELS.astype(np.float32))[1].tobytes(), "unsupported format: TIFF of 32 bits, convert"),
    ],
)
def test_what_is_refused_says_why(data, reason):
    assert read_header(data, LIMIT).reason.startswith(reason)


def test_zero_size_is_damage():
    whole = bytearray(saved("PNG"))
    whole[16:20] = bytes(4)
    assert read_header(bytes(whole), LIMIT).reason == "damaged: the header says 0 x 30 pixels"


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 3000),
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_it_raise(kind, edits, length):
    data = bytearray(FILES[kind][:length])
    for position, value in edits:
        if position < len(data):
            data[position] = value
    read_header(bytes(data), LIMIT)


def photographed(kind: str = "JPEG", *, ifd: dict[int, object], orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update(ifd)
    return saved(kind, exif=exif)


MILLIMETRES, FILM, PLANE, UNIT, ACROSS = 0x920A, 0xA405, 0xA20E, 0xA210, 0xA002
BY_PLANE = {MILLIMETRES: IFDRational(5), PLANE: IFDRational(320, 2), UNIT: 3, ACROSS: 40}  # 16 pixels per millimetre


@pytest.mark.parametrize(
    ("ifd", "focal"),
    [
        ({FILM: 43}, 43 * 50 / 43.26661),  # a diagonal of 50 pixels
        (BY_PLANE, 80.0),
        (BY_PLANE | {UNIT: 2}, 5 * 160 / 25.4),
        (BY_PLANE | {ACROSS: 400}, 8.0),  # made ten times smaller
        (BY_PLANE | {FILM: 69}, 80.0),  # they agree, and the plane is the more exact
        (BY_PLANE | {FILM: 35}, 35 * 50 / 43.26661),  # they do not: resized without care
        (BY_PLANE | {UNIT: 1}, None),
        (BY_PLANE | {PLANE: IFDRational(0)}, None),
        ({MILLIMETRES: IFDRational(5)}, None),
        ({FILM: 0}, None),
        ({FILM: 60_000}, None),
        ({}, None),
    ],
)
def test_focal_length_by_exif(ifd, focal):
    assert read_header(photographed(ifd=ifd), LIMIT).focal_px == (focal and pytest.approx(focal, rel=1e-6))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_focal_length_of_every_format_and_orientation(kind, orientation):
    header = read_header(photographed(kind, ifd=BY_PLANE, orientation=orientation), LIMIT)
    assert (header.orientation, header.focal_px) == (orientation, pytest.approx(80))


def test_no_exif_no_focal_length():
    assert read_header(FILES["JPEG", "RGB", 3], LIMIT).focal_px is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=12))
@settings(max_examples=300, deadline=None)
def test_broken_exif_is_never_an_error(edits):
    data = bytearray(photographed(ifd=BY_PLANE | {FILM: 69}, orientation=6))
    begin = data.index(b"Exif\0\0") + 6
    length = int.from_bytes(data[begin - 8 : begin - 6], "big") - 8
    for position, value in edits:
        data[begin + position % length] = value
    header = read_header(bytes(data), LIMIT)
    assert header.reason == ""
    assert header.focal_px is None or 8 <= header.focal_px <= 4000


def test_a_broken_second_directory_leaves_the_orientation():
    whole = photographed(ifd=BY_PLANE, orientation=6)
    block = whole.index(b"Exif\0\0") + 6
    pointer = whole.index(bytes.fromhex("8769") if whole[block : block + 2] == b"MM" else bytes.fromhex("6987"), block)
    broken = whole[: pointer + 8] + b"\x7f" * 4 + whole[pointer + 12 :]
    header = read_header(broken, LIMIT)
    assert (header.orientation, header.focal_px) == (6, None)
