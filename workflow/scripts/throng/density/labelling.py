"""Labelling images by one configuration: every labeller's class and score, and people per square metre."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from throng.density import area, labels, people
from throng.density.compat import SeedScene, scene_of, scene_of_boxes
from throng.density.crowd import Crowd, Measure, Window, crop_window
from throng.density.normalisation import Normalisation
from throng.density.service import SCHEMES, hazard
from throng.manifest import OK, REJECTED
from throng.sections.label_density import LabelDensity, Labeller
from throng.tables import images, synthetic
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.density_labels import DensityLabelRow, GroundDensity, Label
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow, point_array
from throng.tables.synthetic import SyntheticRow

PHOTOGRAPHS, SYNTHETIC = images.TABLE.name, synthetic.TABLE.name
UNLABELLED = "unlabelled: the source says nothing about the number of people"
UNCUT = "unlocated: nobody knows where the people are, so that a part of the image cannot be labelled"


@dataclasses.dataclass(frozen=True)
class Subject:
    """An image to label: a photograph with what was detected in it, or a synthetic image, and the window of it."""

    table: str
    row: ImageRow | SyntheticRow
    count: float | None
    found: DetectionRow | None
    window: Window

    @property
    def group(self) -> str:
        """Return the data set that the image belongs to: a photograph's source, a synthetic image's maker."""
        return self.row.source if isinstance(self.row, ImageRow) else self.row.maker

    @property
    def counted(self) -> float | None:
        """Return the people in the window, None when nobody knows."""
        if self.row.points is None:
            whole = (self.window.w, self.window.h) == (self.row.width, self.row.height)
            return self.count if whole else None
        heads = point_array(self.row.points)
        return Crowd(self.row.width, self.row.height, len(heads), heads).within(self.window).count


def subjects_of(
    photographs: Iterable[ImageRow],
    found: Mapping[str, DetectionRow],
    made: Iterable[SyntheticRow],
    known: Mapping[str, CalibratedCountRow],
    config: LabelDensity,
) -> list[Subject]:
    """Return every good photograph and every synthetic image whose count was kept; the mappings are by image id."""
    subjects: list[Subject] = []
    for row in photographs:
        if row.status == OK:
            window = crop_window(config.crop, row.width, row.height, config.wide)
            count = None if row.count is None else float(row.count)
            subjects.append(Subject(PHOTOGRAPHS, row, count, found.get(row.id), window))
    for row in made:
        if row.id in known and known[row.id].status == OK:
            window = crop_window(config.crop, row.width, row.height, config.wide)
            count = known[row.id].count
            subjects.append(Subject(SYNTHETIC, row, None if count is None else float(count), None, window))
    return subjects


def normalise(subjects: Sequence[Subject]) -> Normalisation:
    """Return what the training images' counts are, of the synthetic ones where no photograph is labelled."""
    extremes: dict[str, tuple[int, int]] = {}
    for subject in subjects:
        scene = seed_scene(subject)
        if scene is not None:
            low, high = extremes.get(subject.group, (scene.persons, scene.persons))
            extremes[subject.group] = min(low, scene.persons), max(high, scene.persons)
    for table in (PHOTOGRAPHS, SYNTHETIC):
        train = [s.counted for s in subjects if s.table == table and s.row.split == "train"]
        counts = sorted(count for count in train if count is not None)
        if counts:
            return Normalisation(counts, extremes)
    return Normalisation([], extremes)


def seed_scene(subject: Subject) -> SeedScene | None:
    """Return the image as the mode compat sees it: whole, with every box; None where there are no boxes."""
    row = subject.row
    if isinstance(row, ImageRow):
        return scene_of(row)
    if row.boxes is None:
        return None
    boxes = np.array([(box["x"], box["y"], box["w"], box["h"]) for box in row.boxes], float).reshape(-1, 4)
    return scene_of_boxes(row.width, row.height, boxes)


