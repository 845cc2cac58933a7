"""What an image file says of itself, read from its header alone: no pixel is decoded."""

import dataclasses
import math
import struct
from collections.abc import Callable

FORMATS = "JPEG, PNG, WebP, BMP or TIFF"
ORIENTATION_TAG = 0x0112
EXIF_TAG = 0x8769
FOCAL_TAG, FILM_TAG = 0x920A, 0xA405
PLANE_X_TAG, PLANE_UNIT_TAG, PIXELS_X_TAG = 0xA20E, 0xA210, 0xA002
RATIONAL = 5
RATIONAL_TAGS = {FOCAL_TAG, PLANE_X_TAG}
UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # inch, centimetre; millimetre and micrometre, as some cameras write
FILM_DIAGONAL_MM = math.hypot(36, 24)
AGREEING = 1.15
PLAUSIBLE = (0.2, 100)  # longer sides
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # baseline, extended, progressive; Huffman and arithmetic
_JPEG_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless and hierarchical
_JPEG_BARE = {0x01, *range(0xD0, 0xD8)}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
Tags = dict[int, tuple[int, ...]]  # fractions as numerator, denominator
_OTHER_SIGNATURES = (
    (0, b"GIF8", "GIF"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"ftyp", "HEIC or AVIF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"II+\x00", "BigTIFF"),
    (0, b"MM\x00+", "BigTIFF"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """Format, size as shown (EXIF orientation applied, pixels), channels in the file, and why it is refused if so.

    ``focal_px`` is the focal length by the file's EXIF in pixels of the image as shown, None when it says nothing.
    """

    format: str = ""
    width: int = 0
    height: int = 0
    channels: int = 0
    orientation: int = 1
    reason: str = ""
    focal_px: float | None = None


class _RefusedError(Exception):
    """The header cannot be used; the message is the row's reason."""


def read_header(data: bytes, max_pixels: int) -> Header:
    """Return the header of an image file; ``reason`` says why it is refused and is empty for a good one.

    Whole files only: a missing end marker counts as truncated. Bytes of any kind are accepted, nothing is raised.
    """
    name, parse = _recognise(data)
    if parse is None:
        return Header(reason=_unrecognised(data))
    try:
        header = parse(data)
    except _RefusedError as refusal:
        return Header(format=name, reason=str(refusal))
    except (struct.error, IndexError):
        return Header(format=name, reason=f"truncated: the {name} header ends early")
    if header.orientation > 4:
        header = dataclasses.replace(header, width=header.height, height=header.width)
    if header.width < 1 or header.height < 1:
        return dataclasses.replace(header, reason=f"damaged: the header says {header.width} x {header.height} pixels")
    if header.width * header.height > max_pixels:
        reason = f"too large: {header.width} x {header.height} pixels by its header, max_pixels is {max_pixels}"
        return dataclasses.replace(header, reason=reason)
    return header


def _recognise(data: bytes) -> tuple[str, Callable[[bytes], Header] | None]:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg", _jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", _png
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp", _webp
    if data.startswith(b"BM"):
        return "bmp", _bmp
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "tiff", _tiff
    return "", None


def _unrecognised(data: bytes) -> str:
    if not data:
        return "empty file: zero bytes"
    for offset, signature, name in _OTHER_SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return f"unsupported format: {name}, expected {FORMATS}"
    return f"not an image: the first bytes are those of no {FORMATS}"


def _jpeg(data: bytes) -> Header:
    position, frame = 2, None
    tags: Tags = {}
    while (position := data.find(b"\xff", position)) >= 0:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _JPEG_BARE or marker == 0x00:
            position += 2
            continue
        if marker == 0xD9:
            raise _RefusedError("damaged: the JPEG ends before its pixels")
        if marker == 0xDA:
            break
        if marker in _JPEG_FRAMES:
            frame = struct.unpack_from(">BHHB", data, position + 4)
        elif marker in _JPEG_OTHER_FRAMES:
            raise _RefusedError("unsupported format: lossless or hierarchical JPEG, convert it to baseline")
        elif marker == 0xE1 and data.startswith(b"Exif\x00\x00", position + 4):
            tags = _exif(data[position + 10 : position + 2 + _u16(data, position + 2)])
        position += 2 + _u16(data, position + 2)
    if position < 0 or data.rfind(b"\xff\xd9", position) < 0:
        raise _RefusedError("truncated: the JPEG's end marker is missing")
    if frame is None:
        raise _RefusedError("damaged: the JPEG has no frame header")
    precision, height, width, channels = frame
    if precision != 8 or channels not in (1, 3, 4):
        raise _RefusedError(
            f"unsupported format: JPEG of {channels} channels and {precision} bits, convert it to baseline"
        )
    return _described(Header("jpeg", width, height, channels), tags)


def _u16(data: bytes, position: int) -> int:
    return data[position] << 8 | data[position + 1]


def _png(data: bytes) -> Header:
    width, height, _, kind = struct.unpack_from(">IIBB", data, 16)
    tags: Tags = {}
    position = 8
    while data[position + 4 : position + 8] != b"IEND":
        if position + 12 > len(data):
            raise _RefusedError("truncated: the PNG's end chunk is missing")
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"eXIf":
            tags = _exif(data[position + 8 : position + 8 + length])
        position += 12 + length
    if kind not in _PNG_CHANNELS:
        raise _RefusedError(f"damaged: the PNG has colour type {kind}")
    return _described(Header("png", width, height, _PNG_CHANNELS[kind]), tags)


def _webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if len(data) < size + 8:
        raise _RefusedError(f"truncated: {len(data)} of the WebP's {size + 8} bytes")
    kind = data[12:16]
    if kind == b"VP8X":
        wide, high = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return _described(Header("webp", wide, high, 4 if data[20] & 0x10 else 3), _webp_exif(data))
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return Header("webp", (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, 4 if packed >> 28 & 1 else 3)
    if kind == b"VP8 ":
        wide, high = struct.unpack_from("<HH", data, 26)
        return Header("webp", wide & 0x3FFF, high & 0x3FFF, 3)
    raise _RefusedError(f"damaged: the WebP begins with chunk {kind!r}")


def _webp_exif(data: bytes) -> Tags:
    position = 12
    while position + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, position + 4)
        if data[position : position + 4] == b"EXIF":
            return _exif(data[position + 8 : position + 8 + length].removeprefix(b"Exif\x00\x00"))
        position += 8 + length + length % 2
    return {}


def _bmp(data: bytes) -> Header:
    pixels, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        height = abs(height)  # negative: rows run from the top
    if compression == 0 and len(data) < pixels + (width * bits + 31) // 32 * 4 * height:
        raise _RefusedError("truncated: the BMP holds fewer rows than its header says")
    return Header("bmp", width, height, 4 if bits == 32 else 3)


def _tiff(data: bytes) -> Header:
    tags = _directory(data)
    if 0x0100 not in tags or 0x0101 not in tags:
        raise _RefusedError("damaged: the TIFF has no size")
    bits = max(tags.get(0x0102, (1,)))
    if bits > 16:
        raise _RefusedError(f"unsupported format: TIFF of {bits} bits, convert it to 8 or 16")
    offsets = tags.get(0x0111) or tags.get(0x0144) or ()
    counts = tags.get(0x0117) or tags.get(0x0145) or ()
    if not offsets or len(data) < max(map(sum, zip(offsets, counts, strict=False)), default=len(data) + 1):
        raise _RefusedError("truncated: the TIFF's pixels are not all in the file")
    channels = tags.get(0x0115, (1,))[0]
    header = Header("tiff", tags[0x0100][0], tags[0x0101][0], channels)
    return _described(header, _photographic(data, tags) | tags)


def _described(header: Header, tags: Tags) -> Header:
    """Add orientation (1..8, 1 when absent or broken, as decoders take it) and focal length by EXIF tags."""
    if not tags:
        return header
    (orientation,) = tags.get(ORIENTATION_TAG, (1,))[:1]
    orientation = orientation if 1 <= orientation <= 8 else 1
    return dataclasses.replace(header, orientation=orientation, focal_px=_focal(tags, header.width, header.height))


def _focal(tags: Tags, width: int, height: int) -> float | None:
    """Return the focal length in pixels of an image stored as ``width`` x ``height``, None when the tags do not say it.

    By the resolution of the focal plane, exact but wrong in files that were resized without care; so where the
    equivalent for 35 mm film disagrees by more than 15 %, or is alone, it is taken. That is by the diagonal, 43.27 mm
    (CIPA DCG-001), which is the same as by the width, 36 mm, for images of 3:2 and 4 % more for those of 4:3.
    """
    diagonal = math.hypot(width, height)
    film = _number(tags, FILM_TAG) * diagonal / FILM_DIAGONAL_MM
    unit = UNITS_MM.get(tags.get(PLANE_UNIT_TAG, (2,))[0], 0.0)
    plane = _number(tags, FOCAL_TAG) * _number(tags, PLANE_X_TAG) / unit if unit else 0.0
    plane *= width / (_number(tags, PIXELS_X_TAG) or width or 1)
    low, high = (share * max(width, height) for share in PLAUSIBLE)
    plane, film = (value if low <= value <= high else 0.0 for value in (plane, film))
    if plane and film and not 1 / AGREEING < plane / film < AGREEING:
        plane = 0.0
    return plane or film or None


def _number(tags: Tags, tag: int) -> float:
    """Return a tag's first value, a pair being a fraction; 0, as EXIF says unknown, when it is absent or broken."""
    values = tags.get(tag, (0,))
    if tag not in RATIONAL_TAGS:
        return float(values[0])
    return values[0] / values[1] if len(values) > 1 and values[1] else 0.0


def _exif(block: bytes) -> Tags:
    """Return the tags of an EXIF block, of the photograph's own directory too; none when it is broken."""
    try:
        tags = _directory(block)
    except (struct.error, _RefusedError):
        return {}
    return _photographic(block, tags) | tags


def _photographic(block: bytes, tags: Tags) -> Tags:
    try:
        return _directory(block, tags[EXIF_TAG][0]) if EXIF_TAG in tags else {}
    except (struct.error, _RefusedError):
        return {}


def _directory(data: bytes, start: int = 0) -> Tags:
    """Return the whole-number tags, and the fractions that are used, of a TIFF block's first directory or another."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise _RefusedError("damaged: no byte order")
    start = start or struct.unpack_from(order + "I", data, 4)[0]
    (entries,) = struct.unpack_from(order + "H", data, start)
    tags: Tags = {}
    for position in range(start + 2, start + 2 + 12 * entries, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", data, position)
        code = {1: "B", 3: "H", 4: "I", RATIONAL: "II"}.get(kind)
        if code is None or number == 0 or (kind == RATIONAL and tag not in RATIONAL_TAGS):
            continue
        values = f"{order}{number * len(code)}{code[0]}"
        inline = struct.calcsize(values) <= 4
        at = position + 8 if inline else struct.unpack_from(order + "I", data, position + 8)[0]
        tags[tag] = struct.unpack_from(values, data, at)
    return tags
