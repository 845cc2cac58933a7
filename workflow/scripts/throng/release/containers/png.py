"""PNG: chunks (W3C PNG, third edition, 11), of which only those that decide the pixels' colours are kept."""

import struct
import zlib
from collections.abc import Iterator

from throng.errors import ThrongError
from throng.release.containers import exif

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cICP", b"mDCV", b"cLLI"),
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"hIST", b"pHYs"),
}
NAMES = {b"eXIf": "EXIF", b"tIME": "time", b"tEXt": "comment", b"zTXt": "comment", b"iTXt": "comment"}
XMP = b"XML:com.adobe.xmp\0"


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file with nothing but its picture, colour profile and orientation, and an XMP packet if given."""
    turn, kept = 1, []
    for kind, body, chunk in _chunks(data):
        if kind == b"eXIf":
            turn = exif.orientation(body)
        elif kind in KEPT:
            kept.append(chunk)
    added = []
    if turn != 1:
        added.append(_chunk(b"eXIf", exif.only_orientation(turn)))
    if packet is not None:
        added.append(_chunk(b"iTXt", XMP + b"\0\0\0\0" + packet))
    return b"".join([SIGNATURE, kept[0], *added, *kept[1:]])


def with_profile(data: bytes, profile: bytes) -> bytes:
    """Return the file with an ICC profile."""
    header, *rest = [chunk for _, _, chunk in _chunks(data)]
    return b"".join([SIGNATURE, header, _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile, 9)), *rest])


def private_parts(data: bytes) -> list[str]:
    """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
    found, end = [], len(SIGNATURE)
    for kind, body, chunk in _chunks(data):
        end += len(chunk)
        if kind in KEPT or (kind == b"iTXt" and body.startswith(XMP)):
            continue
        if kind != b"eXIf" or not exif.says_only_orientation(body):
            found.append(NAMES.get(kind, f"chunk {kind.decode('latin-1')}"))
    return [*found, "data behind the picture"] if len(data) > end else found


def xmp_packet(data: bytes) -> bytes | None:
    """Return the file's XMP packet, or None."""
    for kind, body, _ in _chunks(data):
        if kind == b"iTXt" and body.startswith(XMP):
            return _text(body[len(XMP) :])
    return None


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile, or None."""
    for kind, body, _ in _chunks(data):
        if kind == b"iCCP":
            return zlib.decompress(body.partition(b"\0")[2][1:])
    return None


def _text(body: bytes) -> bytes:
    compressed, (_, _, text) = body[:1] == b"\1", body[2:].split(b"\0", 2)
    return zlib.decompress(text) if compressed else text


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, body and all bytes of every chunk up to IEND."""
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise ThrongError("the PNG is truncated: its last chunk is missing; restore the file")
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        chunk = data[at : at + 12 + length]
        yield kind, chunk[8:-4], chunk
        at += 12 + length
