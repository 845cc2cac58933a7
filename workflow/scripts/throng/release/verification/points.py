"""What a row points to: photographs, edits, made images, labels and generators that the tables must hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, RANKED_PAIRS

# kinds of things that rows point to
PHOTOGRAPHS = "images"
EDITS = "removals"
MADE = "synthetic"
COUNTED = "calibrated_counts"
LABELLED = "density_labels"
DRAWN = "gan_samples"
GENERATORS = "generators"
# photographs whose pixels a row shows, and drawn images it shows: they must be allowed to leave
SHOWN = "shown images"
SHOWN_DRAWN = "shown gan_samples"


def points_of(product: str, row: Mapping[str, Any], *, recipe: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield (kind, ids) of all that a released row points to."""
    if product == RANKED_PAIRS.name:
        parents = [row["parent_id"]]
        yield EDITS, [name for name in (row["more_id"], row["fewer_id"]) if name != row["parent_id"]]
    elif product == FIXED_COUNT.name:
        parents = [*row["parents"], *filter(None, [row["background_id"]])]
        yield MADE, [row["id"]]
        yield COUNTED, [row["id"]]
    elif product == DENSITY_LABELLED.name:
        parents = list(row["parents"])
        made = row["table"] == MADE
        yield (MADE if made else PHOTOGRAPHS), [row["id"]]
        if made or not recipe:
            yield LABELLED, [label_key(row)]
    else:
        parents = []
        yield GENERATORS, [row["generator"]]
        yield (DRAWN if recipe else SHOWN_DRAWN), [row["id"]]
    yield (PHOTOGRAPHS if recipe else SHOWN), parents


def label_key(row: Mapping[str, Any]) -> str:
    """Return what names a row of table density_labels."""
    return f"{row['table']}/{row['id']}"
