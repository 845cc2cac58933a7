"""The heads to blur in an image, where a release wants that, and the columns that tell where they are."""

from typing import Any

from throng.release.products import Area

PHOTOGRAPH = ("people", "points", "height")
DETECTION = ("backend", "people")


def in_photograph(image: dict[str, Any], detection: dict[str, Any] | None) -> tuple[Area, ...]:
    """Return the heads of everybody known in a photograph, from its rows in tables images and detections."""
    from throng.release.heads import heads_of

    found = detection or {"people": (), "backend": ""}
    areas = heads_of(image["people"], image["points"], image["height"], found["people"], found["backend"])
    return tuple(Area(*area) for area in areas)


def in_composite(row: dict[str, Any]) -> tuple[Area, ...]:
    """Return the heads of everybody placed in a composite, from its row in table synthetic."""
    from throng.release.heads import heads_in_composite

    return tuple(Area(*area) for area in heads_in_composite(row["points"] or [], row["boxes"] or []))
