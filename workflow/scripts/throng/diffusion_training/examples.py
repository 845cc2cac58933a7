"""Rendering what is learnt from, some frames at a time: windows with their counts, and edits with their truth."""

import io
import itertools
import math
from dataclasses import dataclass, fields

import numpy as np

from throng.diffusion_training import edits, windows
from throng.render.scene import Frame, make_scene, render_frame
from throng.sections.train_demo_diffusion import Scenes
from throng.seeds import generator

STAGE = "train_demo_diffusion"
DRAWS = 4


@dataclass(frozen=True, eq=False)
class Examples:
    """Of N windows and M edits: ``windows`` (N, S, S, 3), ``counts`` (N,), ``images``, ``targets`` (M, E, E, 3) uint8.

    ``holes`` is (M, E, E) uint8, 255 where an edit fills.
    """

    windows: np.ndarray
    counts: np.ndarray
    images: np.ndarray
    targets: np.ndarray
    holes: np.ndarray

    def packed(self) -> bytes:
        """Return the arrays as the bytes of an .npz file."""
        buffer = io.BytesIO()
        np.savez(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
        return buffer.getvalue()

    @staticmethod
    def joined(packed: list[bytes]) -> "Examples":
        """Return the examples of several packs in their order."""
        loaded = [dict(np.load(io.BytesIO(one))) for one in packed]
        return Examples(
            **{field.name: np.concatenate([one[field.name] for one in loaded]) for field in fields(Examples)}
        )


def render(config: Scenes, seed: int, numbers: range) -> Examples:
    """Return the examples of some frames; frame n is the same whichever frames it is rendered with."""
    seen: list[np.ndarray] = []
    counts: list[int] = []
    drawn: list[edits.Edit] = []
    for number in numbers:
        frame = _frame(config, seed, number)
        rng = generator(seed, STAGE, f"frame-{number}")
        for wanted in windows.wanted_counts(config.most, config.windows, rng):
            shape = frame.image.shape[:2]
            window = windows.choose(frame.people, wanted, shape, config.window, config.people_px, rng)
            inside = int(windows.heads_inside(window, frame.people).sum())
            if inside <= config.most:
                seen.append(windows.cut(frame.image, window, config.window))
                counts.append(inside)
        tries = (edits.draw(frame, config.edit_window, rng) for _ in range(DRAWS * config.edits))
        drawn += itertools.islice((edit for edit in tries if edit is not None), config.edits)
    side, wide = config.window, config.edit_window
    return Examples(
        np.array(seen, np.uint8).reshape(-1, side, side, 3),
        np.array(counts, np.int64),
        np.array([edit.image for edit in drawn], np.uint8).reshape(-1, wide, wide, 3),
        np.array([edit.target for edit in drawn], np.uint8).reshape(-1, wide, wide, 3),
        np.array([edit.mask for edit in drawn], np.uint8).reshape(-1, wide, wide),
    )


def _frame(config: Scenes, seed: int, number: int) -> Frame:
    scene, index = divmod(number, config.frames_per_scene)
    low, high = math.log(config.min_people), math.log(config.max_people + 1)
    people = int(math.exp(generator(seed, STAGE, f"people-{number}").uniform(low, high)))
    return render_frame(make_scene(seed, scene, config.width, config.height), index, min(people, config.max_people))
