"""Section ``prompt``: the images to ask for."""

import string
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from throng.sections.base import Section, setting

Value = TypeVar("Value", int, str)
PLACEHOLDERS = ("count", "count_figures", "count_words")


def _says_the_count(template: str) -> str:
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}; write {{{{ and }}}} for braces that are meant") from error
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in named:
        if name not in PLACEHOLDERS:
            raise ValueError(f"{template!r}: unknown placeholder {{{name}}}; known are {known}")
    if not named:
        raise ValueError(f"{template!r} never says how many people: it needs one of {known}")
    return template


def _unique(values: list[Value]) -> list[Value]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {twice}")
    return values


class Prompt(Section):
    """A deterministic table of counts x templates x repeats; the zero-person bucket is always worth having."""

    counts: Annotated[list[Annotated[int, Field(ge=0, le=100_000)]], AfterValidator(_unique)] = setting(
        [0, 1, 2, 5, 10, 20, 50], "requested numbers of people", min_length=1
    )
    templates: Annotated[list[Annotated[str, AfterValidator(_says_the_count)]], AfterValidator(_unique)] = setting(
        [
            "a photograph of {count_words} on a city street, seen from above head height",
            "a photograph of {count_words} on a public square, daylight",
        ],
        "scene templates; placeholders: {count} (12), {count_figures} (12 people), {count_words} (twelve people)",
        min_length=1,
    )
    repeats: int = setting(3, "images per count and template, each with its own seed", ge=1)
    val_fraction: float = setting(
        0.0,
        "share of the prompts held out for validation; composite, whose material is training photographs, "
        "makes no image for those",
        ge=0,
        lt=1,
    )
