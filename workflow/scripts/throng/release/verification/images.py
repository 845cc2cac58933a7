"""Images of a release: the bytes that their row promises, decodable, of its size, without metadata, marked."""

import dataclasses
import functools
import hashlib
import io
from collections.abc import Collection

from throng.errors import ThrongError
from throng.release.containers.files import xmp_packet
from throng.release.metadata import private_parts
from throng.release.xmp import stated


@dataclasses.dataclass(frozen=True)
class Promise:
    """What was done to all images, which sources were rendered, and which backends emptied backgrounds."""

    stripped: bool
    marked: bool
    blurred: bool
    rendered: frozenset[str]
    emptied_by: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What one image file is: size in pixels, digital source type, private metadata."""

    width: int
    height: int
    term: str | None
    private: tuple[str, ...]


def sha256_of(data: bytes | memoryview) -> str:
    """Return the hex sha256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def facts_of(data: bytes, where: str) -> Facts:
    """Decode an image as ``datasets`` does, EXIF orientation applied; raises ThrongError when it cannot be decoded."""
    import PIL.Image
    import PIL.ImageOps

    try:
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.load()
            width, height = PIL.ImageOps.exif_transpose(image).size
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ThrongError(f"{where}: the image cannot be decoded ({error})") from error
    try:
        packet = xmp_packet(data)
        return Facts(width, height, None if packet is None else _term(packet), tuple(private_parts(data)))
    except ThrongError as error:
        raise ThrongError(f"{where}: {error}") from error


@functools.lru_cache(256)
def _term(packet: bytes) -> str | None:
    """Return what an XMP packet states; all images of a release have one of a few packets."""
    return stated(packet)


def check_image(
    facts: Facts, size: tuple[int, int], terms: Collection[str | None], promise: Promise, where: str
) -> None:
    """Raise ThrongError unless an image has its row's size, no private metadata, and one of the terms as its mark."""
    if (facts.width, facts.height) != size:
        raise ThrongError(f"{where}: the image is {(facts.width, facts.height)} pixels, its row says {size}")
    if promise.stripped and facts.private:
        raise ThrongError(f"{where}: the image carries {', '.join(facts.private)}, which was to be stripped")
    if promise.marked and facts.term not in terms:
        expected = " or ".join(sorted(str(term) for term in terms))
        raise ThrongError(f"{where}: the image's digital source type is {facts.term}, expected {expected}")
