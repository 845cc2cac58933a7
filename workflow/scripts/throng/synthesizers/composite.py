"""Backend ``composite``: pedestrian cut-outs pasted on places without people, perspective-true: counts are exact."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import find_objects

from throng import rle
from throng.sections.synthesize import Composite
from throng.synthesizers.gathered import Gathered
from throng.synthesizers.painting import paint
from throng.synthesizers.placement import Deck, place_people
from throng.synthesizers.places import Backgrounds
from throng.synthesizers.protocol import Scene, Synthesizer
from throng.synthesizers.requests import people_wanted
from throng.synthesizers.streets import LICENCE, Streets
from throng.tables.images import Box, Point
from throng.tables.prompts import PromptRow

PLACES_TRIED = 4
SELECTION = {"name", "chunks", "counts", "densities", "templates", "jpeg_quality", "backend"}


def make(config: Composite, gathered: Gathered, _models: object = None) -> Synthesizer:
    """Return the compositor, which needs what was gathered and no model."""
    return Compositor(config, gathered)


class Compositor:
    """Draws a place by the prompt's seed, stands people on it and paints them."""

    batch = 1
    parallel = True
    model: Mapping[str, str] | None = None

    def __init__(self, config: Composite, gathered: Gathered) -> None:
        self.options: Mapping[str, Any] = config.model_dump(mode="json", exclude=SELECTION)
        self._config = config
        self._photographs = gathered.photographs
        self._kinds = _kinds(config, gathered)
        self._library = gathered.library

    def synthesize(self, prompts: Sequence[PromptRow]) -> list[Scene | str]:
        """Return an image with exactly the requested number of people for each prompt, or why there is none.

        A place that is full is given up for the next of four.
        """
        return [self._image(prompt) for prompt in prompts]

    def _image(self, prompt: PromptRow) -> Scene | str:
        count = people_wanted(prompt)
        if count > len(self._library) and not self._config.repeat_cutouts:
            return (
                f"too few cut-outs: {count} people requested, {len(self._library)} in the library, and repeat_cutouts "
                f"of the maker is off"
            )
        rng = np.random.Generator(np.random.PCG64(prompt.seed))
        made: Scene | str = ""
        for backgrounds, index in self._drawn(rng):
            made = self._compose(backgrounds, index, count, rng)
            if isinstance(made, Scene):
                break
        return made

    def _drawn(self, rng: np.random.Generator) -> list[tuple[Backgrounds, int]]:
        """Draw a kind of background, then as many different places of it as are tried."""
        kind = self._kinds[int(rng.integers(len(self._kinds)))]
        return [(kind, int(index)) for index in rng.permutation(len(kind))[:PLACES_TRIED]]

    def _compose(self, backgrounds: Backgrounds, index: int, count: int, rng: np.random.Generator) -> Scene | str:
        place = backgrounds.place(index)
        deck = Deck(self._library, rng, repeat=self._config.repeat_cutouts)
        placed = place_people(place, deck, count, self._config.min_visible, rng)
        if isinstance(placed, str):
            return placed
        people, owner = placed
        names = {person.cutout.photograph for person in people}
        if place.photograph is not None:
            names.add(place.photograph.id)
        parents = [self._photographs[name] for name in sorted(names)]
        licences = {parent.licence for parent in parents} | ({LICENCE} if place.photograph is None else set())
        boxes, masks = outlines(owner, len(people))
        return Scene(
            pixels=paint(backgrounds.ready(index), people),
            count=len(people),
            points=[Point(x=float(person.head[0]), y=float(person.head[1])) for person in people],
            boxes=boxes,
            masks=masks,
            background=place.photograph,
            parents=parents,
            licence=" AND ".join(sorted(licences)),
            redistributable=all(parent.redistributable for parent in parents),
        )


def _kinds(config: Composite, gathered: Gathered) -> list[Backgrounds]:
    kinds: list[Backgrounds] = []
    if config.backgrounds != "rendered":
        kinds.append(gathered.places)
    if config.backgrounds != "emptied":
        kinds.append(Streets(config.max_backgrounds, *config.street_size))
    return kinds


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
