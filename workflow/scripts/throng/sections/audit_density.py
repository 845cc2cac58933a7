"""Section ``audit_density``: which density labeller tells the truth."""

from typing import Literal, Self

from pydantic import model_validator

from throng.sections.base import Section, setting


class AuditDensity(Section):
    """Audits density labels: labellers against each other and against rendered truth, drawn over images; a page."""

    title: str = setting("audit of density labels", "title of the page")
    tables: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"], "whose labels are compared: photographs, synthesised images", min_length=1
    )
    target: float = setting(
        0.9, "rank correlation with the truth from which on a labeller is said to tell it", gt=0, le=1
    )
    draws: int = setting(1000, "bootstrap draws of whole scenes for the intervals", ge=100)
    confidence: float = setting(0.95, "share of the draws that an interval holds", gt=0.5, lt=1)
    pictures: int = setting(
        6, "images of each table that are drawn over: spread evenly from the emptiest label to the fullest", ge=0
    )
    picture: int = setting(640, "widest picture on the page, pixels", ge=64)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.tables)) < len(self.tables):
            raise ValueError(f"tables names one twice: {self.tables}")
        return self
