"""Trained counters as they lie on disk: one, an exported one, or a folder of runs that count together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throng.counting.export import load_exported
from throng.counting.inference import Scheme, decode_for, predict_count
from throng.counting.interval import CountInterval
from throng.counting.network import Counter
from throng.counting.registry import WEIGHTS_NAME, load_counter
from throng.counting.windows import Windows
from throng.errors import ThrongError

COUNTER_NAME = "counter.safetensors"


@dataclass(frozen=True)
class Member:
    """A counter, its recipe, and the file it came from."""

    model: Counter
    recipe: dict[str, Any]
    path: Path

    def interval(self, count: float) -> tuple[float, float] | None:
        """Return the (low, high) people around its own count, None where its recipe has no interval."""
        learnt = self.recipe.get("interval")
        return None if learnt is None else CountInterval(**learnt).around(count)


@dataclass(frozen=True)
class Counted:
    """The people in an image: their count, its interval where one is known, and the map, people per cell of ``stride``.

    ``shape`` is the (H, W) of the image in its own pixels; cells are of the image after ``image_scale``.
    """

    count: float
    interval: tuple[float, float] | None
    density: np.ndarray
    stride: int
    image_scale: float
    shape: tuple[int, int]


class Ensemble:
    """One or several runs of a counter; their mean is the count, and the mean of their maps the map.

    The interval is from the least lower to the greatest upper end of the runs' own intervals: it contains each of them,
    so it holds the truth at least as often as the best of them, however much the runs' errors depend on each other.
    """

    def __init__(self, members: list[Member]) -> None:
        kinds = {(repr(member.model.architecture), member.model.input_spec) for member in members}
        if len(kinds) != 1:
            names = ", ".join(str(member.path) for member in members)
            raise ThrongError(f"runs of different counters cannot count together; name one of {names}")
        self.members = members

    @property
    def level(self) -> float | None:
        """Return the least probability that the runs' intervals promise, None where a run has no interval."""
        learnt = [member.recipe.get("interval") for member in self.members]
        return min(each["level"] for each in learnt if each) if all(learnt) else None

    def warnings(self, scheme: Scheme) -> list[str]:
        """Return what a user of these counts must know, one sentence each."""
        said = []
        if any(member.recipe.get("best_on_test") for member in self.members):
            said.append(
                "these weights were chosen by their error on the test split: their published error is too good, and "
                "counts of other photographs will be worse"
            )
        schemes = {member.recipe.get("options", {}).get("val_scheme", "whole") for member in self.members}
        if self.level is not None and schemes != {scheme}:
            learnt = " and ".join(sorted(schemes))
            said.append(f"the interval was learnt from counts by scheme {learnt}, and these are by scheme {scheme}")
        if self.level is None:
            said.append("no interval is known: these weights were saved without one")
        return said

    def decode(self, data: bytes) -> np.ndarray:
        """Decode image bytes as the counters take them; raises ThrongError for what is no image."""
        return decode_for(self.members[0].model, data)

    def as_taken(self, frame: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB pixels as :meth:`decode` gives those of a file: luma for grey counters."""
        import cv2

        grey = self.members[0].model.input_spec.channels == 1
        return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if grey else frame

    def count(self, image: np.ndarray, *, scheme: Scheme = "whole", windows: Windows | None = None) -> Counted:
        """Return the count of an image as :meth:`decode` gives it; raises as ``predict_count`` does."""
        made = [predict_count(member.model, image, scheme=scheme, windows=windows) for member in self.members]
        around = [member.interval(count) for member, (count, _) in zip(self.members, made, strict=True)]
        known = [interval for interval in around if interval is not None]
        model = self.members[0].model
        density = np.mean([each for _, each in made], 0, dtype=np.float32) if len(made) > 1 else made[0][1]
        return Counted(
            count=float(np.mean([count for count, _ in made])),
            interval=(min(low for low, _ in known), max(high for _, high in known))
            if len(known) == len(made)
            else None,
            density=np.asarray(density),
            stride=model.stride,
            image_scale=model.input_spec.image_scale,
            shape=(image.shape[0], image.shape[1]),
        )


def load_ensemble(path: Path, prepare: Callable[[Counter], Counter] = lambda model: model) -> Ensemble:
    """Return the counters at ``path``: a file, a folder that holds counter.safetensors, or a folder of such folders.

    A file is .safetensors or, from ``throng export-counter``, .onnx. ``prepare`` readies a counter from .safetensors.
    Raises ThrongError when nothing is there, or several different counters are.
    """
    files = counter_files(path)
    if not files:
        raise ThrongError(
            f"no counter at {path}: expected a {COUNTER_NAME}, a folder with one, a folder of runs such as seed-1 with "
            f"one each, or an .onnx file of throng export-counter"
        )
    members = []
    for file in files:
        exported = file.suffix.lower() == ".onnx"
        model, recipe = load_exported(file) if exported else load_counter(file)
        members.append(Member(model if exported else prepare(model), recipe, file))
    return Ensemble(members)


def counter_files(path: Path) -> list[Path]:
    """Return the files of counters at ``path``: itself, the one that the folder holds, or those of its runs."""
    if path.is_file():
        return [path]
    for name in (COUNTER_NAME, WEIGHTS_NAME):
        if (path / name).is_file():
            return [path / name]
    for name in (COUNTER_NAME, WEIGHTS_NAME):
        if found := sorted(path.glob(f"*/{name}")):
            return found
    return []
