"""Gathers what composites are made of: cuts people out of photographs, and makes places of those that are empty."""

import dataclasses

from throng.images import encode_png
from throng.sections.synthesize import Gathering
from throng.synthesizers.backgrounds import choose_places, empty_place
from throng.synthesizers.cutouts import look_from
from throng.synthesizers.cutting import build_library
from throng.synthesizers.gathered import Gathered
from throng.synthesizers.places import KeptPlaces
from throng.synthesizers.protocol import Material
from throng.synthesizers.sites import Site
from throng.workdir import Made, Workdir, process

PLACE = "{}.png"


def gather(material: Material, config: Gathering, work: Workdir, threads: int) -> Gathered:
    """Return the cut-outs and the places of a material; each is committed below ``work``, where their pixels stay.

    Raises ThrongError when the material has no place without people, or nobody to cut out.
    """
    places = gathered_places(material, config, Workdir(work.path / "places"), threads)
    library = build_library(material, config, work, threads)
    names = {cutout.photograph for cutout in library} | {place.name for place in places.places}
    return Gathered({name: material.photographs[name] for name in names}, library, places)


def gathered_places(material: Material, config: Gathering, work: Workdir, threads: int) -> KeptPlaces:
    """Return the places of a material with their holes filled, none where composites stand on rendered streets alone.

    Raises ThrongError when there is no place without people.
    """
    chosen = [] if config.backgrounds == "rendered" else choose_places(material, config)

    def make(site: Site) -> Made:
        pixels, look = empty_place(site, material.store)
        return {"look": dataclasses.asdict(look)}, {PLACE.format(site.row.id): encode_png(pixels)}

    sites = {site.row.id: site for site, _ in chosen}
    rows = process(work, sites, make, threads=threads, stage="gather_material: places")
    looks = [look_from(rows[place.name]["look"]) for _, place in chosen]
    return KeptPlaces([place for _, place in chosen], looks, lambda name: work.file(PLACE.format(name)).read_bytes())
