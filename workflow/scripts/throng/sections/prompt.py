"""Section ``prompt``: the images to ask for."""

from typing import Annotated

from pydantic import Field

from throng.sections.base import Section, setting


class Prompt(Section):
    """A deterministic table of counts x templates x repeats; the zero-person bucket is always worth having."""

    counts: list[Annotated[int, Field(ge=0, le=100_000)]] = setting(
        [0, 1, 2, 5, 10, 20, 50], "requested numbers of people", min_length=1
    )
    templates: list[str] = setting(
        [
            "a photograph of {count_words} on a city street, seen from above head height",
            "a photograph of {count_words} on a public square, daylight",
        ],
        "scene templates; placeholders: {count}, {count_words}",
        min_length=1,
    )
    repeats: int = setting(3, "images per count and template, each with its own seed", ge=1)
    val_fraction: float = setting(0.1, "share of the rows that go to validation", ge=0, lt=1)
