"""Backend ``rendered``: scenes of the renderer, with exactly the people asked for and everything known about them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.render.scene import Frame, make_scene, render_counted
from throng.render.truth import masks
from throng.sections.synthesize import Rendered
from throng.seeds import sample_seed
from throng.synthesizers.gathered import Gathered
from throng.synthesizers.protocol import Scene, Synthesizer
from throng.synthesizers.requests import people_wanted
from throng.tables.images import Box, Point
from throng.tables.prompts import PromptRow

STAGE = "synthesize/rendered"
PLACES_TRIED = 4
LICENCE = "CC0-1.0"


def make(config: Rendered, _gathered: Gathered | None, _models: Mapping[str, list[Path]]) -> Synthesizer:
    """Return the renderer; it needs neither material nor model."""
    return Renderer(config)


class Renderer:
    """Draws a place and a crowd by the prompt's seed; the text plays no part."""

    batch = 1
    parallel = True
    model: Mapping[str, str] | None = None

    def __init__(self, config: Rendered) -> None:
        self._width, self._height = config.width, config.height
        self.options: Mapping[str, Any] = {"width": config.width, "height": config.height}

    def synthesize(self, prompts: Sequence[PromptRow]) -> list[Scene | str]:
        """Return an image with exactly the requested number of people for each prompt, or why there is none.

        Whom others hide is not counted, and so is not there. A place that is full is given up for the next of four.
        """
        return [self._image(prompt) for prompt in prompts]

    def _image(self, prompt: PromptRow) -> Scene | str:
        frame = frame_of(prompt, self._width, self._height, STAGE)
        return frame if isinstance(frame, str) else _known(frame)


def frame_of(prompt: PromptRow, width: int, height: int, stage: str) -> Frame | str:
    """Render exactly the people that a prompt asks for, in a place by its seed, or say why they cannot be seen."""
    count = people_wanted(prompt)
    for place in range(PLACES_TRIED):
        # a seed of its own: no place of the stage render, whose scenes may be held out, comes again
        scene = make_scene(sample_seed(prompt.seed, stage, str(place)), 0, width, height)
        try:
            return render_counted(scene, 0, count)
        except ThrongError:
            continue
    return f"place full: {count} people cannot all be seen in any of {PLACES_TRIED} places of {width}x{height} pixels"


def _known(frame: Frame) -> Scene:
    people = frame.people
    height, width = frame.instances.shape
    points = people.head_point.clip(0, (width - 1, height - 1)).tolist()
    return Scene(
        pixels=frame.image,
        count=frame.count,
        points=[Point(x=x, y=y) for x, y in points],
        boxes=[Box(x=float(x), y=float(y), w=float(w), h=float(h)) for x, y, w, h in people.visible_box.tolist()],
        masks=masks(frame),
        background=None,
        parents=[],
        licence=LICENCE,
        redistributable=True,
    )
