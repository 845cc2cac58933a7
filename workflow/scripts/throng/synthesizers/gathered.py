"""What the composites of one maker are made of, gathered once for all its jobs: cut-outs, and places without people."""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from throng.errors import ThrongError, first_line
from throng.files import sha256_file, write_text
from throng.images import pack_zip
from throng.synthesizers.cutouts import CutOut, look_from, packed, unpacked
from throng.synthesizers.ground import GroundPlane
from throng.synthesizers.photometry import Look
from throng.synthesizers.places import KeptPlaces, Place
from throng.tables.images import ImageRow

FORMAT = 1
CUTOUTS = "cutouts.rgba"
# what parsing and taking apart some other file's values may end in
BROKEN = (OSError, ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError)


@dataclasses.dataclass(frozen=True, eq=False)
class Gathered:
    """Cut-outs, places without people, and by id the photographs that both were taken from."""

    photographs: Mapping[str, ImageRow]
    library: Sequence[CutOut]
    places: KeptPlaces


def write_gathered(gathered: Gathered, listing: Path, archive: Path) -> None:
    """Write the pixels as a zip, all else as JSON with the zip's sha256: equal material gives equal bytes."""
    entries, pixels = packed(gathered.library)
    places = gathered.places
    members: dict[str, bytes | Callable[[], bytes]] = {CUTOUTS: pixels}
    members |= {_member(place.name): partial(places.read, place.name) for place in places.places}
    pack_zip(archive, members)
    said = {
        "format": FORMAT,
        "pixels": sha256_file(archive),
        "photographs": [dataclasses.asdict(row) for _, row in sorted(gathered.photographs.items())],
        "cutouts": entries,
        "places": [_place_record(*pair) for pair in zip(places.places, places.looks, strict=True)],
    }
    write_text(listing, json.dumps(said, sort_keys=True, allow_nan=False) + "\n")


def read_gathered(listing: Path, archive: Path) -> Gathered:
    """Return what :func:`write_gathered` wrote; raises ThrongError for files that are damaged or another's."""
    try:
        said = json.loads(listing.read_bytes())
        if said["format"] != FORMAT or said["pixels"] != sha256_file(archive):
            raise ValueError(f"{archive.name} beside it is another one's")
        photographs = {record["id"]: ImageRow(**record) for record in said["photographs"]}
        opened = zipfile.ZipFile(archive)
        library = unpacked(said["cutouts"], opened.read(CUTOUTS))
        places = [_place(record, photographs) for record in said["places"]]
        looks = [look_from(record["look"]) for record in said["places"]]
    except (*BROKEN, zipfile.BadZipFile) as error:
        raise ThrongError(
            f"{listing}: not what stage gather_material writes ({first_line(error)}); delete it and run the stage again"
        ) from error
    return Gathered(photographs, library, KeptPlaces(places, looks, lambda name: opened.read(_member(name))))


def _member(place: str) -> str:
    return f"places/{place}.png"


def _place_record(place: Place, look: Look) -> dict[str, Any]:
    return {
        "photograph": place.name,
        "plane": [place.plane.slope, place.plane.horizon],
        "certainty": place.certainty,
        "feet": place.feet.tolist(),
        "painted": place.painted,
        "look": dataclasses.asdict(look),
    }


def _place(record: Mapping[str, Any], photographs: Mapping[str, ImageRow]) -> Place:
    row, (slope, horizon) = photographs[record["photograph"]], record["plane"]
    feet = np.array(record["feet"], float).reshape(-1, 2)
    plane = GroundPlane(slope, horizon)
    return Place(row.id, row.width, row.height, row, plane, record["certainty"], feet, None, record["painted"])
