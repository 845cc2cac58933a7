"""Stage ``label_density``: how crowded every photograph and every synthesised image is, by every labeller."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from throng.density.labelling import Labelling, Subject, normalise, subjects_of
from throng.density.normalisation import Normalisation
from throng.files import write_text
from throng.manifest import check_conserved, read_rows, tally, write_table
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.tables import calibrated_counts, detections, images, synthetic
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.density_labels import TABLE, DensityLabelRow
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.synthetic import SyntheticRow
from throng.workdir import Made, process

log = logging.getLogger(__name__)
BATCH = 32


def run(inputs: Files, outputs: Files, config: LabelDensity, context: Context) -> None:
    """Write table ``density_labels``: a row for every good photograph and every synthetic image that was kept."""
    subjects = read_subjects(inputs, config)
    frozen = next(iter(inputs.many("frozen")), None)
    normalisation = Normalisation.read(frozen) if frozen else normalise(subjects)
    work = context.workdir()
    labeller = Labelling(config, normalisation)

    def label(batch: Sequence[Subject]) -> Made:
        return {"rows": [dataclasses.asdict(labeller.row(subject)) for subject in batch]}, {}

    batches = {f"{start:08d}": subjects[start : start + BATCH] for start in range(0, len(subjects), BATCH)}
    made = process(work, batches, label, threads=context.threads, stage="label_density")
    rows = [DensityLabelRow(**row) for batch in made.values() for row in batch["rows"]]
    check_conserved("label_density", map(_key, subjects), (f"{row.table}/{row.id}" for row in rows))
    log.info("density labels by %s: %s; classes %s", config.label, tally(rows), _classes(rows))
    log.info("people per square metre: %s", _grounded(rows))
    write_table(outputs.one("table"), TABLE, rows, context.provenance(backend=config.chosen.name))
    write_text(outputs.one("normalisation"), normalisation.text())
    work.remove()


def read_subjects(inputs: Files, config: LabelDensity) -> list[Subject]:
    """Return every good photograph and every synthetic image that calibrate_counts kept."""
    found = read_rows(inputs.many("detections"), detections.TABLE, DetectionRow)
    known = read_rows(inputs.one("calibrated"), calibrated_counts.TABLE, CalibratedCountRow)
    return subjects_of(
        read_rows(inputs.one("images"), images.TABLE, ImageRow),
        {row.id: row for row in found},
        read_rows(inputs.many("synthetic"), synthetic.TABLE, SyntheticRow),
        {row.id: row for row in known},
        config,
    )


def _key(subject: Subject) -> str:
    return f"{subject.table}/{subject.row.id}"


def _classes(rows: Iterable[DensityLabelRow]) -> dict[str, int]:
    named = Counter((row.density_class, row.class_name) for row in rows if row.density_class is not None)
    return {name: number for (_, name), number in sorted(named.items())}


def _grounded(rows: Sequence[DensityLabelRow]) -> str:
    told = [row.ground for row in rows if row.ground is not None]
    untold = Counter(row.ground_reason.split(":")[0] for row in rows if row.ground is None)
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(untold.items()))
    return f"{len(told)} images of {len(rows)}" + (f"; not told: {reasons}" if reasons else "")
