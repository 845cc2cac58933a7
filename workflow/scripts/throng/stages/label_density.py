"""Stage ``label_density``: how crowded every photograph and every synthesised image is."""

import logging
from typing import Any

import pyarrow.compute as pc

from throng.density.labels import threshold
from throng.manifest import OK, REJECTED, check_conserved, read_table, tally, write_table
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.tables.calibrated_counts import TABLE as CALIBRATED
from throng.tables.density_labels import TABLE, DensityLabelRow
from throng.tables.images import TABLE as IMAGES
from throng.tables.synthetic import TABLE as SYNTHETIC

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: LabelDensity, context: Context) -> None:
    """Write table ``density_labels``: a row for every good photograph and synthetic image, by its calibrated count."""
    images = read_table(inputs.one("images"), IMAGES, ["id", "count", "status"])
    synthetic = read_table(inputs.one("calibrated"), CALIBRATED, ["id", "count", "status"])
    rows: list[DensityLabelRow] = []
    wanted: list[str] = []
    for table, data in ((IMAGES.name, images), (SYNTHETIC.name, synthetic)):
        good = data.filter(pc.field("status") == OK).to_pylist()
        wanted += [f"{table}/{record['id']}" for record in good]
        rows += [label(table, record, config) for record in good]
    check_conserved("label_density", wanted, (f"{row.table}/{row.id}" for row in rows))
    log.info("density labels: %s", tally(rows))
    write_table(outputs.one("table"), TABLE, rows, context.provenance(backend=config.method))


def label(table: str, record: Record, config: LabelDensity) -> DensityLabelRow:
    """Return the label of one image; one whose people nobody counted is rejected."""
    count = None if record["count"] is None else float(record["count"])
    known = {"id": record["id"], "table": table, "method": config.method, "count": count}
    if count is None:
        return DensityLabelRow(
            **known,
            score=None,
            density_class=None,
            class_name="",
            status=REJECTED,
            reason="unlabelled: the source says nothing about the number of people",
        )
    found = threshold(count, config.thresholds)
    return DensityLabelRow(
        **known,
        score=found.score,
        density_class=found.density_class,
        class_name=config.classes[found.density_class],
        status=OK,
        reason="",
    )
