"""TIFF: the first directory's entries (TIFF 6.0), of which only those that show the picture are kept."""

import struct
from typing import NamedTuple

from throng.errors import ThrongError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
BYTE, LONG = 1, 4
COMPRESSION, ORIENTATION, XMP, ICC = 259, 274, 700, 34675
OLD_JPEG = 6
# where the pixels' strips or tiles are, and how long
PLACES = {273: 279, 324: 325}
KEPT = frozenset(
    {
        *(
            254,
            255,
            256,
            257,
            258,
            COMPRESSION,
            262,
            263,
            264,
            265,
            266,
            ORIENTATION,
            277,
            278,
            280,
            281,
            282,
            283,
            284,
        ),
        *(290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 332, 334, 336, 338, 339, 340, 341, 347),
        *(529, 530, 531, 532, ICC, *PLACES, *PLACES.values()),
    }
)
NAMES = {34665: "EXIF", 34853: "GPS", 33723: "IPTC", 34377: "IPTC", 330: "further pictures", 306: "time"}
TEXTS = frozenset({269, 270, 271, 272, 285, 305, 315, 316, 33432, 37510, 40091, 40092, 40093, 40094, 40095})


class Entry(NamedTuple):
    """A tag's type, its number of values, and their bytes."""

    kind: int
    length: int
    value: bytes


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file with nothing but its first picture, colour profile and orientation, and an XMP packet if given.

    Strips and tiles are copied as they are compressed. Raises ThrongError for JPEG compression of before 1995.
    """
    order, entries, _ = _directory(data)
    if _numbers(order, entries, COMPRESSION) == (OLD_JPEG,):
        raise ThrongError("a TIFF with JPEG compression of the old style cannot be rewritten; store the image as PNG")
    kept = {tag: entry for tag, entry in entries.items() if tag in KEPT}
    if packet is not None:
        kept[XMP] = Entry(BYTE, len(packet), packet)
    pixels = {tag: _pixels(data, order, kept, tag) for tag in PLACES if tag in kept}
    for tag, parts in pixels.items():
        kept[tag] = Entry(LONG, len(parts), bytes(4 * len(parts)))
    at = 8 + 2 + 12 * len(kept) + 4
    for tag, parts in pixels.items():
        start = at + sum(_even(len(entry.value)) for entry in kept.values() if len(entry.value) > 4)
        starts = [start + sum(_even(len(part)) for part in parts[:number]) for number in range(len(parts))]
        kept[tag] = Entry(LONG, len(parts), struct.pack(f"{order}{len(parts)}I", *starts))
    return _assembled(data[:4], order, kept, [part for parts in pixels.values() for part in parts])


def private_parts(data: bytes) -> list[str]:
    """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
    _, entries, following = _directory(data)
    found = [
        "comment" if tag in TEXTS else NAMES.get(tag, f"tag {tag}")
        for tag in sorted(entries)
        if tag not in {*KEPT, XMP}
    ]
    return [*found, "further pictures"] if following else found


def xmp_packet(data: bytes) -> bytes | None:
    """Return the file's XMP packet, or None."""
    entry = _directory(data)[1].get(XMP)
    return entry.value if entry else None


def icc_profile(data: bytes) -> bytes | None:
    """Return the colour profile, or None."""
    entry = _directory(data)[1].get(ICC)
    return entry.value if entry else None


def _assembled(header: bytes, order: str, entries: dict[int, Entry], pixels: list[bytes]) -> bytes:
    """Return a file of one directory: header, entries by tag, long values, pixels, each at an even place."""
    table, values = [], []
    at = 8 + 2 + 12 * len(entries) + 4
    for tag in sorted(entries):
        kind, count, value = entries[tag]
        if len(value) > 4:
            table.append(struct.pack(f"{order}HHII", tag, kind, count, at))
            values.append(value.ljust(_even(len(value)), b"\0"))
            at += len(values[-1])
        else:
            table.append(struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0"))
    start = struct.pack(f"{order}IH", 8, len(entries))
    return b"".join(
        [header, start, *table, bytes(4), *values, *(part.ljust(_even(len(part)), b"\0") for part in pixels)]
    )


def _pixels(data: bytes, order: str, entries: dict[int, Entry], tag: int) -> list[bytes]:
    starts, lengths = _numbers(order, entries, tag), _numbers(order, entries, PLACES[tag])
    if len(starts) != len(lengths) or any(sum(ends) > len(data) for ends in zip(starts, lengths, strict=True)):
        raise ThrongError("the TIFF is damaged: its strips or tiles lie outside of it; restore the file")
    return [data[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def _even(size: int) -> int:
    return size + size % 2


def _numbers(order: str, entries: dict[int, Entry], tag: int) -> tuple[int, ...]:
    if tag not in entries:
        return ()
    kind, count, value = entries[tag]
    return struct.unpack(f"{order}{count}{'H' if kind == 3 else 'I'}", value)


def _directory(data: bytes) -> tuple[str, dict[int, Entry], int]:
    """Return byte order, entries of the first directory by tag, and where a second directory is: 0 for nowhere."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    entries = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, at)
        size = SIZES.get(kind, 1) * number
        place = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
        if place + size > len(data):
            raise ThrongError(f"the TIFF is truncated: tag {tag} lies behind its end; restore the file")
        entries[tag] = Entry(kind, number, data[place : place + size])
    (following,) = struct.unpack_from(f"{order}I", data, start + 2 + 12 * count)
    return order, entries, following
