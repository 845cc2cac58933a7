"""Prompts: templates filled with a count in figures or words, and rows addressed by what they ask for."""

import hashlib
from collections.abc import Sequence

from throng.errors import ThrongError
from throng.seeds import sample_seed
from throng.tables.prompts import PromptRow

STAGE = "prompt"
ID_DIGITS = 16
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


def fill(template: str, count: int) -> str:
    """Return the template with its count; raises ThrongError naming a placeholder that does not exist."""
    known = {"count": str(count), "count_figures": count_figures(count), "count_words": count_words(count)}
    try:
        return template.format_map(known)
    except (KeyError, IndexError, AttributeError, ValueError) as error:
        raise ThrongError(
            f"template {template!r}: {error} is no placeholder; known are {', '.join(f'{{{name}}}' for name in known)}"
        ) from error


def prompt_row(dataset_seed: int, template: str, count: int, repeat: int, val_fraction: float) -> PromptRow:
    """Return one row: its seed from what is asked, its id a hash of count, text and seed, its split from the id."""
    text = fill(template, count)
    seed = sample_seed(dataset_seed, STAGE, f"{template}|{count}|{repeat}")
    row_id = hashlib.sha256(f"{count}\x1f{text}\x1f{seed}".encode()).hexdigest()[:ID_DIGITS]
    share = sample_seed(dataset_seed, f"{STAGE}/split", row_id) / 2**64
    return PromptRow(row_id, count, template, repeat, text, seed, "val" if share < val_fraction else "train")


def prompt_rows(
    dataset_seed: int, counts: Sequence[int], templates: Sequence[str], repeats: int, val_fraction: float
) -> list[PromptRow]:
    """Return counts x templates x repeats; editing one template leaves every other template's rows as they were."""
    return [
        prompt_row(dataset_seed, template, count, repeat, val_fraction)
        for template in templates
        for count in counts
        for repeat in range(repeats)
    ]
