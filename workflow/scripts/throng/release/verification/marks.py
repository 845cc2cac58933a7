"""Which digital source types an image of a row may state."""

from collections.abc import Collection, Mapping
from typing import Any

from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, MEDIA, RANKED_PAIRS
from throng.release.verification.images import Promise
from throng.release.xmp import TERMS, term_of

Terms = frozenset[str | None]


def terms_of(product: str, column: str, row: Mapping[str, Any], promise: Promise) -> Terms:
    """Return the IPTC terms of which an image must state one; None stands for none at all."""
    if product == RANKED_PAIRS.name:
        member = row[f"{column.removeprefix('image_')}_id"]
        if member != row["parent_id"]:
            return _made("edit", row["remover"].split(", "))
        return _taken("rendered" if row["parent_source"] in promise.rendered else "photograph", promise)
    if product == FIXED_COUNT.name:
        return _all(MEDIA.get(row["backend"], "synthesised"), row["backend"])
    if product == DENSITY_LABELLED.name:
        if row["backend"]:
            return _all(row["medium"], row["backend"])
        return _taken(row["medium"], promise)
    return _all("drawn", row["backend"])


def _taken(medium: str, promise: Promise) -> Terms:
    if medium != "photograph":
        return frozenset({term_of(medium, ())})
    return frozenset({None, term_of(medium, ())}) if promise.blurred else frozenset({None})


def _made(medium: str, backends: Collection[str]) -> Terms:
    """Return the terms of an image that one of these backends made."""
    return frozenset(term_of(medium, [backend]) for backend in backends)


def _all(medium: str, backends: str) -> Terms:
    """Return the term of an image that all of these backends, separated by a comma and a space, made.

    Of a composite both are, as its row does not say who emptied its background.
    """
    if medium == "composite":
        return frozenset(TERMS[medium])
    return frozenset({term_of(medium, backends.split(", "))})
