"""What an image file tells besides its picture, and the file without it."""

from throng.release import xmp
from throng.release.containers import files


def strip(data: bytes) -> bytes:
    """Return an image file without EXIF, XMP, IPTC, comments, thumbnails and whatever lies behind the picture.

    Pixels are not encoded again. The colour profile stays, and so does the orientation, as an EXIF block of this one
    entry, since without it the picture would lie on its side. Raises ThrongError for a file that cannot be taken apart.
    """
    return files.rewrite(data, None)


def with_source_type(data: bytes, term: str) -> bytes:
    """Return an image file, stripped as by :func:`strip`, that states an IPTC digital source type in XMP."""
    return files.rewrite(data, xmp.packet(term))


def private_parts(data: bytes) -> list[str]:
    """Name what an image file holds besides picture, colour profile, orientation and throng's own mark.

    Names are such as ``EXIF``, ``XMP``, ``IPTC``, ``comment``, ``thumbnail``; an empty list is what :func:`strip`
    promises. Raises ThrongError for a file that cannot be taken apart.
    """
    packet = files.xmp_packet(data)
    ours = packet is None or packet in MARKS
    return files.private_parts(data) + ([] if ours else ["XMP"])


MARKS = frozenset(xmp.packet(term) for terms in xmp.TERMS.values() for term in terms)
