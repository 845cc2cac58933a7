"""WebP: chunks of a RIFF file (RFC 9649, 2), of which only those that show the picture are kept."""

import struct
from collections.abc import Iterator

from throng.errors import ThrongError
from throng.release.containers import exif

PICTURE = {b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
NAMES = {b"EXIF": "EXIF"}
HAS_PROFILE, HAS_ALPHA, HAS_EXIF, HAS_XMP, HAS_MORE = 0x20, 0x10, 0x08, 0x04, 0x02


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file with nothing but its picture, colour profile and orientation, and an XMP packet if given."""
    chunks = list(_chunks(data))
    bodies = dict(reversed(chunks))
    turn = exif.orientation(bodies.get(b"EXIF", b"").removeprefix(b"Exif\0\0"))
    made = [(kind, body) for kind, body in chunks if kind in PICTURE]
    flags = (bodies[b"VP8X"][0] & (HAS_ALPHA | HAS_MORE)) if b"VP8X" in bodies else _alpha(bodies)
    if b"ICCP" in bodies:
        flags |= HAS_PROFILE
        made.insert(0, (b"ICCP", bodies[b"ICCP"]))
    if turn != 1:
        flags |= HAS_EXIF
        made.append((b"EXIF", exif.only_orientation(turn)))
    if packet is not None:
        flags |= HAS_XMP
        made.append((b"XMP ", packet))
    if len(made) > 1:
        made.insert(0, (b"VP8X", struct.pack("<I", flags) + _canvas(bodies)))
    content = b"WEBP" + b"".join(_chunk(kind, body) for kind, body in made)
    return _chunk(b"RIFF", content)


def private_parts(data: bytes) -> list[str]:
    """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
    known = {*PICTURE, b"VP8X", b"ICCP", b"XMP "}
    found = [
        NAMES.get(kind, f"chunk {kind.decode('latin-1').strip()}")
        for kind, body in _chunks(data)
        if kind not in known and not (kind == b"EXIF" and exif.says_only_orientation(body))
    ]
    return [*found, "data behind the picture"] if len(data) > _end(data) else found


def xmp_packet(data: bytes) -> bytes | None:
    """Return the file's XMP packet, or None."""
    return dict(_chunks(data)).get(b"XMP ")


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile, or None."""
    return dict(_chunks(data)).get(b"ICCP")


def _canvas(bodies: dict[bytes, bytes]) -> bytes:
    """Return width and height less one, 24 bits each, as the extended header or the picture's own states them."""
    if b"VP8X" in bodies:
        return bodies[b"VP8X"][4:10]
    if b"VP8L" in bodies:
        bits = int.from_bytes(bodies[b"VP8L"][1:5], "little")
        width, height = bits & 0x3FFF, bits >> 14 & 0x3FFF
    else:
        width, height = (side % 0x4000 - 1 for side in struct.unpack_from("<HH", bodies[b"VP8 "], 6))
    return width.to_bytes(3, "little") + height.to_bytes(3, "little")


def _alpha(bodies: dict[bytes, bytes]) -> int:
    lossless = bodies.get(b"VP8L", bytes(5))
    return HAS_ALPHA if lossless[4] & 0x10 else 0


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _end(data: bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of every chunk."""
    at, end = 12, _end(data)
    if end > len(data):
        raise ThrongError(f"the WebP is truncated: {len(data)} of {end} bytes are there; restore the file")
    while at + 8 <= end:
        kind, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
