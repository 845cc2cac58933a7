"""Files that are almost right: bits flipped, pieces cut, doubled, moved or spliced, numbers made absurd."""

import random
import re
from collections.abc import Sequence

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
ABSURD = (
    b"-1", b"0", b"1e309", b"-1e309", b"NaN", b"Infinity", b"2147483648", b"4294967295", b"18446744073709551616",
    b"9" * 400, b"1e-400", b"null", b"true", b'"x"', b"[]", b"{}",
)  # fmt: skip
EDGES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
MOST = 4_000_000  # bytes: a file may grow by doubling, not without end


def mutated(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """Return one of the seeds after one to six changes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 6)):
        rng.choice(CHANGES)(data, seeds, rng)
        del data[MOST:]
    return bytes(data)


def _flip(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _edge(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if data:
        start = rng.randrange(len(data))
        for at in range(start, min(len(data), start + rng.choice((1, 2, 4, 8)))):
            data[at] = rng.choice(EDGES)


def _span(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 16, 64, 1024, 65536)))


def _cut(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, end = _span(data, rng)
    del data[start:end]


def _truncate(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _double(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, end = _span(data, rng)
    data[start:start] = data[start:end] * rng.choice((1, 1, 2, 50))


def _splice(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    other = bytearray(rng.choice(seeds))
    start, end = _span(other, rng)
    at = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, end - start))] = other[start:end]


def _number(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    found = list(NUMBER.finditer(bytes(data[:100_000])))
    if found:
        at = rng.choice(found)
        data[at.start() : at.end()] = rng.choice(ABSURD)


CHANGES = (_flip, _flip, _edge, _edge, _cut, _truncate, _double, _splice, _number, _number)
