"""What an inpainting model learns from: a frame, a mask as stage remove makes them, and what is really behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from throng.removers import masks
from throng.removers.diffusers_crops import Crop, crops, cut
from throng.render.scene import Frame, render_without
from throng.tables.detections import Detection

DILATION_PX, DILATION_SHARE, SHADOW_SHARE = 8.0, 0.08, 0.15
JITTER = 0.05
SHAM_SHARE = 0.25
CONTEXTS, UPSCALES = (0.25, 0.6), (1.0, 1.5)
GONE_SHARES = (0.25, 0.5, 0.75, 1.0)
MOST_MASKED = 0.6
HIDDEN = 0.3


@dataclass(frozen=True, eq=False)
class Edit:
    """``image`` and ``target`` (S, S, 3) uint8 RGB, equal outside ``mask`` (S, S) uint8, 255 where to fill."""

    image: np.ndarray
    target: np.ndarray
    mask: np.ndarray


def draw(frame: Frame, size: int, rng: np.random.Generator) -> Edit | None:
    """Return one edit of a frame at (size, size), cut as the remover cuts; None where nobody can be removed."""
    seen = np.flatnonzero(frame.people.visible_share >= HIDDEN)
    if not len(seen):
        return None
    found = [_found(frame, int(person), rng) for person in seen]
    layout = masks.scene(
        found, *frame.image.shape[:2],
        dilation_px=DILATION_PX, dilation_share=DILATION_SHARE, shadow_share=SHADOW_SHARE,
    )  # fmt: skip
    removed = _removed(len(seen), rng)
    mask = layout.without(removed)
    if mask.mean() > MOST_MASKED:
        removed = removed[:1]
        mask = layout.without(removed)
    if rng.random() < SHAM_SHARE:
        mask, behind = _moved(mask, frame, layout, rng), frame.image
    else:
        behind = _without(frame, seen[removed])
    places = crops(mask, size, float(rng.uniform(*CONTEXTS)), float(rng.uniform(*UPSCALES)))
    if not places:
        return None
    target = np.where(mask[..., None], behind, frame.image)
    return _cut(frame.image, target, mask, places[int(rng.integers(len(places)))], size)


def _cut(image: np.ndarray, target: np.ndarray, mask: np.ndarray, crop: Crop, size: int) -> Edit:
    return Edit(cut(image, crop, size), cut(target, crop, size), cut(mask, crop, size))


def _found(frame: Frame, person: int, rng: np.random.Generator) -> Detection:
    """Return the person as a detector would find them: the visible box, not quite."""
    x, y, w, h = (float(value) for value in frame.people.visible_box[person])
    dx, dy, dw, dh = rng.normal(0, JITTER, 4)
    width, height = max(w * (1 + dw), 1.0), max(h * (1 + dh), 1.0)
    return Detection(x=x + dx * w, y=y + dy * h, w=width, h=height, score=1.0, mask=None)


def _removed(people: int, rng: np.random.Generator) -> list[int]:
    share = float(rng.choice(GONE_SHARES))
    return rng.permutation(people)[: max(1, round(people * share))].tolist()


def _without(frame: Frame, removed: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the frame without the removed, and without those whom nobody saw: nobody is to appear behind them."""
    hidden = np.flatnonzero(frame.people.visible_share < HIDDEN)
    gone = sorted({*map(int, removed), *map(int, hidden)})
    return render_without(frame.scene, frame.index, len(frame.people), gone)


def _moved(mask: np.ndarray, frame: Frame, layout: masks.Scene, rng: np.random.Generator) -> np.ndarray:
    """Return the mask shifted along its rows, off everybody: what is behind it there is what is seen."""
    shifted = np.roll(mask, int(rng.integers(mask.shape[1])), axis=1)
    taken = masks.union(layout.halos, *mask.shape) | (frame.instances > 0)
    return shifted & ~taken
