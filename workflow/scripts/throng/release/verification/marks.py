"""Which digital source types an image of a row may state."""

from collections.abc import Collection, Mapping
from typing import Any

from throng.release.products import DENSITY_LABELLED, MEDIA, RANKED_PAIRS, REQUESTED_DENSITY
from throng.release.verification.images import Promise
from throng.release.xmp import term_of

Terms = frozenset[str | None]


def terms_of(product: str, column: str, row: Mapping[str, Any], promise: Promise) -> Terms:
    """Return the IPTC terms of which an image must state one; None stands for none at all."""
    if product == RANKED_PAIRS.name:
        member = row[f"{column.removeprefix('image_')}_id"]
        if member != row["parent_id"]:
            return frozenset(term_of("edit", [backend]) for backend in row["remover"].split(", "))
        return _taken("rendered" if row["parent_source"] in promise.rendered else "photograph", promise)
    if product == DENSITY_LABELLED.name and not row["backend"]:
        return _taken(row["medium"], promise)
    medium = "drawn" if product == REQUESTED_DENSITY.name else MEDIA.get(row["backend"], "synthesised")
    backends = row["backend"].split(", ")
    return _composite(row, backends, promise) if medium == "composite" else frozenset({term_of(medium, backends)})


def _taken(medium: str, promise: Promise) -> Terms:
    if medium != "photograph":
        return frozenset({term_of(medium, ())})
    return frozenset({None, term_of(medium, ())}) if promise.blurred else frozenset({None})


def _composite(row: Mapping[str, Any], backends: Collection[str], promise: Promise) -> Terms:
    """Return the terms of a composite, in which whoever emptied its background had a hand."""
    on_empty, alone = term_of("composite", [*backends, *promise.emptied_by]), term_of("composite", backends)
    if "background_id" in row:
        return frozenset({on_empty if row["background_id"] else alone})
    return frozenset({on_empty, alone})
