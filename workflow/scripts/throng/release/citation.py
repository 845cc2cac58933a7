"""How a release wants to be cited: BibTeX in the card, and a file in the Citation File Format 1.2.0."""

import re

import yaml

from throng.release.facts import Facts

CITATION = "CITATION.cff"


def bibtex(facts: Facts) -> str:
    """Return the BibTeX entry of the publication that the configuration names, else of the dataset."""
    card = facts.config.card
    if card.bibtex is not None:
        return card.bibtex
    key = re.sub(r"\W+", "", facts.config.name) + card.date[:4]
    values = {
        "author": " and ".join(_author(name) for name in card.creators),
        "title": f"{{{_escaped(facts.config.name)}}}",
        "year": card.date[:4],
        "version": facts.version,
        "url": card.url,
        "note": "made with throng",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in values.items()]
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def person(name: str) -> tuple[str, str] | None:
    """Return family and given name of a creator who is written "Family, Given", None for a body."""
    family, comma, given = (part.strip() for part in name.partition(","))
    return (family, given) if comma and family and given else None


def spelled(name: str) -> str:
    """Return a creator's name as it is read: given name first."""
    names = person(name)
    return f"{names[1]} {names[0]}" if names else name


def _escaped(words: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", " ".join(words.split()))


def _author(name: str) -> str:
    return _escaped(name) if person(name) else f"{{{_escaped(name)}}}"


def citation_text(facts: Facts) -> str:
    """Return the text of ``CITATION.cff``; a licence that is no SPDX id is left to the card."""
    config, card = facts.config, facts.config.card
    spdx = {"license": config.licence} if re.fullmatch(r"[A-Za-z0-9.+-]+", config.licence) else {}
    values = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite it as below, and the sources that it was made from.",
        "title": config.name,
        "type": "dataset",
        "version": facts.version,
        "date-released": card.date,
        "authors": [_cff_author(name) for name in card.creators],
        "url": card.url,
        **spdx,
        "keywords": ["crowd counting", "synthetic data", "ranked pairs", "density"],
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)


def _cff_author(name: str) -> dict[str, str]:
    names = person(name)
    return {"family-names": names[0], "given-names": names[1]} if names else {"name": name}
