"""From the tables of a run to a release in a folder: shards, recipes, tables, card, index, checksums."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.manifest import OK
from throng.provenance import Provenance
from throng.release.annotations import plain_tables
from throng.release.backends import check_backends
from throng.release.card import card_text
from throng.release.corpus import Corpus
from throng.release.exclusions import Exclusions
from throng.release.index import CARD, Totals, index_of, write_index, write_sums
from throng.release.ledger import balance
from throng.release.pixels import Pixels
from throng.release.products import PRODUCTS, Product, Sample, samples_of
from throng.release.records import FIELDS, RECORDS, records_of
from throng.release.shards import Packer, Written, extensions, shard_name
from throng.release.splits import check_corpus, check_held_out, shared_scenes
from throng.release.versions import resolve, unversioned
from throng.sections.release import Release

log = logging.getLogger(__name__)
EVERYTHING = Exclusions()
SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Findings:
    """What other stages measured of what is released: the JSON they wrote, None where a run has none."""

    leakage: Mapping[str, Any] | None = None
    audit: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    agreement: Mapping[str, Any] | None = None
    cost: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict[str, Mapping[str, Any]])


UNMEASURED = Findings()


def build(
    corpus: Corpus,
    pixels: Pixels,
    config: Release,
    provenance: Provenance,
    folder: Path,
    *,
    exclusions: Exclusions = EVERYTHING,
    findings: Findings = UNMEASURED,
    previous: Sequence[Path] = (),
) -> None:
    """Write a release into an empty folder; ``previous`` are index and records of the release before, if any.

    Raises ThrongError, before any file is written, for backends that are not listed, scenes in two splits, rows that
    do not add up, or when there is nothing to release; and for a version that is lower than its records allow.
    """
    provenance = unversioned(provenance, previous)
    check_backends(corpus, config.backends)
    shared = shared_scenes(corpus, config.shared_scenes)
    check_corpus(corpus, shared)
    check_held_out(corpus)
    ledger = balance(corpus)
    for line in ledger:
        log.info("%s", line.text())
    chosen: list[tuple[Product, list[Sample]]] = []
    left_out: dict[str, dict[str, int]] = {}
    for name in config.products:
        product = PRODUCTS[name]
        samples, left_out[name] = exclusions.divide(samples_of(product, corpus, config.rendered))
        chosen.append((product, samples))
    totals = [_totals(product, samples) for product, samples in chosen]
    if not any(total.samples for total in totals):
        raise ThrongError(f"nothing to release: no row for any of release.products ({', '.join(config.products)})")
    chosen = [(product, [_finished(product, sample, pixels) for sample in samples]) for product, samples in chosen]
    packer = Packer(folder, pixels, config.shard_bytes, provenance)
    files = [file for product, samples in chosen for file in _write_product(packer, product, samples)]
    tables = plain_tables(corpus, exclusions)
    for table in tables:
        path = f"tables/{table.name}.parquet"
        files.append(packer.write_rows(path, config=table.name, split="rows", fields=table.fields, rows=table.rows))
    records = [row for product, samples in sorted(chosen, key=_name) for row in records_of(product, samples)]
    files.append(packer.write_rows(RECORDS, config="records", split="rows", fields=FIELDS, rows=records))
    _check_totals(files, totals, left_out, corpus)
    made = {
        "licence": config.licence,
        "shared_scenes": shared,
        "provenance": provenance.footer("release", 1),
        "made_by": corpus.footers,
    }
    config = config.model_copy(update={"version": resolve(config, previous, folder / RECORDS, files, made)})
    text = card_text(config, corpus, totals=totals, ledger=ledger, tables=tables, files=files, shared=shared)
    (folder / CARD).write_text(text)
    card = Written(CARD, "", "", "card", 0, len(text.encode()), sha256_file(folder / CARD))
    index = index_of(
        name=config.name,
        version=config.version,
        licence=config.licence,
        files=[*files, card],
        totals=totals,
        ledger=ledger,
        tables=tables,
        shared_scenes=shared,
        left_out=left_out,
        provenance=provenance.footer("release", 1),
        footers=corpus.footers,
    )
    write_index(folder, index)
    write_sums(folder)
    for total in totals:
        log.info("%s: %d samples with pixels, %d as recipes", total.product, *_sums(total))


def _name(chosen: tuple[Product, list[Sample]]) -> str:
    return chosen[0].name


def _finished(product: Product, sample: Sample, pixels: Pixels) -> Sample:
    """Return a sample that says the hashes of its images as they are released."""
    hashes = {product.hashes[column]: pixels.sha256(picture) for column, picture in sample.pictures.items()}
    return dataclasses.replace(sample, fields=sample.fields | hashes)


def _write_product(packer: Packer, product: Product, samples: Sequence[Sample]) -> list[Written]:
    shown = [sample for sample in samples if sample.redistributable]
    kinds = extensions(product, shown)
    files: list[Written] = []
    for split, group in _by_split(shown).items():
        files += packer.write_parquet(product, split, group)
        files += packer.write_tars(product, split, group, kinds)
    for split, group in _by_split([sample for sample in samples if not sample.redistributable]).items():
        path = f"recipes/{product.name}/{shard_name(split, 0, 1, 'parquet')}"
        rows = [sample.fields for sample in group]
        files.append(packer.write_rows(path, config=product.recipes, split=split, fields=product.fields, rows=rows))
    return files


def _by_split(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups = {split: [sample for sample in samples if sample.split == split] for split in SPLITS}
    return {split: group for split, group in groups.items() if group}


def _totals(product: Product, samples: Sequence[Sample]) -> Totals:
    def count(redistributable: bool) -> Mapping[str, int]:
        found = Counter(sample.split for sample in samples if sample.redistributable == redistributable)
        return {split: found[split] for split in SPLITS if found[split]}

    strange = sorted({sample.split for sample in samples} - set(SPLITS))
    if strange:
        raise ThrongError(f"{product.name}: split {strange[0]!r} is none of {', '.join(SPLITS)}; correct its stage")
    return Totals(product.name, count(True), count(False))


def _check_totals(
    files: Sequence[Written], totals: Sequence[Totals], left_out: Mapping[str, Mapping[str, int]], corpus: Corpus
) -> None:
    """Check that kept rows are released or left out: each released one once as Parquet, and as tar with pixels."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in files:
        rows[file.config, file.format] += file.rows
    kept = {
        "ranked_pairs": len(corpus.ranked_pairs),
        "fixed_count": len(corpus.counted),
        "density_labelled": sum(row.status == OK for row in corpus.density_labels),
        "requested_density": len(corpus.drawn),
    }
    for total in totals:
        without = sum(left_out[total.product].values())
        if total.samples + without != kept[total.product]:
            raise ThrongError(
                f"{total.product}: {kept[total.product]} rows kept by its stage, but {total.samples} released and "
                f"{without} left out; this is a bug in the release"
            )
        shown, recipes = _sums(total)
        wanted = {
            (total.product, "parquet"): shown,
            (total.product, "webdataset"): shown,
            (f"{total.product}_recipes", "parquet"): recipes,
        }
        for key, number in wanted.items():
            if rows[key] != number:
                raise ThrongError(f"release of {key[0]} as {key[1]}: {rows[key]} rows written, {number} expected")


def _sums(total: Totals) -> tuple[int, int]:
    return sum(total.pixels.values()), sum(total.recipes.values())
