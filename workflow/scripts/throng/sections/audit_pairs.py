"""Section ``audit_pairs``: whether the pairs are right, and whether the edits give themselves away."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, setting

Lows = list[Annotated[int, Field(ge=0)]]


class AuditPairs(Section):
    """Audits pairs and edits: order by true count, shortcuts, seams, quality, rejections; a page, worst cases first."""

    title: str = setting("audit of ranked pairs", "title of the page")
    target: float = setting(0.99, "share of pairs that should be ordered correctly by true count", gt=0, le=1)
    bins: Lows = setting(
        [0, 10, 25, 50, 100, 200, 500], "density bins start at these counts, rising from 0", min_length=1
    )
    deltas: Lows = setting(
        [0, 1, 2, 3, 5, 10, 20, 50], "bins of a pair's difference in people, rising from 0", min_length=1
    )
    photographs: int = setting(
        64,
        "photographs whose edits are measured pixel by pixel, chosen by hash; the order of all pairs is checked",
        ge=0,
    )
    rerender: bool = setting(
        True, "render rendered scenes again without the removed people: the true background that edits are held against"
    )
    ring_px: int = setting(8, "width of the ring around an edit that its sharpness is compared with, pixels", ge=2)
    patch: int = setting(
        16, "side of the patches that the shortcut probe judges, pixels; a multiple of 8, as JPEG's blocks are", ge=8
    )
    patches: int = setting(48, "most patches taken from one edit", ge=1)
    folds: int = setting(
        5, "parts that the scenes are divided into; each is judged by a probe fitted on the others", ge=2
    )
    cases: int = setting(8, "cases shown in each list of the page, the worst first", ge=0)
    contacts: int = setting(12, "edits on the contact sheet, chosen by hash", ge=0)
    thumbnail: int = setting(480, "widest picture on the page, pixels", ge=64)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        for name in ("bins", "deltas"):
            lows = getattr(self, name)
            if lows[0] != 0 or lows != sorted(set(lows)):
                raise ValueError(f"{name} must rise from 0: {lows}")
        if self.patch % 8:
            raise ValueError(f"patch must be a multiple of 8: {self.patch}")
        return self
