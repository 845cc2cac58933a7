"""Prompts: templates filled with a count in figures or words, and rows addressed by what they ask for."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from throng.errors import ThrongError
from throng.provenance import canonical_json
from throng.sections.prompt import Prompt, Template, counts_of, repeats_for, texts_of
from throng.seeds import sample_seed
from throng.tables.prompts import PromptRow, content_id

STAGE = "prompt"
TRAIN, VAL = "train", "val"
SMALL = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
NOBODY = "an empty place with no people"


def number_words(number: int) -> str:
    """Return a whole number from 1 to 999,999 in English words; raises ThrongError outside."""
    if not 1 <= number <= 999_999:
        raise ThrongError(f"{number} cannot be spelled: expected a whole number from 1 to 999,999")
    if number < len(SMALL):
        return SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return TENS[tens] + (f"-{SMALL[rest]}" if rest else "")
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    many, rest = divmod(number, unit)
    link = " " if rest >= 100 else " and "
    return f"{number_words(many)} {name}" + (f"{link}{number_words(rest)}" if rest else "")


def count_words(count: int) -> str:
    """Return how many people in words: "an empty place with no people", "one person", "two hundred people"."""
    if count == 0:
        return NOBODY
    return f"{number_words(count)} {'person' if count == 1 else 'people'}"


def count_figures(count: int) -> str:
    """Return how many people in figures: "no people", "1 person", "200 people"."""
    if count == 0:
        return "no people"
    return f"{count} {'person' if count == 1 else 'people'}"


def fill(text: str, count: int | None, wording: str, viewpoint: str, conditions: str) -> str:
    """Return a template's text with its count, viewpoint and conditions; one that asks for a density has no count."""
    known = {"viewpoint": viewpoint, "conditions": conditions}
    if count is not None:
        figures, words = count_figures(count), count_words(count)
        people = words if wording == "words" else figures
        known |= {"count": str(count), "count_figures": figures, "count_words": words, "people": people}
    return text.format_map(known)


def addressed_row(seed: int, **asked: Any) -> PromptRow:
    """Return a row of split train with the id that ``seed`` and everything else that decides the image give it."""
    row = PromptRow(id="", seed=seed, split=TRAIN, **asked)
    return dataclasses.replace(row, id=content_id(row))


def prompt_rows(dataset_seed: int, section: Prompt) -> Iterator[PromptRow]:
    """Yield counts x templates x viewpoints x conditions x wordings x repeats.

    A row's seed and id follow from its own text and the template's name alone, so whatever is done to one template
    or to a list leaves every other row as it was.
    """
    for template in section.templates:
        for row in _rows_of(dataset_seed, section, template):
            share = sample_seed(dataset_seed, f"{STAGE}/split", row.id) / 2**64
            yield dataclasses.replace(row, split=VAL) if share < section.val_fraction else row


def _rows_of(dataset_seed: int, section: Prompt, template: Template) -> Iterator[PromptRow]:
    counts = counts_of(section, template) or [None]
    for count, viewpoint, conditions, wording in itertools.product(counts, *texts_of(section, template)):
        fewest, most = template.people or (count or 0, count or 0)
        for repeat in range(repeats_for(section, template, count)):
            asked = {
                "count": count,
                "density": template.density or "",
                "fewest": fewest,
                "most": most,
                "template": template.name,
                "viewpoint": viewpoint,
                "conditions": conditions,
                "wording": wording,
                "repeat": repeat,
                "text": fill(template.text, count, wording, viewpoint, conditions),
                "negative": _negative(section, template, most),
            }
            yield addressed_row(sample_seed(dataset_seed, STAGE, canonical_json(asked)), **asked)


def _negative(section: Prompt, template: Template, most: int) -> str:
    if template.negative is not None:
        return template.negative
    return ", ".join(filter(None, [section.negative, "" if most else section.negative_empty]))
