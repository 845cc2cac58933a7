"""Backend ``composite``: pedestrian cut-outs pasted on places without people, perspective-true: counts are exact."""

from pathlib import Path

import numpy as np
from scipy.ndimage import find_objects

from throng.sections.synthesize import Composite
from throng.synthesizers.backgrounds import Backgrounds
from throng.synthesizers.cutouts import build_library
from throng.synthesizers.painting import paint
from throng.synthesizers.placement import Pasted, place_people
from throng.synthesizers.protocol import Material, RefusedPromptError, Scene, Synthesizer
from throng.tables.images import Box, Point
from throng.tables.prompts import PromptRow

PLACES_TRIED = 4


def make(config: Composite, material: Material, scratch: Path) -> Synthesizer:
    """Return the compositor; its library of cut-outs is built now, or taken from ``scratch``.

    Raises ThrongError when the material has no background, or no cut-out.
    """
    return Compositor(config, material, scratch)


class Compositor:
    """Draws a place by the prompt's seed, stands people on it and paints them."""

    def __init__(self, config: Composite, material: Material, scratch: Path) -> None:
        self._config = config
        self._material = material
        self._backgrounds = Backgrounds(material, config.max_backgrounds)
        self._library = build_library(material, config.min_cutout_height, config.max_cutouts, scratch)

    def synthesize(self, prompt: PromptRow) -> Scene:
        """Return an image with exactly the requested number of people; a full place is given up for the next of four.

        Raises RefusedPromptError when all of them are too small for so many people.
        """
        rng = np.random.Generator(np.random.PCG64(prompt.seed))
        order = rng.permutation(len(self._backgrounds))[:PLACES_TRIED]
        refusals: list[RefusedPromptError] = []
        for index in order:
            try:
                return self._compose(int(index), prompt.count, rng)
            except RefusedPromptError as refusal:
                refusals.append(refusal)
        raise refusals[-1]

    def _compose(self, index: int, count: int, rng: np.random.Generator) -> Scene:
        place = self._backgrounds.places[index]
        people, owner = place_people(place, self._library, count, self._config.min_visible, rng)
        background = self._backgrounds.ready(index)
        parents = {place.row.id, *(person.cutout.photograph for person in people)}
        return Scene(
            pixels=paint(background, people),
            count=len(people),
            points=[Point(x=float(person.head[0]), y=float(person.head[1])) for person in people],
            boxes=visible_boxes(people, owner),
            background=place.row,
            parents=[self._material.photographs[name] for name in sorted(parents)],
        )


def visible_boxes(people: list[Pasted], owner: np.ndarray) -> list[Box]:
    """Return the bounding box of each person's pixels in the (H, W) int32 map of who is seen where."""
    found = find_objects(owner + 1, max_label=len(people))
    return [
        Box(
            x=float(columns.start),
            y=float(rows.start),
            w=float(columns.stop - columns.start),
            h=float(rows.stop - rows.start),
        )
        for rows, columns in found
    ]
