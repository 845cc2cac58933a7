"""Cuts whole, standing, unhidden people out of training photographs."""

import hashlib
import logging
from collections.abc import Iterator

import cv2
import numpy as np

from throng import rle
from throng.density.boxes import FRAME_GAP, detected_boxes, is_guess, standing_boxes
from throng.density.plane import agreeing_people
from throng.errors import ThrongError
from throng.images import decode
from throng.manifest import OK
from throng.sections.synthesize import Gathering
from throng.synthesizers.cutouts import CutOut, packed, unpacked
from throng.synthesizers.ground import plane_of
from throng.synthesizers.photometry import Look, look_of
from throng.synthesizers.protocol import Material
from throng.synthesizers.silhouette import SURROUND, grab, head_point, whole, with_bags
from throng.tables.detections import Detection, DetectionRow
from throng.tables.images import ImageRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)
SLENDER = (1.7, 4.5)  # height over width of a standing person's box
FRAME_SHARE = 0.02  # of the height, nearer to the frame a box may be cut off: detectors are not exact
HIDDEN = 0.06  # share of the box that somebody nearer may cover
CROWDED = 0.4  # share of the box that somebody farther may share
HEAD_WITHIN = 0.2  # of the box's height, below its top
PER_PHOTOGRAPH = 12
STORED_HEIGHT = 384  # pixels
FEET_PART = 0.06
AT_ONCE = 64  # photographs that are cut before it is asked whether there are cut-outs enough
PIXELS = "{}.rgba"


def build_library(material: Material, config: Gathering, work: Workdir, threads: int) -> list[CutOut]:
    """Return up to ``max_cutouts`` cut-outs, photographs taken in the order of their ids' hashes.

    Those of every photograph are committed below ``work``. Raises ThrongError when there is not one.
    """
    shown = (name for name in material.photographs if _shows_people(material.detections.get(name)))
    order = sorted(shown, key=lambda name: hashlib.sha256(name.encode()).digest())
    library: list[CutOut] = []

    def make(name: str) -> Made:
        found = material.detections[name]
        entries, pixels = packed(_cut_photograph(material, material.photographs[name], found, config.min_cutout_height))
        return {"cutouts": entries}, {PIXELS.format(name): pixels}

    for start in range(0, len(order), AT_ONCE):
        some, done = order[start : start + AT_ONCE], Workdir(work.path / f"cut-{start}")
        rows = process(done, {name: name for name in some}, make, threads=threads, stage="gather_material: cut-outs")
        for name in some:
            library += unpacked(rows[name]["cutouts"], done.file(PIXELS.format(name)).read_bytes())
        if len(library) >= config.max_cutouts:
            break
    if not library:
        raise ThrongError(
            f"no pedestrian cut-out: of {len(material.photographs)} training photographs {len(order)} have detections, "
            f"and none shows a whole, unhidden person of {config.min_cutout_height} pixels or more; add photographs "
            f"with boxes, detect with masks (detect.task: segment) or lower synthesize.min_cutout_height"
        )
    library = library[: config.max_cutouts]
    log.info("%d cut-outs from %d photographs", len(library), len({cutout.photograph for cutout in library}))
    return library


def _shows_people(found: DetectionRow | None) -> bool:
    return found is not None and found.status == OK and bool(found.people)


def _cut_photograph(material: Material, row: ImageRow, found: DetectionRow, least_height: int) -> Iterator[CutOut]:
    chosen = candidates(row, found, least_height)
    if not chosen:
        return
    pixels = decode(material.store.read_bytes(row.source, row.path))
    look = look_of(pixels)
    kept = 0
    for person in chosen:
        cutout = cut(pixels, row, found.people, person, look)
        if cutout is not None and cutout.height >= least_height:
            yield cutout
            kept += 1
        if kept == PER_PHOTOGRAPH:
            return


def candidates(row: ImageRow, found: DetectionRow, least_height: int) -> list[int]:
    """Return the people, by index and falling height, whose boxes say: whole, standing, alone and large enough.

    Boxes that a detector guessed from head points are no boxes. Where the photograph's ground plane is known, a person
    must be as tall as the plane says, which sorts out those whose feet are hidden.
    """
    if is_guess(row, found):
        return []
    boxes = detected_boxes(found)
    feet = boxes[:, 1] + boxes[:, 3]
    fits = (boxes[:, 3] >= least_height) & (boxes[:, 3] >= SLENDER[0] * boxes[:, 2])
    fits &= boxes[:, 3] <= SLENDER[1] * boxes[:, 2]
    gap = np.maximum(FRAME_GAP, FRAME_SHARE * boxes[:, 3:])
    fits &= (boxes[:, :2] >= gap).all(axis=1)
    fits &= (boxes[:, :2] + boxes[:, 2:] <= np.array([row.width, row.height]) - gap).all(axis=1)
    plane = plane_of(row, standing_boxes(row, found))
    if plane is not None:
        fits &= agreeing_people(plane, feet, boxes[:, 3])
    shared = _shared(boxes)
    nearer = feet[None, :] > feet[:, None]
    fits &= np.max(np.where(nearer, shared, 0.0), axis=1, initial=0.0) <= HIDDEN
    fits &= np.max(np.where(nearer, 0.0, shared), axis=1, initial=0.0) <= CROWDED
    fits &= _heads_inside(row, boxes) <= 1
    chosen = np.flatnonzero(fits)
    return [int(index) for index in chosen[np.argsort(-boxes[chosen, 3], kind="stable")]]


