"""The images that the page draws over: which ones, and what is drawn and said of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.density import kde, people
from throng.density.crowd import Crowd
from throng.density.grid import cells
from throng.density_audit import overlays
from throng.density_audit.gathering import Gathered, Labelled
from throng.images import ImageStore, decode, encode_jpeg
from throng.manifest import OK
from throng.pages.pictures import data_uri
from throng.tables.density_labels import GroundDensity, Label
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow

QUALITY = 85
STOPS = 9
Record = dict[str, Any]


def chosen(gathered: Gathered, each: int) -> list[Labelled]:
    """Return ``each`` labelled images of every table, evenly from the lowest chosen score to the highest."""
    found: list[Labelled] = []
    for table in sorted({one.row.table for one in gathered.images}):
        mine = [one for one in gathered.images if one.row.table == table and one.row.status == OK]
        mine.sort(key=lambda one: (-np.inf if one.row.score is None else one.row.score, one.row.id))
        places = np.unique(np.rint(np.linspace(0, len(mine) - 1, min(each, len(mine)))).astype(int))
        found += [mine[place] for place in places]
    return found


class Artist:
    """Draws over images; reads one at a time."""

    def __init__(
        self, store: ImageStore, found: Mapping[str, DetectionRow], section: Mapping[str, Any], width: int
    ) -> None:
        """Take the detections by image, the section that the labels were made by and the width of a picture."""
        self._store, self._found, self._width = store, found, width
        names = ("stature_m", "stature_std_m", "focal", "focal_spread")
        self._settings = people.Settings(*(float(section[name]) for name in names), camera=section["camera"])

    def view(self, labelled: Labelled) -> Record:
        """Return the pictures of an image with their legends; raises ThrongError when it cannot be read."""
        window = labelled.window
        pixels = decode(self._store.read_bytes(*labelled.place))
        pixels = pixels[window.y : window.y + window.h, window.x : window.x + window.w]
        crowd = self._crowd(labelled).within(window)
        pictures = [
            {
                "title": "people",
                "image": self._uri(overlays.draw_people(pixels, crowd, self._width)),
                "note": crowd.ground_reason or f"heights: {crowd.scale}" if crowd.heads is not None else "no positions",
                "steps": [],
                "scale": None,
            }
        ]
        if crowd.heads is not None and len(crowd.heads):
            pictures += [self._cells(method, pixels, crowd) for method in ("grid", "grid-metres")]
            pictures.append(self._density(pixels, crowd))
        return {"pictures": pictures}

    def _crowd(self, labelled: Labelled) -> Crowd:
        if isinstance(labelled.image, ImageRow):
            return people.photographed(labelled.image, self._found.get(labelled.row.id), self._settings)
        return people.synthesised(labelled.image, labelled.row.count or 0.0, self._settings)

    def _cells(self, method: str, pixels: np.ndarray, crowd: Crowd) -> Record:
        found = cells(method, crowd)
        steps = [{"people": n, "colour": _hex(overlays.cell_colour(n))} for n in overlays.cell_steps(found)]
        unit = (
            f"people in a cell of {found.area:g} m²" if method == "grid-metres" else "people in a cell by body height"
        )
        return {
            "title": method,
            "image": "" if found.reason else self._uri(overlays.draw_cells(pixels, found, self._width)),
            "note": found.reason or ", ".join([unit, *found.flags]),
            "steps": steps,
            "scale": None,
        }

    def _density(self, pixels: np.ndarray, crowd: Crowd) -> Record:
        field = kde.field(crowd)
        top = overlays.density_top(field)
        colours = [_hex(colour) for colour in overlays.heat(np.linspace(0, 1, STOPS)).tolist()]
        return {
            "title": "kde",
            "image": "" if field.reason else self._uri(overlays.draw_density(pixels, field, top, self._width)),
            "note": field.reason or ", ".join(["people/m²", *field.flags]),
            "steps": [],
            "scale": None if field.reason else {"colours": ", ".join(colours), "top": f"{top:g}"},
        }

    def _uri(self, image: np.ndarray) -> str:
        return data_uri("image/jpeg", encode_jpeg(image, QUALITY))


def facts(labelled: Labelled) -> list[tuple[str, str]]:
    """Return what is said and what is true of an image, as names and values."""
    row, truth = labelled.row, labelled.truth
    told = [
        ("people", "–" if row.count is None else f"{row.count:g}"),
        ("class", f"{row.class_name} ({row.method} {row.mode})"),
        *([("ground", row.ground_reason)] if row.ground is None else _ground(row.ground)),
    ]
    if truth is not None:
        told += [
            ("true people", str(truth.people)),
            ("true people/m²", f"{truth.per_m2:.2f} of visible ground, {truth.felt:.2f} felt"),
            ("true camera", f"{truth.camera.height_m:.1f} m, horizon {_row(truth.camera.horizon_px - row.crop_y)}"),
        ]
    return told + [(f"{said['method']} {said['mode']}", _said(said)) for said in row.labels]


def _ground(ground: GroundDensity) -> list[tuple[str, str]]:
    low, high = ground["people_per_m2_low"], ground["people_per_m2_high"]
    lowest, highest = ground["camera_height_low_m"], ground["camera_height_high_m"]
    return [
        ("people/m²", f"{ground['people_per_m2']:.2f} ({low:.2f} to {high:.2f})"),
        ("level of service", f"{ground['level_of_service']}, {ground['hazard']}"),
        ("camera", f"{ground['camera_height_m']:.1f} m ({lowest:.1f} to {highest:.1f})"),
        ("horizon", _row(ground["horizon_px"])),
    ]


def _row(row: float) -> str:
    return f"row {row:.0f}" if row >= 0 else f"{-row:.0f} rows above the picture"


def _said(said: Label) -> str:
    if said["density_class"] is None:
        return said["reason"].split(":")[0]
    return said["class_name"] if said["score"] is None else f"{said['score']:.3g}, {said['class_name']}"


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in colour)
