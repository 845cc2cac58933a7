"""Section ``report``: one page to look at."""

from throng.sections.base import Section, setting


class Report(Section):
    """One HTML page: counts per stage, contact sheets, edits, curves and metrics."""

    title: str = setting("throng", "title of the page")
    pairs: int = setting(8, "ranked pairs shown", ge=0)
    chains: int = setting(3, "removal chains shown, and as many rows of each other recipe's edits", ge=0)
    synthetic: int = setting(12, "synthesised images shown", ge=0)
    drawn: int = setting(8, "images shown of every label that a sampler asked for", ge=0)
    thumbnail: int = setting(320, "width of a thumbnail, pixels", ge=64)
