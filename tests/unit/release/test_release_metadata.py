"""Metadata come off, pixels stay as they are encoded, and the mark of made images goes on and comes back."""

import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.release.pictures import (
    PACKET,
    PROFILE,
    bare_files,
    exif,
    opened,
    pillow_image,
    saved,
    telling_files,
)
from throng.errors import ThrongError
from throng.images import decode
from throng.release import metadata, xmp

TELLING = [pytest.param(data, told, id=name) for name, data, told in telling_files()]
BARE = [pytest.param(data, id=name) for name, data in bare_files()]
ALL = [*BARE, *(pytest.param(data, id=name) for name, data, _ in telling_files())]
FILES = [data for _, data, _ in telling_files()]
ORIENTATION = 0x0112
TERMS = sorted({term for terms in xmp.TERMS.values() for term in terms})


def same_pixels(one: bytes, other: bytes) -> bool:
    """Whether OpenCV, orientation applied, and Pillow, as encoded, read the same pixels from both."""
    return np.array_equal(decode(one), decode(other)) and np.array_equal(
        np.asarray(opened(one)), np.asarray(opened(other))
    )


@pytest.mark.parametrize(("data", "told"), TELLING)
def test_whatever_a_file_tells_is_named_and_taken_off_without_touching_a_pixel(data: bytes, told: set[str]) -> None:
    assert set(metadata.private_parts(data)) == told
    stripped = metadata.strip(data)
    assert metadata.private_parts(stripped) == []
    assert same_pixels(data, stripped)
    for word in (b"Ann", b"at home", b"camera"):
        assert word not in stripped


@pytest.mark.parametrize("data", ALL)
def test_what_pillow_finds_in_a_stripped_file_is_orientation_and_colour_profile(data: bytes) -> None:
    before, after = opened(data), opened(metadata.strip(data))
    if after.format != "TIFF":
        assert dict(after.getexif()) == {
            tag: value for tag, value in before.getexif().items() if tag == ORIENTATION and value != 1
        }
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert not {"xmp", "comment", "Author", "Comment", "photoshop", "mp"} & set(after.info)
    assert after.size == before.size


@pytest.mark.parametrize("data", BARE)
def test_a_file_that_tells_nothing_stays_as_it_is(data: bytes) -> None:
    assert metadata.private_parts(data) == []
    if opened(data).format != "TIFF":  # whose directory Pillow writes behind the pixels
        assert metadata.strip(data) == data


@pytest.mark.parametrize("data", ALL)
def test_the_mark_is_read_back_by_us_and_by_pillow_and_leaves_pixels_alone(data: bytes) -> None:
    marked = metadata.with_source_type(data, "compositeWithTrainedAlgorithmicMedia")
    assert xmp.digital_source_type(marked) == "compositeWithTrainedAlgorithmicMedia"
    stated = ElementTree.fromstring(opened(marked).info["xmp"]).find(f".//{{{xmp.EXTENSION}}}DigitalSourceType")
    assert stated is not None
    assert stated.text == "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    assert same_pixels(data, marked)
    assert metadata.private_parts(marked) == []


@pytest.mark.parametrize("data", ALL)
def test_stripping_and_marking_twice_is_doing_it_once(data: bytes) -> None:
    stripped, marked = metadata.strip(data), metadata.with_source_type(data, "composite")
    assert metadata.strip(stripped) == stripped
    assert metadata.with_source_type(marked, "composite") == marked
    assert metadata.with_source_type(metadata.with_source_type(data, "algorithmicMedia"), "composite") == marked
    assert metadata.strip(marked) == stripped


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photograph_taken_on_its_side_is_still_shown_upright(kind: str, orientation: int) -> None:
    data = saved(pillow_image(), kind, exif=exif(orientation))
    stripped = metadata.strip(data)
    shape = (37, 22, 3) if orientation >= 5 else (22, 37, 3)
    assert decode(stripped).shape == shape
    assert np.array_equal(decode(data), decode(stripped))
    assert opened(stripped).getexif().get(ORIENTATION, 1) == orientation


def test_a_big_endian_orientation_is_understood() -> None:
    block = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, 6, 0, 0)
    stripped = metadata.strip(saved(pillow_image(), "JPEG", exif=b"Exif\0\0" + block))
    assert opened(stripped).getexif()[ORIENTATION] == 6


def test_thumbnails_and_application_data_go_and_adobe_colours_stay() -> None:
    plain = saved(pillow_image(), "JPEG")
    jfif = plain[4:20]
    assert jfif[2:7] == b"JFIF\0"
    thumbnail = b"\xff\xe0" + struct.pack(">H", 19) + jfif[2:14] + b"\1\1" + b"RGB"
    iptc = b"\xff\xed\0\x20" + b"Photoshop 3.0\0".ljust(30, b"x")
    c2pa = b"\xff\xeb\0\x08JP\0\1ab"
    data = plain[:2] + thumbnail + iptc + c2pa + plain[20:] + b"film"
    assert metadata.private_parts(data) == ["thumbnail", "IPTC", "C2PA", "data behind the picture"]
    assert metadata.strip(data) == plain
    adobe = saved(pillow_image().convert("CMYK"), "JPEG")
    assert b"\xff\xee\0\x0eAdobe" in metadata.strip(adobe)


def test_bytes_that_belong_to_no_segment_are_passed_over_as_decoders_do() -> None:
    plain = saved(pillow_image(), "JPEG")
    data = plain[:20] + b"junk\xff\xff" + plain[20:-2]  # no end marker either
    assert metadata.strip(data) == plain


