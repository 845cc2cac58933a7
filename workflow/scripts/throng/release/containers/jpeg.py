"""JPEG: segments between markers (ITU-T T.81, annex B), of which only those that show the picture are kept."""

import struct
from collections.abc import Iterator

from throng.errors import ThrongError
from throng.release.containers import exif

SIGNATURE = b"\xff\xd8"
JFIF, JFXX = b"JFIF\0", b"JFXX\0"
ADOBE = b"Adobe"
ICC = b"ICC_PROFILE\0"
EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
NAMES = {b"http://ns.adobe.com/xmp/": "extended XMP", b"Photoshop": "IPTC", b"MPF\0": "further pictures"}
SOI, EOI, SOS, COM, APP0, APP1, APP15 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xEF
STANDALONE = {0x01, *range(0xD0, 0xD8)}


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file with nothing but its picture, colour profile and orientation, and an XMP packet if given."""
    turn, head, picture = 1, [], []
    for marker, segment in _segments(data):
        payload = segment[4:]
        if marker == APP1 and payload.startswith(EXIF):
            turn = exif.orientation(payload[6:])
        elif marker == APP0 and payload.startswith(JFIF):
            head.append(_segment(APP0, payload[:12] + b"\0\0"))
        elif not _tells(marker, payload):
            picture.append(segment)
    if turn != 1:
        head.append(_segment(APP1, EXIF + b"\0" + exif.only_orientation(turn)))
    if packet is not None:
        head.append(_segment(APP1, XMP + packet))
    return b"".join([SIGNATURE, *head, *picture, b"\xff\xd9"])


def private_parts(data: bytes) -> list[str]:
    """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
    found, end = [], 2
    for marker, segment in _segments(data):
        payload = segment[4:]
        end += len(segment)
        if marker == APP1 and payload.startswith(EXIF):
            if payload[6:] != exif.only_orientation(exif.orientation(payload[6:])):
                found.append("EXIF")
        elif marker == APP0 and payload.startswith(JFIF):
            if payload[12:14] != b"\0\0":
                found.append("thumbnail")
        elif not (marker == APP1 and payload.startswith(XMP)) and _tells(marker, payload):
            found.append(_name(marker, payload))
    if data[end : end + 2] == b"\xff\xd9" and len(data) > end + 2:
        found.append("data behind the picture")
    return found


def xmp_packet(data: bytes) -> bytes | None:
    """Return the file's XMP packet, or None."""
    for marker, segment in _segments(data):
        if marker == APP1 and segment[4:].startswith(XMP):
            return segment[4 + len(XMP) :]
    return None


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile (ICC.1:2010, annex B.4: numbered pieces), or None."""
    pieces = [seg[4 + len(ICC) :] for marker, seg in _segments(data) if marker == 0xE2 and seg[4:].startswith(ICC)]
    return b"".join(piece[2:] for piece in sorted(pieces, key=lambda piece: piece[:1])) or None


def _tells(marker: int, payload: bytes) -> bool:
    if marker == 0xEE:
        return not payload.startswith(ADOBE)
    if marker == 0xE2:
        return not payload.startswith(ICC)
    return marker == COM or APP0 <= marker <= APP15


def _name(marker: int, payload: bytes) -> str:
    if marker == COM:
        return "comment"
    if payload.startswith(JFXX):
        return "thumbnail"
    named = [name for start, name in NAMES.items() if payload.startswith(start)]
    return named[0] if named else f"APP{marker - APP0}"


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and bytes of every segment up to the end marker; a scan's data belong to its segment."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == EOI:
            return
        if marker in STANDALONE:
            yield marker, data[at : at + 2]
            at += 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        if marker == SOS:
            end = _scan_end(data, end)
        yield marker, data[at:end]
        at = end
    if data[at : at + 2] != b"\xff\xd9" and at < len(data):
        raise ThrongError(f"the JPEG is damaged: no marker at byte {at}; restore the file")


def _scan_end(data: bytes, start: int) -> int:
    """Return where entropy-coded data end: at the first marker that is neither a stuffed byte nor a restart."""
    at = data.find(b"\xff", start)
    while at != -1 and at + 1 < len(data):
        follower = data[at + 1]
        if follower not in (0, 0xFF) and not 0xD0 <= follower <= 0xD7:
            return at
        at = data.find(b"\xff", at + (1 if follower == 0xFF else 2))
    return len(data)
