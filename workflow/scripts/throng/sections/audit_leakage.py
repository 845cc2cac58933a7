"""Section ``audit_leakage``: which images are near copies of each other across splits and known test sets."""

from throng.sections.base import Section, setting


class AuditLeakage(Section):
    """Looks for near copies across splits and in known test sets, by perceptual hash and by embedding; a page."""

    title: str = setting("near copies", "title of the page")
    distance: int = setting(6, "most bits, of 64, in which the perceptual hashes of near copies differ", ge=0, le=20)
