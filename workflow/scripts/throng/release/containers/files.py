"""Which container an image file is, by its first bytes."""

from typing import Protocol, cast

from throng.errors import ThrongError
from throng.release.containers import jpeg, png


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


def container_of(data: bytes) -> Container:
    """Return the module that takes a file apart; raises ThrongError for a file of no known kind."""
    for module in (jpeg, png):
        if data.startswith(module.SIGNATURE):
            return cast("Container", module)
    raise ThrongError(
        f"a file that starts with {data[:4].hex()} is no image whose metadata can be told apart; expected JPEG or PNG"
    )
