"""Places without people: training photographs from which everybody was removed, and where people stood in them."""

import functools
import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from throng.density.plane import agreeing_people
from throng.errors import ThrongError
from throng.files import atomic_path
from throng.images import decode, encode_png
from throng.sections.synthesize import Composite
from throng.synthesizers.filling import fill
from throng.synthesizers.ground import GroundPlane, plane_of, standard_plane
from throng.synthesizers.photometry import Look, look_of
from throng.synthesizers.protocol import Material
from throng.synthesizers.sites import Site, find_sites
from throng.tables.images import ImageRow

log = logging.getLogger(__name__)
ENOUGH = 12
KNOWN, GUESSED, BORROWED = range(3)
KEPT_IN_MEMORY = 96
LIGHT_CELL = 32  # pixels: how finely the light on the ground is known


@dataclass(frozen=True, eq=False)
class Place:
    """A place without people that was chosen but not yet read: ``name`` says which, ``photograph`` is None if rendered.

    ``feet`` (N, 2) are foot pixels where people stood, or would; nobody may stand outside ``ground``, (height, width)
    bool, or anywhere outside the view where it is None. ``certainty`` of the plane: 0 known from boxes or from the
    renderer, 1 from heads, 2 borrowed. ``painted`` is the share of the image that was, or is to be, painted anew.
    """

    name: str
    width: int
    height: int
    photograph: ImageRow | None
    plane: GroundPlane
    certainty: int
    feet: np.ndarray
    ground: np.ndarray | None
    painted: float


@dataclass(frozen=True, eq=False)
class Background:
    """A background ready to use: (H, W, 3) uint8 pixels and their (h, w) float32 luma by cells of 32 pixels.

    The look of a photograph is that with its people, whose contrast and sharpness painting over does not lower.
    """

    place: Place
    pixels: np.ndarray
    look: Look
    light: np.ndarray

    def brightness(self, x: float, y: float) -> float:
        """Return the light at a pixel over the photograph's mean."""
        rows, columns = self.light.shape
        row = min(max(int(y / LIGHT_CELL), 0), rows - 1)
        column = min(max(int(x / LIGHT_CELL), 0), columns - 1)
        return float(self.light[row, column] / max(self.look.mean[0], 1.0))


def ready_background(place: Place, pixels: np.ndarray, look: Look) -> Background:
    """Return a background of (H, W, 3) uint8 pixels that look so, with the light on it measured."""
    pixels.setflags(write=False)
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    size = max(1, pixels.shape[1] // LIGHT_CELL), max(1, pixels.shape[0] // LIGHT_CELL)
    light = cv2.GaussianBlur(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 1.0)
    return Background(place, pixels, look, light)


class Backgrounds(Protocol):
    """Places to choose from by number, and each made ready; ``ready`` may be called from several threads."""

    def __len__(self) -> int: ...

    def place(self, index: int) -> Place:
        """Return what is known of a place without looking at it."""
        ...

    def ready(self, index: int) -> Background:
        """Return a place with its pixels."""
        ...


class EmptiedPhotographs:
    """The places of a material, by id: at most ``max_backgrounds``, those of which least was painted anew.

    Places whose own ground plane is known from boxes go before those where it was guessed from heads, and these before
    places that borrow a plane: a less certain kind is used only while there are fewer than 12 of the better kinds.
    """

    def __init__(self, material: Material, config: Composite, scratch: Path) -> None:
        self._store, self._scratch = material.store, scratch
        sites = find_sites(material, config.refill)
        usable = [site for site in sites if site.painted <= config.max_painted]
        if not usable:
            raise ThrongError(_nothing(len(material.photographs), [site.painted for site in sites], config.max_painted))
        ranked = sorted(_with_planes(usable), key=lambda pair: (pair[1].certainty, pair[1].painted, pair[1].name))
        worst = ranked[min(ENOUGH, len(ranked)) - 1][1].certainty
        chosen = [(site, place) for site, place in ranked if place.certainty <= worst]
        chosen = chosen[: config.max_backgrounds]
        chosen.sort(key=lambda pair: pair[1].name)
        self._sites, self.places = [site for site, _ in chosen], [place for _, place in chosen]
        log.info("%d backgrounds of %d places without people", len(chosen), len(sites))
        self.ready = functools.lru_cache(maxsize=KEPT_IN_MEMORY)(self._ready)

    def __len__(self) -> int:
        return len(self.places)

    def place(self, index: int) -> Place:
        """Return what is known of a place without looking at it."""
        return self.places[index]

    def _ready(self, index: int) -> Background:
        site = self._sites[index]
        photograph = decode(self._store.read_bytes(site.row.source, site.row.path))
        return ready_background(self.places[index], self._filled(site), look_of(photograph))

    def _filled(self, site: Site) -> np.ndarray:
        """Return a site's pixels, its hole filled now, or by whoever shares the scratch folder."""
        hole = site.hole()
        if not hole.any():
            return decode(self._store.read_bytes(site.source, site.path))
        path = self._scratch / f"filled-{site.row.id}.png"
        if not path.exists():
            pixels = fill(decode(self._store.read_bytes(site.source, site.path)), hole)
            with atomic_path(path) as temporary:
                temporary.write_bytes(encode_png(pixels))
        return decode(path.read_bytes())


def _nothing(photographs: int, painted: list[float], most_painted: float) -> str:
    if painted:
        return (
            f"no background: of {len(painted)} emptied photographs the least painted over is so by {min(painted):.0%}, "
            f"and max_painted of the maker allows {most_painted:.0%}; raise it, or set backgrounds: rendered"
        )
    return (
        f"no background: none of {photographs} training photographs is without people or was emptied by stage remove "
        f"(remove.kept needs 0.0); add photographs without people, raise remove.max_masked, or set the maker's "
        f"backgrounds: rendered"
    )


def _with_planes(sites: list[Site]) -> list[tuple[Site, Place]]:
    """Give each site its own plane; else its source's median plane, as shares of the image; else the standard one."""
    fits = [plane_of(site.row, site.standing) for site in sites]
    shares: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for site, plane in zip(sites, fits, strict=True):
        if plane is not None:
            shares[site.row.source].append((plane.slope, plane.horizon / site.row.height))
    return [(site, _place(site, plane, shares[site.row.source])) for site, plane in zip(sites, fits, strict=True)]


def _place(site: Site, plane: GroundPlane | None, shares: list[tuple[float, float]]) -> Place:
    row = site.row
    certainty = KNOWN if plane and not site.guessed else GUESSED if plane else BORROWED
    if plane is None and shares:
        slope, horizon = np.median(np.array(shares), axis=0).tolist()
        plane = GroundPlane(slope, horizon * row.height)
    plane = plane or standard_plane(row.height)
    feet = np.stack([site.standing[:, 0] + site.standing[:, 2] / 2, site.standing[:, 1] + site.standing[:, 3]], axis=1)
    feet = feet[agreeing_people(plane, feet[:, 1], site.standing[:, 3])]
    return Place(row.id, row.width, row.height, row, plane, certainty, feet, None, site.painted)
