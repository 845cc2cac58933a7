"""The one fact of an EXIF block that its picture needs: which way up it is."""

import struct

ORIENTATION = 0x0112
SHORT = 3


def orientation(block: bytes) -> int:
    """Return the orientation that an EXIF block states, 1 to 8; 1, upright, where it states none that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, start)
        entries = [struct.unpack_from(f"{order}H6xH", block, start + 2 + 12 * number) for number in range(count)]
    except struct.error:
        return 1
    return next((value for tag, value in entries if tag == ORIENTATION and 1 <= value <= 8), 1)


def only_orientation(value: int) -> bytes:
    """Return an EXIF block of one entry, the orientation (TIFF 6.0, section 2: little-endian, one directory)."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, SHORT, 1, value, 0, 0)


def says_only_orientation(block: bytes) -> bool:
    """Tell whether an EXIF block is one of :func:`only_orientation`."""
    return block == only_orientation(orientation(block))
