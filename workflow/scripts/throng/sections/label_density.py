"""Section ``label_density``: how crowded an image is."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, setting


class LabelDensity(Section):
    """Labels every counted image with a score and a class."""

    method: Literal["threshold"] = setting("threshold", "threshold: the number of people, cut at the thresholds")
    thresholds: list[Annotated[int, Field(ge=0)]] = setting(
        [10, 30], "a class ends at each of these counts, inclusive; rising", min_length=1
    )
    classes: list[str] = setting(["low", "medium", "high"], "names of the classes, emptiest first")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sorted(set(self.thresholds)) != self.thresholds:
            raise ValueError(f"thresholds must rise: {self.thresholds}")
        if len(self.classes) != len(self.thresholds) + 1:
            raise ValueError(
                f"{len(self.thresholds)} thresholds make {len(self.thresholds) + 1} classes, "
                f"{len(self.classes)} are named"
            )
        return self
