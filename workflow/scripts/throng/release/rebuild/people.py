"""Who was found in each photograph: as the release says, or, where it repeats nobody's annotations, as they say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from throng import detectors
from throng.detectors.protocol import Photograph
from throng.manifest import OK, REJECTED
from throng.release.annotations import ANNOTATIONS
from throng.release.rebuild.copies import Copies
from throng.release.rebuild.recipes import Recipes
from throng.sections.detect import Detect
from throng.tables import detections
from throng.tables.detections import DetectionRow


def detections_of(recipes: Recipes, copies: Copies, scratch: Path) -> dict[str, DetectionRow]:
    """Return the detections by photograph, those of withheld annotations read off the user's copy again."""
    found: dict[str, DetectionRow] = {row.id: row for row in recipes.tables["detections"]}
    lacking = [row for name, row in sorted(copies.rows.items()) if name not in found]
    (footer, *_) = recipes.footers("detections") if lacking else (None,)
    if footer is None or footer["config"]["detect"]["backend"] != ANNOTATIONS:
        return found
    config: Detect = TypeAdapter(Detect).validate_python(footer["config"]["detect"])
    detector = detectors.load(config, None, scratch)
    answers = detector.detect([Photograph(row, None) for row in lacking])
    made = [
        DetectionRow(row.id, config.backend, answer.people, REJECTED if answer.rejection else OK, answer.rejection)
        for row, answer in zip(lacking, answers, strict=True)
    ]
    return found | {row.id: row for row in _as_stored(made)}


def _as_stored(rows: Sequence[DetectionRow]) -> list[DetectionRow]:
    """Return rows as the table gives them back: its numbers have 32 bits."""
    names = detections.SCHEMA.names
    records: list[dict[str, Any]] = [{name: getattr(row, name) for name in names} for row in rows]
    return [DetectionRow(**record) for record in pa.Table.from_pylist(records, schema=detections.SCHEMA).to_pylist()]
