"""The one fact of an EXIF block that the picture needs: which way up it is."""

import struct

ORIENTATION = 0x0112
SHORT = 3


def tags(block: bytes) -> list[int]:
    """Return the tags of the first directory of a TIFF-structured EXIF block; what cannot be read has none."""
    return [tag for tag, _ in _entries(block)]


def orientation(block: bytes) -> int:
    """Return the orientation that an EXIF block states, 1 to 8; 1, upright, where it states none."""
    for tag, value in _entries(block):
        if tag == ORIENTATION and 1 <= value <= 8:
            return value
    return 1


def only_orientation(value: int) -> bytes:
    """Return an EXIF block of one entry: the orientation (EXIF 2.32, 4.6.2: little-endian TIFF, one directory)."""
    return struct.pack("<2sHI H HHIHH I", b"II", 42, 8, 1, ORIENTATION, SHORT, 1, value, 0, 0)


def _entries(block: bytes) -> list[tuple[int, int]]:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return []
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        return [struct.unpack_from(f"{order}H6xH", block, start + 2 + 12 * k) for k in range(count)]
    except struct.error:
        return []
