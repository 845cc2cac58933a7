"""Places without people: training photographs from which everybody was removed, and where people stood in them."""

import logging
from collections import defaultdict

import numpy as np

from throng.density.plane import agreeing_people
from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.sections.synthesize import Gathering
from throng.synthesizers.filling import fill
from throng.synthesizers.ground import GroundPlane, plane_of, standard_plane
from throng.synthesizers.photometry import Look, look_of
from throng.synthesizers.places import BORROWED, GUESSED, KNOWN, Place
from throng.synthesizers.protocol import Material
from throng.synthesizers.sites import Site, find_sites

log = logging.getLogger(__name__)
ENOUGH = 12


def choose_places(material: Material, config: Gathering) -> list[tuple[Site, Place]]:
    """Return the places of a material, by id: at most ``max_backgrounds``, those of which least is to be painted anew.

    Places whose own ground plane is known from boxes go before those where it was guessed from heads, and these before
    places that borrow a plane: a less certain kind is used only while there are fewer than 12 of the better kinds.
    Raises ThrongError when there is none.
    """
    sites = find_sites(material, config.refill)
    usable = [site for site in sites if site.painted <= config.max_painted]
    if not usable:
        raise ThrongError(_nothing(len(material.photographs), [site.painted for site in sites], config.max_painted))
    ranked = sorted(_with_planes(usable), key=lambda pair: (pair[1].certainty, pair[1].painted, pair[1].name))
    worst = ranked[min(ENOUGH, len(ranked)) - 1][1].certainty
    chosen = [(site, place) for site, place in ranked if place.certainty <= worst]
    chosen = chosen[: config.max_backgrounds]
    chosen.sort(key=lambda pair: pair[1].name)
    log.info("%d backgrounds of %d places without people", len(chosen), len(sites))
    return chosen


def empty_place(site: Site, store: ImageStore) -> tuple[np.ndarray, Look]:
    """Return a site's (H, W, 3) uint8 pixels, its hole filled, and how its photograph looks with its people."""
    photograph = decode(store.read_bytes(site.row.source, site.row.path))
    bare = decode(store.read_bytes(site.source, site.path))
    return fill(bare, site.hole()), look_of(photograph)


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