def test_a_marked_png_is_still_a_valid_one() -> None:
    data = metadata.with_source_type(saved(pillow_image(), "PNG"), "algorithmicMedia")
    Image.open(io.BytesIO(data)).verify()
    at = data.index(b"iTXt")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    assert zlib.crc32(data[at : at + 4 + length]) == struct.unpack(">I", data[at + 4 + length : at + 8 + length])[0]
    assert data.index(b"iTXt") < data.index(b"IDAT")


def test_the_long_profile_of_a_camera_survives_in_pieces() -> None:
    profile = PROFILE + bytes(range(256)) * 600
    data = metadata.strip(saved(pillow_image(), "JPEG", icc_profile=profile))
    assert opened(data).info["icc_profile"] == profile


@pytest.mark.parametrize(
    "inside",
    [
        "<rdf:Description xmlns:e='{e}' e:DigitalSourceType='{s}composite'/>",
        "<rdf:Description xmlns:e='{e}'><e:DigitalSourceType rdf:resource='{s}composite'/></rdf:Description>",
        "<rdf:Description xmlns:e='{e}'><e:DigitalSourceType> {s}composite\n</e:DigitalSourceType></rdf:Description>",
    ],
)
def test_the_source_type_is_understood_as_others_write_it(inside: str) -> None:
    inside = inside.format(e=xmp.EXTENSION, s=xmp.SCHEME)
    packet = f"<rdf:RDF xmlns:rdf='{xmp.RDF}'>{inside}</rdf:RDF>".encode()
    assert xmp.digital_source_type(saved(pillow_image(), "PNG", pnginfo=None)) is None
    for kind in ("JPEG", "WEBP"):
        assert xmp.digital_source_type(saved(pillow_image(), kind, xmp=packet)) == "composite"


def test_a_packet_without_a_source_type_states_none() -> None:
    assert xmp.stated(PACKET) is None


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "declares a document type"),
        (b"<rdf:RDF>", "is no XML"),
    ],
)
def test_a_packet_that_is_no_plain_xml_is_refused(packet: bytes, words: str) -> None:
    with pytest.raises(ThrongError, match=words):
        xmp.digital_source_type(saved(pillow_image(), "JPEG", xmp=packet))


@pytest.mark.parametrize(
    ("medium", "backends", "term"),
    [
        ("synthesised", ["diffusers"], "trainedAlgorithmicMedia"),
        ("drawn", ["stylegan3"], "trainedAlgorithmicMedia"),
        ("drawn", ["r3gan"], "trainedAlgorithmicMedia"),
        ("edit", ["diffusers-inpaint"], "compositeWithTrainedAlgorithmicMedia"),
        ("edit", ["diffusers-img2img"], "compositeWithTrainedAlgorithmicMedia"),
        ("edit", ["lama"], "compositeWithTrainedAlgorithmicMedia"),
        ("edit", ["opencv"], "composite"),
        ("composite", ["composite", "opencv"], "composite"),
        ("composite", ["composite", "lama"], "compositeSynthetic"),
        ("rendered", ["rendered"], "algorithmicMedia"),
        ("photograph", [""], "algorithmicallyEnhanced"),
    ],
)
def test_the_term_says_whether_a_trained_model_had_a_hand_in_it(medium: str, backends: list[str], term: str) -> None:
    assert xmp.term_of(medium, backends) == term


def test_a_medium_nobody_has_named_is_refused() -> None:
    with pytest.raises(ThrongError, match="no digital source type is known for medium 'woodcut'"):
        xmp.term_of("woodcut", [])


@pytest.mark.parametrize("data", ALL)
def test_a_file_cut_short_gives_one_sentence_or_a_file_that_tells_nothing(data: bytes) -> None:
    for length in range(0, len(data), 7):
        try:
            stripped = metadata.strip(data[:length])
        except ThrongError:
            continue
        assert metadata.private_parts(stripped) == []


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_a_damaged_file_gives_one_sentence_or_an_answer(file: bytes, damage: list[tuple[int, int]]) -> None:
    data = bytearray(file)
    for at, value in damage:
        data[at % len(data)] = value
    for ask in (metadata.strip, metadata.private_parts, xmp.digital_source_type):
        try:
            ask(bytes(data))
        except ThrongError as error:
            assert "\n" not in str(error)


def test_a_bmp_has_nothing_to_tell_and_no_place_for_a_mark() -> None:
    data = saved(pillow_image(), "BMP")
    assert metadata.private_parts(data) == []
    assert metadata.strip(data) == data
    assert xmp.digital_source_type(data) is None
    with pytest.raises(ThrongError, match="a BMP has no place for XMP"):
        metadata.with_source_type(data, "composite")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("data", ALL)
def test_exiftool_finds_the_mark_and_nothing_private(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(metadata.with_source_type(data, "compositeSynthetic"))
    command = ["exiftool", "-json", "-n", "-G", str(tmp_path / "image")]
    (found,) = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    assert found["XMP:DigitalSourceType"] == xmp.SCHEME + "compositeSynthetic"
    told = {name for name in found if name.startswith(("EXIF:", "IPTC:", "Photoshop:", "MPF:"))}
    if opened(data).format != "TIFF":  # whose structure exiftool calls EXIF too
        assert told <= {"EXIF:Orientation"}
    assert "Ann Onymous" not in json.dumps(found)
