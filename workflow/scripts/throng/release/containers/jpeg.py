"""JPEG: segments between markers (ITU-T T.81, annex B), of which only those that show the picture are kept."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from throng.errors import ThrongError
from throng.release.containers import exif

SIGNATURE = b"\xff\xd8"
END = b"\xff\xd9"
JFIF, JFXX = b"JFIF\0", b"JFXX\0"
ADOBE = b"Adobe"
ICC = b"ICC_PROFILE\0"
EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
NAMES = {
    EXIF: "EXIF",
    JFIF: "thumbnail",
    JFXX: "thumbnail",
    b"http://ns.adobe.com/xmp/": "extended XMP",
    b"Photoshop": "IPTC",
    b"MPF\0": "further pictures",
    b"JP": "C2PA",
}
SOS, COM = 0xDA, 0xFE
APP0, APP1, APP2, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


class Segment(NamedTuple):
    """A marker, the payload of its segment, and where in the file both lie; a scan's data belong to its segment."""

    marker: int
    payload: bytes
    start: int
    end: int


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file with nothing but its picture, colour profile and orientation, and an XMP packet if given."""
    turn, head, picture = 1, b"", []
    for segment in _segments(data):
        if _is(segment, APP1, EXIF):
            turn = exif.orientation(segment.payload[6:])
        elif _is(segment, APP0, JFIF):
            head = _segment(APP0, segment.payload[:12].ljust(14, b"\0"))
        elif not _tells(segment):
            picture.append(data[segment.start : segment.end])
    if turn != 1:
        head += _segment(APP1, EXIF + b"\0" + exif.only_orientation(turn))
    if packet is not None:
        head += _segment(APP1, XMP + packet)
    return b"".join([SIGNATURE, head, *picture, END])


def private_parts(data: bytes) -> list[str]:
    """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
    found, end = [], len(SIGNATURE)
    for segment in _segments(data):
        end = segment.end
        if _tells(segment) and not _is(segment, APP1, XMP):
            found.append(_name(segment))
    return [*found, "data behind the picture"] if len(data) > end + len(END) else found


def xmp_packet(data: bytes) -> bytes | None:
    """Return the file's XMP packet, or None."""
    packets = [segment.payload[len(XMP) :] for segment in _segments(data) if _is(segment, APP1, XMP)]
    return packets[0] if packets else None


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile (ICC.1:2010, B.4: in numbered pieces), or None."""
    pieces = [segment.payload[len(ICC) :] for segment in _segments(data) if _is(segment, APP2, ICC)]
    return b"".join(piece[2:] for piece in sorted(pieces, key=lambda piece: piece[:1])) or None


def _is(segment: Segment, marker: int, start: bytes) -> bool:
    return segment.marker == marker and segment.payload.startswith(start)


def _tells(segment: Segment) -> bool:
    """Whether a segment is there for something else than showing the picture."""
    if _is(segment, APP0, JFIF):
        return segment.payload[12:14] != b"\0\0"
    if _is(segment, APP1, EXIF):
        return not exif.says_only_orientation(segment.payload[6:])
    if _is(segment, APP14, ADOBE) or _is(segment, APP2, ICC):
        return False
    return segment.marker == COM or APP0 <= segment.marker <= APP15


def _name(segment: Segment) -> str:
    if segment.marker == COM:
        return "comment"
    named = [name for start, name in NAMES.items() if segment.payload.startswith(start)]
    return named[0] if named else f"APP{segment.marker - APP0}"


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _segments(data: bytes) -> Iterator[Segment]:
    """Yield every segment between the start and the end marker; bytes that belong to none are passed over."""
    at = _next_marker(data, len(SIGNATURE))
    while at + 2 <= len(data) and data[at : at + 2] != END:
        marker = data[at + 1]
        body = end = at + 2
        if marker not in ALONE:
            end += int.from_bytes(data[body : body + 2], "big")
            body += 2
        if not body <= end <= len(data):
            raise ThrongError(f"the JPEG is damaged: its segment at byte {at} has no end; restore the file")
        payload = data[body:end]
        if marker == SOS:
            end = _next_marker(data, end)
        yield Segment(marker, payload, at, end)
        at = _next_marker(data, end)


def _next_marker(data: bytes, at: int) -> int:
    """Return where the next marker starts: at no stuffed byte, fill byte or restart; the file's length without one."""
    at = data.find(b"\xff", at)
    while at != -1 and at + 1 < len(data):
        follower = data[at + 1]
        if follower not in (0, 0xFF) and follower not in ALONE:
            return at
        at = data.find(b"\xff", at + (1 if follower == 0xFF else 2))
    return len(data)
