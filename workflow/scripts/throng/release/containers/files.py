"""What can be asked of an image file, whichever container its first bytes say it is."""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, cast

from throng.errors import ThrongError
from throng.release.containers import bmp, jpeg, png, tiff, webp


class _Container(Protocol):
    """What the module of every container can do."""

    def rewrite(self, data: bytes, packet: bytes | None) -> bytes: ...

    def private_parts(self, data: bytes) -> list[str]: ...

    def xmp_packet(self, data: bytes) -> bytes | None: ...

    def icc_profile(self, data: bytes) -> bytes | None: ...


# by the first bytes, among which a dot stands for any
KINDS = (
    (rb"\xff\xd8", "image/jpeg", jpeg),
    (rb"\x89PNG\r\n\x1a\n", "image/png", png),
    (rb"RIFF....WEBP", "image/webp", webp),
    (rb"II\*\0|MM\0\*", "image/tiff", tiff),
    (rb"BM", "image/bmp", bmp),
)


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return an image file with its picture, colour profile and orientation alone, and an XMP packet if given.

    This and the following raise ThrongError for a file that is no image, or is damaged.
    """
    with _readable():
        return _container(data).rewrite(data, packet)


def private_parts(data: bytes) -> list[str]:
    """Name what an image file holds besides its picture, colour profile, orientation and XMP packet."""
    with _readable():
        return _container(data).private_parts(data)


def xmp_packet(data: bytes) -> bytes | None:
    """Return an image file's XMP packet, or None."""
    with _readable():
        return _container(data).xmp_packet(data)


def icc_profile(data: bytes) -> bytes | None:
    """Return an image file's colour profile, or None."""
    with _readable():
        return _container(data).icc_profile(data)


def mime_type(data: bytes) -> str:
    """Return an image file's media type, by its first bytes."""
    return _kind(data)[0]


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (IndexError, KeyError, ValueError, struct.error, zlib.error) as error:
        raise ThrongError(f"the image file is damaged ({error}); restore it") from error


def _container(data: bytes) -> _Container:
    return _kind(data)[1]


def _kind(data: bytes) -> tuple[str, _Container]:
    for start, mime, module in KINDS:
        if re.match(start, data, re.DOTALL):
            return mime, cast("_Container", module)
    raise ThrongError(
        f"a file that starts with {data[:4].hex() or 'nothing'} is no image whose metadata can be told apart; "
        f"expected JPEG, PNG, WebP, TIFF or BMP"
    )
