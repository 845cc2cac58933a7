"""Instance masks as COCO's compressed run-length strings, and back.

COCO's format (Lin et al., ECCV 2014, and the data format of its API): the mask is read column by column; the lengths
of its runs, beginning with a run of zeros, are written as signed 5-bit groups, from the fourth run on as the
difference to the run two places before. The image's height and width are not in the string.
"""

import numpy as np

from throng.errors import ThrongError


def encode(mask: np.ndarray, *, height: int, width: int, left: int = 0, top: int = 0) -> str:
    """Return the COCO string of an (h, w) bool mask placed at (left, top) in an image of ``height`` x ``width``.

    Raises ThrongError when the mask leaves the image.
    """
    rows, columns = mask.shape
    if left < 0 or top < 0 or left + columns > width or top + rows > height:
        raise ThrongError(f"a mask of {rows}x{columns} at ({left}, {top}) leaves an image of {height}x{width}")
    padded = np.zeros((columns, rows + 2), np.int8)
    padded[:, 1:-1] = mask.T
    steps = np.diff(padded, axis=1)
    begins = _positions(steps == 1, height, left, top)
    ends = _positions(steps == -1, height, left, top)
    joined = begins[1:] == ends[:-1]  # a run that goes on at the top of the next column
    begins = np.delete(begins, np.flatnonzero(joined) + 1)
    ends = np.delete(ends, np.flatnonzero(joined))
    edges = np.stack([begins, ends], axis=1).ravel()
    stops = edges if edges.size and edges[-1] == height * width else np.append(edges, height * width)
    return _pack(np.diff(stops, prepend=0))


def decode(counts: str, height: int, width: int) -> np.ndarray:
    """Return the (height, width) bool mask of a COCO string; raises ThrongError when it is not one of that size."""
    lengths = _unpack(counts)
    if lengths.size == 0 or lengths.min() < 0 or int(lengths.sum()) != height * width:
        raise ThrongError(f"a mask's run lengths do not fill an image of {height}x{width}: it belongs to another image")
    values = np.arange(lengths.size) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T


def _positions(marks: np.ndarray, height: int, left: int, top: int) -> np.ndarray:
    column, row = np.nonzero(marks)
    return (column + left) * height + row + top


def _pack(lengths: np.ndarray) -> str:
    deltas = lengths.astype(np.int64)
    deltas[3:] -= lengths[1:-2]
    groups = np.ones(deltas.size, np.int64)
    rest = deltas >> 4
    while np.any(more := (rest != 0) & (rest != -1)):  # one group holds 5 bits, the highest of the last is the sign
        groups += more
        rest >>= 5
        rest[~more] = 0
    which = np.repeat(np.arange(deltas.size), groups)
    place = np.arange(which.size) - np.repeat(np.cumsum(groups) - groups, groups)
    codes = (deltas[which] >> (5 * place)) & 0x1F
    codes[place < groups[which] - 1] |= 0x20
    return (codes + 48).astype(np.uint8).tobytes().decode("ascii")


def _unpack(counts: str) -> np.ndarray:
    codes = np.frombuffer(counts.encode("ascii", "replace"), np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 0x3F or codes[-1] & 0x20:
        raise ThrongError(f"{counts[:20]!r} is no COCO run-length string")
    last = (codes & 0x20) == 0
    start = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    size = np.diff(start, append=codes.size)
    if size.max() > 12:
        raise ThrongError(f"{counts[:20]!r} is no COCO run-length string")
    place = np.arange(codes.size) - np.repeat(start, size)
    deltas = np.add.reduceat((codes & 0x1F) << (5 * place), start)
    deltas -= np.where(codes[last] & 0x10, np.int64(1) << (5 * size), 0)
    deltas[1::2] = np.cumsum(deltas[1::2])
    deltas[2::2] = np.cumsum(deltas[2::2])
    return deltas
