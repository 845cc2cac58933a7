"""What images lose, and what they gain, before they are released."""

from throng.sections.base import Section, setting


class Privacy(Section):
    """What is taken out of released images."""

    strip_metadata: bool = setting(True, "take EXIF, comments and everything else but pixels out of photographs")
    blur_faces: bool = setting(False, "blur the heads of all known people in photographs and edits of them")
    opt_out: str | None = setting(
        None, "text file of image ids, one a line, that no sample may show or come from; below data_root or absolute"
    )


class Marking(Section):
    """How a made image says so itself."""

    xmp: bool = setting(True, "write XMP digitalSourceType into every made or edited image")
