"""The prompts that a maker is asked for, checked: a table may come from anywhere."""

from collections import Counter
from pathlib import Path

from throng.errors import ThrongError
from throng.manifest import read_rows
from throng.sections.synthesize import Maker
from throng.tables.prompts import TABLE, PromptRow, content_id

SPLITS = ("train", "val", "test")
DENSITIES = ("none", "sparse", "dense")


def read_prompts(path: Path) -> list[PromptRow]:
    """Return the rows of a ``prompts`` table; raises ThrongError naming the first row that asks for nonsense."""
    rows = read_rows(path, TABLE, PromptRow)
    twice = [name for name, times in Counter(row.id for row in rows).items() if times > 1]
    if twice:
        raise ThrongError(f"{path}: prompt {twice[0]} is there twice; every row must have an id of its own")
    for row in rows:
        wrong = _wrong(row)
        if wrong:
            raise ThrongError(f"{path}, prompt {row.id}: {wrong}; correct the row, or rerun stage 'prompt'")
    return rows


def _wrong(row: PromptRow) -> str:
    asked = f"count is {row.count} and density {row.density!r}"
    checks = (
        (row.count is None or row.count >= 0, f"count is {row.count}, expected 0 or more people"),
        (row.text.strip(), "its text is empty"),
        (row.split in SPLITS, f"split is {row.split!r}, expected one of {', '.join(SPLITS)}"),
        (
            row.density in DENSITIES if row.count is None else not row.density,
            f"{asked}, expected a count or one of {', '.join(DENSITIES)}",
        ),
        (
            0 <= row.fewest <= row.most and (row.count is None or row.fewest == row.count == row.most),
            f"fewest and most are {row.fewest} and {row.most}, expected a range of people that holds the count",
        ),
        (
            row.id == content_id(row),
            "its id is not the hash of its content, and the image of another row would be taken for its own",
        ),
    )
    return next((said for right, said in checks if not right), "")


def chosen(rows: list[PromptRow], maker: Maker) -> list[PromptRow]:
    """Return the prompts that a maker's counts, densities and templates choose.

    Raises ThrongError when one of them names what no prompt asks for, or nothing is left.
    """
    there = {
        "counts": {row.count for row in rows} - {None},
        "densities": {row.density for row in rows} - {""},
        "templates": {row.template for row in rows},
    }
    for key, known in there.items():
        unknown = [value for value in getattr(maker, key) or [] if value not in known]
        if unknown:
            raise ThrongError(
                f"synthesize.makers, {maker.name!r}: no prompt is among {key} {_listed(unknown)}; there are: "
                f"{_listed(sorted(known)) or 'none'}"
            )
    some = [row for row in rows if maker.wants(row.count, row.density, row.template)]
    if not some:
        found = "; ".join(f"{key} {_listed(sorted(known)) or 'none'}" for key, known in there.items())
        raise ThrongError(
            f"synthesize.makers, {maker.name!r}: counts, densities and templates together choose no prompt; the table "
            f"has {len(rows)} with {found}"
        )
    return some


def _listed(values: list[int] | list[str]) -> str:
    return ", ".join(map(str, values))
