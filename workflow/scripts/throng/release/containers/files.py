"""Which container an image file is, by its first bytes."""

import re
from typing import Protocol, cast

from throng.errors import ThrongError
from throng.release.containers import bmp, jpeg, png, tiff, webp


class Container(Protocol):
    """What every kind of file can do."""

    def rewrite(self, data: bytes, packet: bytes | None) -> bytes:
        """Return the file with its picture, colour profile and orientation alone, and an XMP packet if given."""
        ...

    def private_parts(self, data: bytes) -> list[str]:
        """Name what the file holds besides its picture, colour profile, orientation and XMP packet."""
        ...

    def xmp_packet(self, data: bytes) -> bytes | None:
        """Return the file's XMP packet, or None."""
        ...

    def icc_profile(self, data: bytes) -> bytes | None:
        """Return the file's colour profile, or None."""
        ...


# by the first bytes, among which a dot stands for any
KINDS = (
    (rb"\xff\xd8", jpeg),
    (rb"\x89PNG\r\n\x1a\n", png),
    (rb"RIFF....WEBP", webp),
    (rb"II\*\0|MM\0\*", tiff),
    (rb"BM", bmp),
)


def container_of(data: bytes) -> Container:
    """Return the module that takes a file apart; raises ThrongError for a file of no known kind."""
    for start, module in KINDS:
        if re.match(start, data, re.DOTALL):
            return cast("Container", module)
    raise ThrongError(
        f"a file that starts with {data[:4].hex()} is no image whose metadata can be told apart; "
        f"expected JPEG, PNG, WebP, TIFF or BMP"
    )
