"""What composites are made of: the training photographs, the people found in them, and the same places without them."""

from collections.abc import Iterable, Sequence

from throng.images import ImageStore
from throng.manifest import OK
from throng.synthesizers.protocol import Material
from throng.synthesizers.rows import TRAIN
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import CHAIN, RemovalRow


def training_material(
    ingested: Sequence[ImageRow],
    found: Iterable[DetectionRow],
    edits: Iterable[RemovalRow],
    store: ImageStore,
) -> Material:
    """Return the training photographs with their detections and the edits without anybody; no other is ever read."""
    photographs = {row.id: row for row in ingested if row.status == OK and row.split == TRAIN}
    held = {row.id for row in ingested if row.status == OK and row.split != TRAIN}
    photographs = {name: row for name, row in photographs.items() if name not in held}
    return Material(
        photographs=photographs,
        detections={row.id: row for row in found if row.id in photographs},
        emptied={row.parent_id: row for row in edits if row.parent_id in photographs and is_emptied(row)},
        store=store,
    )


def is_emptied(row: RemovalRow) -> bool:
    """Tell whether an edit shows its photograph without anybody who was detected there."""
    return row.recipe == CHAIN and row.status == OK and 0 < row.detected_count == len(set(row.removed))
