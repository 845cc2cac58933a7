"""Rows of tables with unremarkable values, for tests to say only what matters to them."""

from typing import Any

from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.density_labels import DensityLabelRow, Label
from throng.tables.gan_samples import GanSampleRow
from throng.tables.prompts import PromptRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow
from throng.tables.synthetic import SyntheticRow


def removal_row(**said: Any) -> RemovalRow:
    """An ok chain edit of photograph ``p`` that removed person 0."""
    values: dict[str, Any] = {
        "id": "e1",
        "parent_id": "p",
        "recipe": "chain",
        "level": 1,
        "base_id": said.get("parent_id", "p"),
        "removed": [0],
        "removed_count": len(said.get("removed", [0])),
        "detected_count": 9,
        "areas": len(said.get("removed", [0])),
        "mask": None,
        "seed": 0,
        "attempts": 1,
        "options": "",
        "count_before": None,
        "count_after": None,
        "residual": None,
        "hallucinated": None,
        "lost": None,
        "path": f"remove/part-000-of-001.zip/{said.get('id', 'e1')}.png",
        "sha256": "",
        "width": 10,
        "height": 10,
        "backend": "opencv",
        "status": "ok",
        "reason": "",
    }
    return RemovalRow(**values | said)


def pair_row(**said: Any) -> RankedPairRow:
    """A pair of photograph ``p`` and its edit ``e1``."""
    values: dict[str, Any] = {
        "id": "pair",
        "parent_id": "p",
        "kind": "real-edited",
        "relation": "more",
        "more_id": "p",
        "more_source": "source",
        "more_path": "p.jpg",
        "more_crop": None,
        "fewer_id": "e1",
        "fewer_source": "results",
        "fewer_path": "remove/part-000-of-001.zip/e1.png",
        "fewer_crop": None,
        "delta": len(said.get("removed", [0])),
        "removed": [0],
        "weight": 1.0,
        "split": "train",
        "scene": "s",
    }
    return RankedPairRow(**values | said)


def prompt_row(**said: Any) -> PromptRow:
    """A training prompt for three people."""
    count = said.get("count", 3)
    values: dict[str, Any] = {
        "id": "a1",
        "count": count,
        "density": "",
        "fewest": count,
        "most": count,
        "template": "street",
        "viewpoint": "",
        "conditions": "",
        "wording": "figures",
        "repeat": 0,
        "text": f"{count} people on a street",
        "negative": "",
        "seed": 0,
        "split": "train",
    }
    return PromptRow(**values | said)


def synthetic_row(**said: Any) -> SyntheticRow:
    """An ok composite of nobody, made by maker ``composite`` from nobody's photograph."""
    values: dict[str, Any] = {
        "id": "s1",
        "prompt_id": "a1",
        "maker": "composite",
        "requested": said.get("count", 0),
        "density": "",
        "count": 0,
        "points": [],
        "boxes": None,
        "masks": None,
        "path": f"synthesize/composite/part-000-of-001.zip/{said.get('id', 's1')}.jpg",
        "sha256": "",
        "width": 10,
        "height": 10,
        "split": "train",
        "scene": "",
        "background_id": "",
        "parents": [],
        "licence": "CC0-1.0",
        "redistributable": True,
        "backend": "composite",
        "options": "",
        "status": "ok",
        "reason": "",
    }
    return SyntheticRow(**values | said)


def calibrated_row(**said: Any) -> CalibratedCountRow:
    """The exactly known count of an image without people."""
    values: dict[str, Any] = {
        "id": "s1",
        "maker": "composite",
        "requested": said.get("count", 0),
        "detected": None,
        "predicted": None,
        "rank_score": None,
        "agreement": None,
        "exact": True,
        "count": 0.0,
        "std": 0.0,
        "weight": 1.0,
        "prototype_distance": None,
        "duplicate_of": "",
        "status": "ok",
        "reason": "",
    }
    return CalibratedCountRow(**values | said)


def density_row(image_id: str, table: str, **said: Any) -> DensityLabelRow:
    """A row of density labels with a single label, class low by the number of people."""
    count = said.get("count", 3.0)
    values: dict[str, Any] = {
        "id": image_id,
        "table": table,
        "crop_x": 0,
        "crop_y": 0,
        "crop_w": 10,
        "crop_h": 10,
        "count": count,
        "method": "threshold",
        "mode": "fixed",
        "score": count,
        "density_class": 0,
        "class_name": "low",
        "scale": "",
        "ground": None,
        "ground_reason": "no scale: nothing tells how tall the people appear",
        "status": "ok",
        "reason": "",
    } | said
    values.setdefault("labels", [density_label(values)])
    return DensityLabelRow(**values)


def density_label(values: dict[str, Any]) -> Label:
    """The one label behind the chosen method, score and class of a row."""
    return {
        "method": values["method"],
        "mode": values["mode"],
        "score": values["score"],
        "largest": None,
        "overall": None,
        "density_class": values["density_class"],
        "class_name": values["class_name"],
        "flags": [],
        "reason": values["reason"],
    }


def drawn_row(**said: Any) -> GanSampleRow:
    """An image that a generator drew for class 0, few."""
    values: dict[str, Any] = {
        "id": "d1",
        "sampler": "crowds",
        "generator": "9e" * 32,
        "gan": "crowds",
        "run": "seed-1",
        "label_kind": "class",
        "label": [0.0],
        "label_name": "few",
        "seed_index": 0,
        "seed": 2**63 + 5,
        "truncation": 1.0,
        "path": "",
        "sha256": "",
        "width": 16,
        "height": 16,
        "split": "train",
        "scene": "9e9e/5",
        "learnt_from": ["train"],
        "licence": "CC0-1.0",
        "redistributable": True,
        "permission": "",
        "backend": "stylegan3",
        "config_hash": "c0ffee",
        "status": "ok",
        "reason": "",
    }
    return GanSampleRow(**values | said)
