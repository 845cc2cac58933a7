"""Stage ``convert_dataset``: labelled images as squares, in the layout that StyleGAN's data loaders read."""

import dataclasses
import logging
from collections.abc import Iterable, Sequence

from throng.conversion.build import Original, Plan, convert
from throng.conversion.labels import UNLABELLED
from throng.conversion.table_labels import TableLabels, crop_of, labels_of
from throng.conversion.transform import Square
from throng.density.crowd import Window
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK, check_conserved, read_rows, write_table
from throng.roots import RESULTS
from throng.sections.convert_dataset import ConvertDataset
from throng.stage import Context, Files
from throng.tables import converted, density_labels, images, synthetic
from throng.tables.converted import ConvertedRow
from throng.tables.density_labels import DensityLabelRow
from throng.tables.images import ImageRow
from throng.tables.synthetic import SyntheticRow

log = logging.getLogger(__name__)
ANY_SIZE = 2**40  # ingestion refused what is too large


def run(inputs: Files, outputs: Files, config: ConvertDataset, context: Context) -> None:
    """Write the dataset, and table ``converted`` with a row for every image that was to be in it.

    What is kept of an image is the window that ``label_density`` labelled. Raises ThrongError for a source, maker or
    labeller that is not there, and when no image is left.
    """
    table = inputs.one("labels")
    said = labels_of(table, config.labeller)
    rows = {(row.table, row.id): row for row in read_rows(table, density_labels.TABLE, DensityLabelRow)}
    originals = [labelled(original, rows, said, config) for original in chosen(inputs, config)]
    kind, aspect = crop_of(table)
    plan = Plan(
        square=Square(config.resolution, kind, aspect, config.resize, config.enlarge),
        form=config.label,
        classes=said.classes,
        container=config.format,
        png_compression=config.png_compression,
        max_pixels=ANY_SIZE,
    )
    store = ImageStore(context.roots)
    work = context.workdir()
    made = convert(
        originals,
        lambda original: store.read_bytes(original.source, original.path),
        plan,
        outputs.one("dataset"),
        work,
        context.threads,
    )
    check_conserved("convert_dataset", map(_key, originals), map(_key, made))
    write_table(outputs.one("table"), converted.TABLE, made, context.provenance())
    work.remove()


def chosen(inputs: Files, config: ConvertDataset) -> list[Original]:
    """Return the good images of the tables, splits, sources and makers that the section names, by id."""
    found: list[Original] = []
    if "images" in config.tables:
        photographs = read_rows(inputs.one("images"), images.TABLE, ImageRow)
        _check_known("sources", config.sources, {row.source for row in photographs})
        found += [_photograph(row) for row in photographs if row.status == OK and _wanted(config.sources, row.source)]
    if "synthetic" in config.tables and inputs.many("synthetic"):
        drawn = read_rows(inputs.many("synthetic"), synthetic.TABLE, SyntheticRow)
        _check_known("makers", config.makers, {row.maker for row in drawn})
        found += [_drawn(row) for row in drawn if row.status == OK and _wanted(config.makers, row.maker)]
    of_splits = [original for original in found if original.split in config.splits]
    ordered = sorted(of_splits, key=lambda original: (original.id, original.table))[: config.limit]
    log.info("convert_dataset: %d of %d good images are taken", len(ordered), len(found))
    return ordered


def labelled(
    original: Original,
    rows: dict[tuple[str, str], DensityLabelRow],
    said: TableLabels,
    config: ConvertDataset,
) -> Original:
    """Return the image with its window and its label; without a window, or without a label, it is rejected."""
    row = rows.get((original.table, original.id))
    if row is None:
        return dataclasses.replace(original, reason="unlabelled: table density_labels has no row for it")
    window = Window(row.crop_x, row.crop_y, row.crop_w, row.crop_h)
    label = said.of(row) or UNLABELLED
    unlabelled = config.label != "none" and label.written(config.label, len(said.classes)) is None
    reason = said.why_not(row) if unlabelled else ""
    return dataclasses.replace(original, window=window, label=label, reason=reason)


def _photograph(row: ImageRow) -> Original:
    return Original(
        row.id, images.TABLE.name, row.source, row.path, row.split, row.licence, row.redistributable, row.sha256
    )


def _drawn(row: SyntheticRow) -> Original:
    return Original(
        row.id, synthetic.TABLE.name, RESULTS, row.path, row.split, row.licence, row.redistributable, row.sha256
    )


def _wanted(names: Sequence[str] | None, name: str) -> bool:
    return names is None or name in names


def _check_known(key: str, named: Sequence[str] | None, known: Iterable[str]) -> None:
    unknown = sorted(set(named or ()) - set(known))
    if unknown:
        raise ThrongError(
            f"convert_dataset.{key}: {unknown[0]!r} made no image here; known: {', '.join(sorted(known))}"
        )


def _key(item: Original | ConvertedRow) -> str:
    return f"{item.table}/{item.id}"
