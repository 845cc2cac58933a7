"""Backend ``composite``: pedestrian cut-outs pasted on places without people, perspective-true: counts are exact."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import find_objects

from throng import rle
from throng.sections.synthesize import Composite
from throng.synthesizers.backgrounds import Backgrounds
from throng.synthesizers.cutouts import build_library
from throng.synthesizers.painting import paint
from throng.synthesizers.placement import place_people
from throng.synthesizers.protocol import Material, Scene, Synthesizer
from throng.synthesizers.requests import people_wanted
from throng.tables.images import Box, Point
from throng.tables.prompts import PromptRow

PLACES_TRIED = 4
SELECTION = {"name", "chunks", "counts", "densities", "templates", "jpeg_quality", "backend"}


def make(config: Composite, material: Material, scratch: Path, _models: object = None) -> Synthesizer:
    """Return the compositor; its library of cut-outs is built now, or taken from ``scratch``. It needs no model.

    Raises ThrongError when the material has no background, or no cut-out.
    """
    return Compositor(config, material, scratch)


class Compositor:
    """Draws a place by the prompt's seed, stands people on it and paints them."""

    batch = 1
    parallel = True
    model: Mapping[str, str] | None = None

    def __init__(self, config: Composite, material: Material, scratch: Path) -> None:
        self.options: Mapping[str, Any] = config.model_dump(mode="json", exclude=SELECTION)
        self._config = config
        self._material = material
        self._backgrounds = Backgrounds(material, config.max_backgrounds)
        self._library = build_library(material, config.min_cutout_height, config.max_cutouts, scratch)

    def synthesize(self, prompts: Sequence[PromptRow]) -> list[Scene | str]:
        """Return an image with exactly the requested number of people for each prompt, or why there is none.

        A place that is full is given up for the next of four.
        """
        return [self._image(prompt) for prompt in prompts]

    def _image(self, prompt: PromptRow) -> Scene | str:
        count = people_wanted(prompt)
        rng = np.random.Generator(np.random.PCG64(prompt.seed))
        order = rng.permutation(len(self._backgrounds))[:PLACES_TRIED]
        made: Scene | str = ""
        for index in order:
            made = self._compose(int(index), count, rng)
            if isinstance(made, Scene):
                break
        return made

    def _compose(self, index: int, count: int, rng: np.random.Generator) -> Scene | str:
        place = self._backgrounds.places[index]
        placed = place_people(place, self._library, count, self._config.min_visible, rng)
        if isinstance(placed, str):
            return placed
        people, owner = placed
        names = {place.row.id, *(person.cutout.photograph for person in people)}
        parents = [self._material.photographs[name] for name in sorted(names)]
        boxes, masks = outlines(owner, len(people))
        return Scene(
            pixels=paint(self._backgrounds.ready(index), people),
            count=len(people),
            points=[Point(x=float(person.head[0]), y=float(person.head[1])) for person in people],
            boxes=boxes,
            masks=masks,
            background=place.row,
            parents=parents,
            licence=" AND ".join(sorted({parent.licence for parent in parents})),
            redistributable=all(parent.redistributable for parent in parents),
        )


def outlines(owner: np.ndarray, count: int) -> tuple[list[Box], list[str]]:
    """Return the bounding box and the COCO string of each person's pixels in the (H, W) int32 map of who is seen where.

    All ``count`` people must be in the map, which placement guarantees.
    """
    height, width = owner.shape
    boxes: list[Box] = []
    masks: list[str] = []
    for person, (rows, columns) in enumerate(find_objects(owner + 1, max_label=max(count, 1))[:count]):
        left, top = columns.start, rows.start
        boxes.append(Box(x=float(left), y=float(top), w=float(columns.stop - left), h=float(rows.stop - top)))
        masks.append(rle.encode(owner[rows, columns] == person, height=height, width=width, left=left, top=top))
    return boxes, masks
