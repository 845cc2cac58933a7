"""CrowdHuman's annotation format: one JSON object per line (https://www.crowdhuman.org/download.html).

A line names an image and lists its boxes, each x, y, w, h in pixels: ``hbox`` head, ``vbox`` visible part, ``fbox``
full body (which may leave the frame). ``extra`` and ``head_attr`` and their keys may be absent.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from throng.errors import ThrongError

Numbers = tuple[float, float, float, float]
Kind = Literal["head", "visible", "full"]
Flag = int | bool


class Extra(msgspec.Struct, gc=False):
    """Attributes of a whole person."""

    ignore: Flag = 0
    box_id: int | None = None
    occ: int | None = None
    unsure: int | None = None


class HeadAttributes(msgspec.Struct, gc=False):
    """Attributes of a head."""

    ignore: Flag = 0
    occ: int | None = None
    unsure: int | None = None


class Annotated(msgspec.Struct, gc=False):
    """One box: a person, or a mask (group, reflection, thing like a person)."""

    tag: str
    hbox: Numbers | None = None
    vbox: Numbers | None = None
    fbox: Numbers | None = None
    extra: Extra | None = None
    head_attr: HeadAttributes | None = None


class Record(msgspec.Struct, gc=False):
    """One line: an image and its boxes."""

    ID: str
    gtboxes: list[Annotated]


class _Named(msgspec.Struct, gc=False):
    ID: str


_NO_NUMBER = re.compile(rb"[\[,:]\s*[-+]?(NaN|Infinity|inf)\b", re.IGNORECASE)
_decode = msgspec.json.Decoder(Record).decode
_decode_name = msgspec.json.Decoder(_Named).decode


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line by its number from 1, the ID it names (empty when broken), its bytes, and what is wrong with it."""

    number: int
    id: str
    data: bytes
    problem: str = ""


def lines(data: bytes) -> Iterator[Line]:
    """Yield the non-empty lines of an .odgt file with their IDs; a broken line is yielded with its problem."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield Line(number, _decode_name(line).ID, line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield Line(number, "", line, _said(line, error))


def _said(line: bytes, error: Exception) -> str:
    if _NO_NUMBER.search(line):
        return "a number is NaN or infinite, which JSON does not know: give the box four finite numbers, or remove it"
    return str(error)


def record(line: Line) -> Record:
    """Decode a line whole; raises ThrongError that says which line and field is wrong."""
    try:
        return _decode(line.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ThrongError(f"line {line.number}: {_said(line.data, error)}") from error


@dataclasses.dataclass(frozen=True, slots=True)
class BoxArrays:
    """Boxes of many images: those of image i are ``boxes[offsets[i]:offsets[i + 1]]``.

    ``ids`` N strings, ``offsets`` (N + 1,) int64, ``boxes`` (M, 4) int32 x, y, w, h in pixels.
    """

    ids: list[str]
    offsets: np.ndarray
    boxes: np.ndarray


def _decoder(field: str) -> msgspec.json.Decoder:
    box = msgspec.defstruct("Box", [("box", tuple[int, int, int, int], msgspec.field(name=field))], gc=False)
    boxed = msgspec.defstruct("Boxed", [("ID", str), ("gtboxes", list[box])], gc=False)
    return msgspec.json.Decoder(boxed)


_FIELDS: dict[Kind, str] = {"head": "hbox", "visible": "vbox", "full": "fbox"}


def read_boxes(data: bytes, kind: Kind = "full") -> BoxArrays:
    """Return one kind of box of every annotated thing, masks included, as arrays.

    Raises ThrongError naming the line where a box is missing or is not four whole numbers.
    """
    decoder = _decoder(_FIELDS[kind])
    try:
        records = decoder.decode_lines(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ThrongError(f"{_first_bad(decoder, data)}; expected {_FIELDS[kind]} as four whole numbers") from error
    counts = np.fromiter((len(record.gtboxes) for record in records), np.int64, len(records))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    numbers = itertools.chain.from_iterable(box.box for record in records for box in record.gtboxes)
    flat = np.fromiter(numbers, np.int32, 4 * int(offsets[-1]))
    return BoxArrays([record.ID for record in records], offsets, flat.reshape(-1, 4))


def _first_bad(decoder: msgspec.json.Decoder, data: bytes) -> str:
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                decoder.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                return f"line {number}: {error}"
    return "a record spans several lines"
