"""What images lose, and what they gain, before they are released."""

from throng.sections.base import Section, setting


class Privacy(Section):
    """What is taken out of released images."""

    strip_metadata: bool = setting(
        True, "take EXIF, XMP, IPTC, comments and thumbnails out of image files; pixels stay as they are encoded"
    )
    blur_faces: bool = setting(
        False, "blur the heads of all known people in photographs, their edits and composites, which become PNG"
    )
    opt_out: str | None = setting(
        None,
        "text file of images that no sample may show or come from: an id, a sha256 or source/path a line, # comments; "
        "below data_root or absolute",
    )


class Marking(Section):
    """How a made image says so itself."""

    xmp: bool = setting(True, "write IPTC's digital source type as XMP into every image that was made or edited")