@dataclasses.dataclass(frozen=True)
class Labelling:
    """Labels images by one configuration."""

    config: LabelDensity
    normalisation: Normalisation

    def row(self, subject: Subject) -> DensityLabelRow:
        """Return the labels of one image; one whose people nobody counted, or located where it is cut, is rejected."""
        count = subject.counted
        if count is None:
            return self._rejected(subject, UNLABELLED if subject.count is None else UNCUT)
        crowd = self._crowd(subject).within(subject.window)
        scene = seed_scene(subject)
        said = [self._label(labeller, crowd, scene, subject.group) for labeller in self.config.labellers]
        chosen = next(
            label for label, labeller in zip(said, self.config.labellers, strict=True) if labeller == self.config.chosen
        )
        unsaid = chosen["density_class"] is None
        return DensityLabelRow(
            **self._known(subject),
            count=count,
            score=chosen["score"],
            density_class=chosen["density_class"],
            class_name=chosen["class_name"],
            labels=said,
            scale=crowd.scale,
            ground=self._ground(crowd),
            ground_reason=crowd.ground_reason,
            status=REJECTED if unsaid else OK,
            reason=chosen["reason"] if unsaid else "",
        )

    def _crowd(self, subject: Subject) -> Crowd:
        settings = people.Settings(
            self.config.stature_m,
            self.config.stature_std_m,
            self.config.focal,
            self.config.focal_spread,
            self.config.camera,
        )
        if isinstance(subject.row, ImageRow):
            return people.photographed(subject.row, subject.found, settings)
        return people.synthesised(subject.row, subject.count or 0.0, settings)

    def _label(self, labeller: Labeller, crowd: Crowd, scene: SeedScene | None, group: str) -> Label:
        measure, density_class = labels.label(
            labeller.method,
            labeller.mode,
            crowd,
            scene,
            self.normalisation.reference,
            self.normalisation.extremes.get(group),
            labeller.thresholds,
        )
        names = labels.class_names(labeller.method, labeller.mode, labeller.thresholds, labeller.classes)
        return {
            "method": labeller.method,
            "mode": labeller.mode,
            "score": _number(measure.score),
            "largest": _number(measure.largest),
            "overall": _number(measure.overall),
            "density_class": density_class,
            "class_name": "" if density_class is None else names[density_class],
            "flags": _flags(measure),
            "reason": measure.reason,
        }

    def _ground(self, crowd: Crowd) -> GroundDensity | None:
        measured = area.people_per_m2(crowd)
        if measured is None or crowd.ground is None:
            return None
        low, high = crowd.ground.camera_height_range_m
        return {
            "horizon_px": crowd.ground.horizon,
            "camera_height_m": crowd.ground.camera_height_m,
            "camera_height_low_m": low,
            "camera_height_high_m": high,
            "focal_px": crowd.ground.focal_px,
            "people_per_m2": measured.people_per_m2,
            "people_per_m2_low": measured.low,
            "people_per_m2_high": measured.high,
            "people_per_m2_p95": measured.p95,
            "area_m2": measured.area_m2,
            "level_of_service": SCHEMES[self.config.service].letter(measured.people_per_m2),
            "hazard": hazard(measured.p95),
        }

    def _known(self, subject: Subject) -> dict[str, Any]:
        window = subject.window
        return {
            "id": subject.row.id,
            "table": subject.table,
            "crop_x": window.x,
            "crop_y": window.y,
            "crop_w": window.w,
            "crop_h": window.h,
            "method": self.config.chosen.method,
            "mode": self.config.chosen.mode,
        }

    def _rejected(self, subject: Subject, reason: str) -> DensityLabelRow:
        return DensityLabelRow(**self._known(subject), **unlabelled(reason))


def unlabelled(reason: str) -> dict[str, Any]:
    """Return what a row says, beside what is known of its image, of a label that was refused for a reason."""
    return {
        "count": None,
        "score": None,
        "density_class": None,
        "class_name": "",
        "labels": [],
        "scale": "",
        "ground": None,
        "ground_reason": reason,
        "status": REJECTED,
        "reason": reason,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _flags(measure: Measure) -> list[str]:
    beyond = measure.score is not None and not math.isfinite(measure.score)
    return [*measure.flags, *([str(measure.score)] if beyond else [])]
