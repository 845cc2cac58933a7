"""BMP: a header and pixels; the format has no place for anything to tell."""

from throng.errors import ThrongError


def rewrite(data: bytes, packet: bytes | None) -> bytes:
    """Return the file as it is; raises ThrongError when it is to hold an XMP packet."""
    if packet is not None:
        raise ThrongError("a BMP has no place for XMP; store the image as PNG")
    return data


def private_parts(_data: bytes) -> list[str]:
    """Name what the file holds besides its picture: nothing."""
    return []


def xmp_packet(_data: bytes) -> None:
    """Return the file's XMP packet: None."""
    return


def icc_profile(_data: bytes) -> None:
    """Return the colour profile: None, as nobody writes one into a BMP."""
    return
