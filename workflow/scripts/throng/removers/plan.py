"""What is to be done to one photograph: the levels of its chain, their shams, or variants of the whole image."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from throng.errors import ThrongError
from throng.images import ImageStore, check_unchanged, decode
from throng.manifest import OK
from throng.removers import blend, masks, sham
from throng.removers.bystanders import annotated, sure
from throng.removers.selection import chain
from throng.sections.remove import Chains, Remove, Variants
from throng.seeds import generator
from throng.tables import removals
from throng.tables.detections import Detection, DetectionRow
from throng.tables.images import ImageRow


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """One edit to make; with a ``refusal`` it cannot be made.

    ``weights`` (H, W) uint8 are by how many 255ths a pixel that differs from the photograph is painted; where they
    are 0 it does not differ. None for a whole image rendered again.
    """

    recipe: str
    level: int
    removed: list[int]
    areas: int
    weights: np.ndarray | None = None
    refusal: str = ""

    def area(self, painted: np.ndarray | None = None) -> np.ndarray | None:
        """Return the (H, W) bool area to fill, less what was ``painted`` over before; None for all of the image."""
        if self.weights is None:
            return None
        return self.weights > 0 if painted is None else (self.weights > 0) & ~painted


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The steps for one photograph: a chain, each from the one before, and others, each from the photograph.

    With a ``refusal`` there are none, and no ``image`` either; it is (H, W, 3) uint8 RGB.
    """

    photograph: ImageRow
    found: DetectionRow
    image: np.ndarray | None = None
    chain: Sequence[Step] = ()
    others: Sequence[Step] = ()
    refusal: str = ""


class Planner:
    """Plans what the section asks for; what is drawn comes from the dataset seed and the photograph alone."""

    def __init__(self, config: Remove, seed: int, store: ImageStore) -> None:
        self._config, self._seed, self._store = config, seed, store

    def plan(self, photograph: ImageRow, found: DetectionRow) -> Plan:
        """Return the steps for one photograph, or a plan that says why there are none."""
        refusal = self._refusal(photograph, found)
        if refusal:
            return Plan(photograph, found, refusal=refusal)
        data = self._store.read_bytes(photograph.source, photograph.path)
        try:
            check_unchanged(data, photograph.sha256)
            image = decode(data)
            if image.shape[:2] != (photograph.height, photograph.width):
                return Plan(photograph, found, refusal=_resized(photograph, image))
            if isinstance(self._config, Variants):
                return Plan(photograph, found, image, others=_variants(self._config))
            return self._chain(photograph, found, image, self._config)
        except ThrongError as error:
            return Plan(photograph, found, refusal=f"unreadable: {error}")

    def _refusal(self, photograph: ImageRow, found: DetectionRow) -> str:
        if photograph.split not in self._config.splits:
            return f"split: {photograph.split} is not in remove.splits"
        if found.status != OK:
            return f"undetected: {found.reason}"
        return "" if found.people else "nobody: no person was detected"

    def _chain(self, photograph: ImageRow, all_found: DetectionRow, image: np.ndarray, config: Chains) -> Plan:
        found = dataclasses.replace(all_found, people=sure(all_found.people, config.confidence))
        if not found.people:
            refusal = f"nobody: none of {len(all_found.people)} people was found with remove.confidence or more"
            return Plan(photograph, found, refusal=refusal)
        scene = _scene(found.people, image, config)
        boxes = np.array([[person["x"], person["y"], person["w"], person["h"]] for person in found.people])
        outlines = {index: scene.bodies[index] for index, one in enumerate(found.people) if one["mask"] is not None}
        random = generator(self._seed, "remove", photograph.id)
        levels = chain(boxes, config.kept, config.overlap, random, outlines)
        if not levels:
            refusal = f"few: none of {len(found.people)} people can go alone"
            return Plan(photograph, found, refusal=refusal)
        steps = [_removal(scene, level, removed, config) for level, removed in enumerate(levels, start=1)]
        bystanders = all_found.people[len(found.people) :]
        if config.shams_avoid == "annotated":
            bystanders = [*bystanders, *annotated(photograph)]
        others = masks.union(_scene(bystanders, image, config).halos, *image.shape[:2])
        shams = [
            _sham(
                scene,
                step,
                config,
                generator(self._seed, "remove", f"{photograph.id} {removals.SHAM} {step.level}"),
                others,
            )
            for step in steps[: config.shams]
        ]
        return Plan(photograph, found, image, steps, shams)


def _scene(people: Sequence[Detection], image: np.ndarray, config: Chains) -> masks.Scene:
    return masks.scene(
        people,
        *image.shape[:2],
        dilation_px=config.dilation_px,
        dilation_share=config.dilation_share,
        shadow_share=config.shadow_share,
    )


def _resized(photograph: ImageRow, image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"size: decoded to {width}x{height}, ingestion saw {photograph.width}x{photograph.height}; run ingest again"


def _removal(scene: masks.Scene, level: int, removed: list[int], config: Chains) -> Step:
    mask = scene.without(removed)
    staying = scene.bodies_of(set(range(len(scene.bodies))) - set(removed))
    weights = blend.opacity(mask, scene.bodies_of(removed), staying, config.feather_px)
    return Step(removals.CHAIN, level, removed, len(removed), weights, _too_large(mask, config))


def _sham(scene: masks.Scene, step: Step, config: Chains, random: np.random.Generator, others: np.ndarray) -> Step:
    if step.refusal:
        return Step(removals.SHAM, step.level, [], step.areas, refusal=step.refusal)
    moved = sham.move(scene, step.removed, random, others)
    if moved is None:
        refusal = f"crowded: no room for {step.areas} areas beside {len(scene.bodies)} people"
        return Step(removals.SHAM, step.level, [], step.areas, refusal=refusal)
    weights = blend.opacity(moved.mask, moved.bodies, np.zeros_like(moved.mask), config.feather_px)
    return Step(removals.SHAM, step.level, [], step.areas, weights, _too_large(moved.mask, config))


def _too_large(mask: np.ndarray, config: Chains) -> str:
    if mask.mean() <= config.max_masked and not mask.all():
        return ""
    return f"masked: {mask.mean():.0%} of the image would be painted over, the limit is {config.max_masked:.0%}"


def _variants(config: Variants) -> list[Step]:
    return [
        Step(recipe, number, [], 0)
        for recipe, many in ((removals.REDUCE, config.reduced), (removals.ENLARGE, config.enlarged))
        for number in range(1, many + 1)
    ]
