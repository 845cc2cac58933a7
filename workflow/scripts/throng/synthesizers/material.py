"""What composites are made of: the training photographs, the people found in them, and the same places without them."""

from collections.abc import Collection, Iterable, Sequence

from throng.errors import ThrongError
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
    sources: Collection[str] | None = None,
) -> Material:
    """Return the training photographs with their detections and the edits without anybody; no other is ever read.

    ``sources`` names those whose photographs are taken, None for all. Raises ThrongError for one that has none.
    """
    strange = sorted(set(sources or ()) - {row.source for row in ingested})
    if strange:
        raise ThrongError(
            f"synthesize.makers[].sources: table images has no source {strange[0]!r}; there are "
            f"{', '.join(sorted({row.source for row in ingested}))}"
        )
    held = {row.id for row in ingested if row.status == OK and row.split != TRAIN}
    photographs = {
        row.id: row
        for row in ingested
        if row.status == OK and row.id not in held and (sources is None or row.source in sources)
    }
    return Material(
        photographs=photographs,
        detections={row.id: row for row in found if row.id in photographs},
        emptied={row.parent_id: row for row in edits if row.parent_id in photographs and is_emptied(row)},
        store=store,
    )


def is_emptied(row: RemovalRow) -> bool:
    """Tell whether an edit shows its photograph without anybody who was detected there."""
    return row.recipe == CHAIN and row.status == OK and 0 < row.detected_count == len(set(row.removed))
