"""What studies over many seeds share: rendered crowds with exact heads, and a journal of the runs that are done."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.render.scene import make_scene, render_background, render_counted

ROOT = Path(__file__).resolve().parents[1]
GREY = 114


class Crowd(NamedTuple):
    """A rendered image: (H, W, 3) uint8 pixels, heads (N, 2) x, y, and the longer side of every head's box, pixels."""

    image: np.ndarray
    points: np.ndarray
    head_sizes: np.ndarray


def render_crowds(
    scenes: range, frames: range, shape: tuple[int, int], people: tuple[int, int], *, background: bool = True
) -> list[Crowd]:
    """Render frames of scenes of dataset seed 0, the number of people uniform in ``people``, ends included.

    The frames of a scene share camera and background; the people in them differ. Without ``background`` the empty
    scene is subtracted and what remains, people and their shadows, is laid on medium grey.
    """
    crowds = []
    for scene in scenes:
        place = make_scene(0, scene, shape[1], shape[0])
        for number in frames:
            count = int(np.random.default_rng([7, scene, number]).integers(people[0], people[1] + 1))
            frame = render_counted(place, number, count)
            seen = frame.people.counted
            sizes = frame.people.head_box[seen][:, 2:].max(1).astype(float)
            pixels = frame.image
            if not background:
                difference = pixels.astype(np.int16) - render_background(place, number)
                pixels = np.clip(difference + GREY, 0, 255).astype(np.uint8)
            crowds.append(Crowd(pixels, frame.people.head_point[seen], sizes))
    return crowds


class Journal:
    """One line of JSON per finished run, so that a study that was stopped goes on where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows = [json.loads(line) for line in lines if line.endswith("}")]

    def kept(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the result kept for ``identity``, if there is one."""
        wanted = json.loads(json.dumps(identity))
        return next((row["result"] for row in self.rows if row["identity"] == wanted), None)

    def once(self, identity: Mapping[str, Any], run: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the result kept for ``identity``, or run, keep and return it."""
        before = self.kept(identity)
        if before is not None:
            return before
        row = json.loads(json.dumps({"identity": identity, "result": run()}))
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        return row["result"]
