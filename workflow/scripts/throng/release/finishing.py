"""The last thing that happens to an image before it leaves: private things come off, its origin is written on."""

from typing import Any

from throng.errors import ThrongError
from throng.release import faces, metadata, xmp
from throng.release.products import Picture
from throng.sections.release_privacy import Marking, Privacy


class Finisher:
    """Finishes images by the privacy and marking of a release; equal input gives equal bytes."""

    def __init__(self, privacy: Privacy, marking: Marking) -> None:
        self._privacy = privacy
        self._marking = marking

    def finish(self, data: bytes, picture: Picture) -> bytes:
        """Return a picture's file as it is released.

        A picture with areas is decoded, its areas blurred, and written as PNG, so that photographs and edits of them
        stay equal outside the edits; any other keeps its pixels as they are encoded. Metadata but for colour profile
        and orientation are taken out, and the IPTC digital source type is written into XMP: into every made image, and
        into a photograph when it was blurred. Raises ThrongError, naming the picture, for a file that cannot be taken
        apart.
        """
        try:
            return self._finish(data, picture)
        except ThrongError as error:
            raise ThrongError(f"{picture.path} of source {picture.source!r}: {error}") from error

    def _finish(self, data: bytes, picture: Picture) -> bytes:
        if picture.areas:
            data = faces.blurred(data, picture.areas)
        made = picture.medium != "photograph" or bool(picture.areas)
        if made and self._marking.xmp:
            return metadata.with_source_type(data, xmp.term_of(picture.medium, picture.backend.split(", ")))
        return metadata.strip(data) if self._privacy.strip_metadata else data

    def card(self) -> dict[str, Any]:
        """Return what was done to images, for the card: plain values, the same for the same section."""
        return {
            "metadata_stripped": self._privacy.strip_metadata,
            "faces_blurred": self._privacy.blur_faces,
            "opt_out_list": self._privacy.opt_out is not None,
            "xmp_marked": self._marking.xmp,
        }