def _shared(boxes: np.ndarray) -> np.ndarray:
    """Return (N, N): the share of box i that box j covers, 0 on the diagonal."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum((boxes[:, :2] + boxes[:, 2:])[:, None], (boxes[:, :2] + boxes[:, 2:])[None])
    both = np.prod(np.clip(high - low, 0, None), axis=2) / np.maximum(np.prod(boxes[:, 2:], axis=1), 1e-9)[:, None]
    np.fill_diagonal(both, 0.0)
    return both


def _heads_inside(row: ImageRow, boxes: np.ndarray) -> np.ndarray:
    """Return (N,): the annotated heads in each box, so that somebody the detector missed is noticed."""
    heads = np.array([(point["x"], point["y"]) for point in row.points or []], float).reshape(-1, 2)
    inside = (heads[None] >= boxes[:, None, :2]) & (heads[None] <= (boxes[:, :2] + boxes[:, 2:])[:, None])
    return inside.all(axis=2).sum(axis=1)


def cut(pixels: np.ndarray, row: ImageRow, people: list[Detection], person: int, look: Look) -> CutOut | None:
    """Cut one person out of (H, W, 3) uint8 pixels by its mask, or by GrabCut in its box; None for a poor outline."""
    mine = people[person]
    margin = SURROUND * mine["h"]
    left, top = max(0, int(mine["x"] - margin)), max(0, int(mine["y"] - margin))
    right = min(pixels.shape[1], int(np.ceil(mine["x"] + mine["w"] + margin)))
    bottom = min(pixels.shape[0], int(np.ceil(mine["y"] + mine["h"] + margin)))
    crop = pixels[top:bottom, left:right]
    box = (mine["x"] - left, mine["y"] - top, mine["w"], mine["h"])
    if mine["mask"] is not None:
        given = rle.decode(mine["mask"], pixels.shape[0], pixels.shape[1])[top:bottom, left:right]
        outline = whole(given, box)
        outline = None if outline is None else with_bags(crop, outline)
    else:
        others = np.array([(p["x"] - left, p["y"] - top, p["w"], p["h"]) for p in people], float)
        head = _head_of(row, mine)
        head = None if head is None else (head[0] - left, head[1] - top)
        outline = grab(crop, box, np.delete(others, person, axis=0), head)
    return None if outline is None else finished(crop, outline, row.id, person, look)


def _head_of(row: ImageRow, person: Detection) -> tuple[float, float] | None:
    """Return the one annotated head point in the upper part of a person's box, None where there is none, or more."""
    low, high = person["x"], person["x"] + person["w"]
    top, bottom = person["y"], person["y"] + HEAD_WITHIN * person["h"]
    heads = [(p["x"], p["y"]) for p in row.points or [] if low <= p["x"] <= high and top <= p["y"] <= bottom]
    return heads[0] if len(heads) == 1 else None


def finished(crop: np.ndarray, outline: np.ndarray, photograph: str, person: int, look: Look) -> CutOut:
    """Trim, feather and premultiply a person given by its (H, W) bool outline, and shrink what is needlessly large."""
    rows, columns = np.flatnonzero(outline.any(axis=1)), np.flatnonzero(outline.any(axis=0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    solid, colours = outline[window], crop[window]
    edge = solid.shape[0] / 250  # outlines lie slightly outside: a rim of the old background would shine
    inner = cv2.distanceTransform(np.pad(solid, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    alpha = np.clip((inner - edge) / max(1.0, 2 * edge), 0.0, 1.0).astype(np.float32)
    head, foot = head_point(solid), float(np.median(np.nonzero(solid[-max(1, round(FEET_PART * len(solid))) :])[1]))
    rgba = np.dstack([colours.astype(np.float32) * alpha[..., None], 255 * alpha])
    scale = min(1.0, STORED_HEIGHT / solid.shape[0])
    if scale < 1:
        size = (max(2, round(solid.shape[1] * scale)), STORED_HEIGHT)
        rgba = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    return CutOut(
        photograph,
        person,
        np.rint(rgba).astype(np.uint8),
        (head[0] * scale, head[1] * scale),
        foot * scale,
        Look(look.mean, look.spread, look.blur * scale),
    )
