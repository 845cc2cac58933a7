"""MATLAB files (format 5) unpacked and checked before a library reads them: SciPy trusts their types and sizes.

Of an element of a type that the format does not have, ``scipy.io.loadmat`` takes a pointer that is null; of a
compressed one it makes room for whatever comes out. Format: MAT-File Format, MathWorks, "Level 5 MAT-File Format".
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from throng.errors import ThrongError

HEADER = 128
MATRIX, COMPRESSED = 14, 15
PLAIN = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18))  # numbers and texts
FLAGS = 6  # the type of an array's first element, whose lowest byte is the array's class
NESTING = frozenset((1, 2, 3))  # cells, structures, objects
DEEPEST = 16
MOST_BYTES = 64_000_000  # unpacked: two million points


def read_variable(data: bytes, name: str) -> Any:
    """Return a variable of a .mat file as ``scipy.io.loadmat`` gives it, None when it is absent.

    Raises ThrongError for a file that is not of format 5, is damaged, or is more than 64 MB when unpacked.
    """
    from scipy.io import loadmat

    whole = io.BytesIO(unpacked(data))
    try:
        return loadmat(whole, variable_names=[name]).get(name)
    except Exception as error:  # scipy raises almost anything on a damaged file
        raise ThrongError(f"the .mat file cannot be read ({type(error).__name__})") from error


def unpacked(data: bytes) -> bytes:
    """Return the file with its compressed elements unpacked, every element of a type and a size that can be."""
    order = {b"IM": "<", b"MI": ">"}.get(bytes(data[126:128]))
    if order is None or 0 in data[:4]:
        raise ThrongError("the .mat file is not of MATLAB's format 5 (save it with -v7)")
    out = [bytes(data[:HEADER])]
    for kind, content in _elements(data[HEADER:], order, padded=False):
        inner = _inflated(content, MOST_BYTES - sum(map(len, out))) if kind == COMPRESSED else None
        element = struct.pack(order + "II", kind, len(content)) + content if inner is None else inner
        if sum(map(len, out)) + len(element) > MOST_BYTES:
            raise _damaged(f"unpacked, it is more than {MOST_BYTES} bytes")
        _check(element, order, 0)
        out.append(element)
    return b"".join(out)


def _inflated(content: bytes, most: int) -> bytes:
    try:
        stream = zlib.decompressobj()
        inner = stream.decompress(content, most)
    except zlib.error as error:
        raise _damaged("a compressed part does not unpack") from error
    if not stream.eof:
        raise _damaged(f"a compressed part is cut short, or unpacked more than {MOST_BYTES} bytes")
    return inner


def _check(data: bytes, order: str, depth: int) -> None:
    """Raise ThrongError unless all elements of some bytes, and all within them, are whole and of a known type."""
    if depth > DEEPEST:
        raise _damaged(f"it is nested more than {DEEPEST} deep")
    for kind, content in _elements(data, order, padded=True):
        if kind == MATRIX:
            _check_array(content, order)
            _check(content, order, depth + 1)
        elif kind not in PLAIN:
            raise _damaged(f"it holds an element of type {kind}")


def _check_array(content: bytes, order: str) -> None:
    """Raise ThrongError for numbers or text that hold arrays, which SciPy takes for a type with a null pointer."""
    parts = list(_elements(content, order, padded=True))
    if not parts:
        return  # an array left out
    kind, flags = parts[0]
    if kind != FLAGS or len(flags) != 8:
        raise _damaged("an array does not begin with its class")
    array = struct.unpack_from(order + "I", flags)[0] & 0xFF
    if array not in NESTING and any(part == MATRIX for part, _ in parts):
        raise _damaged(f"an array of class {array} holds others")


def _elements(data: bytes, order: str, *, padded: bool) -> Iterator[tuple[int, bytes]]:
    """Yield (type, content) of elements that follow each other; inside an array each fills multiples of 8 bytes."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise _damaged("it is cut short")
        kind, size = struct.unpack_from(order + "II", data, at)
        if kind >> 16:  # up to four bytes stand in the tag itself, behind their type and number
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise _damaged("an element is larger than it can be")
        else:
            start = at + 8
            end = start + size + (-size % 8 if padded and kind != COMPRESSED else 0)
        if start + size > len(data):
            raise _damaged("it is cut short")
        yield kind, bytes(data[start : start + size])
        at = end


def _damaged(why: str) -> ThrongError:
    return ThrongError(f"the .mat file is damaged: {why}")
