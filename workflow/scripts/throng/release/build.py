"""From the tables of a run to a release in a folder: shards, recipes, tables, card, index, checksums."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import ImageStore
from throng.provenance import Provenance
from throng.release.annotations import plain_tables
from throng.release.backends import check_backends
from throng.release.card import card_text
from throng.release.corpus import Corpus
from throng.release.index import CARD, Totals, index_of, write_index, write_sums
from throng.release.ledger import balance
from throng.release.pixels import Pixels
from throng.release.products import PRODUCTS, Product, Sample, samples_of
from throng.release.shards import Packer, Written, extensions, shard_name
from throng.release.splits import check_corpus, check_held_out, shared_scenes
from throng.sections.release import Release

log = logging.getLogger(__name__)
SPLITS = ("train", "val", "test")


def build(corpus: Corpus, store: ImageStore, config: Release, provenance: Provenance, folder: Path) -> None:
    """Write a release into an empty folder.

    Raises ThrongError, before any file is written, for backends that are not listed, scenes in two splits, rows that
    do not add up, or when there is nothing to release.
    """
    check_backends(corpus, config.backends)
    shared = shared_scenes(corpus, config.shared_scenes)
    check_corpus(corpus, shared)
    check_held_out(corpus)
    ledger = balance(corpus)
    for line in ledger:
        log.info("%s", line.text())
    chosen = [(PRODUCTS[name], samples_of(PRODUCTS[name], corpus)) for name in config.products]
    totals = [_totals(product, samples) for product, samples in chosen]
    if not any(total.samples for total in totals):
        raise ThrongError(f"nothing to release: no row for any of release.products ({', '.join(config.products)})")
    packer = Packer(folder, Pixels(store), config.shard_bytes, provenance)
    files = [file for product, samples in chosen for file in _write_product(packer, product, samples)]
    tables = plain_tables(corpus)
    for table in tables:
        path = f"tables/{table.name}.parquet"
        files.append(packer.write_rows(path, config=table.name, split="rows", fields=table.fields, rows=table.rows))
    _check_totals(files, totals, corpus)
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
        provenance=provenance.footer("release", 1),
        footers=corpus.footers,
    )
    write_index(folder, index)
    write_sums(folder)
    for total in totals:
        log.info("%s: %d samples with pixels, %d as recipes", total.product, *_sums(total))


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


def _check_totals(files: Sequence[Written], totals: Sequence[Totals], corpus: Corpus) -> None:
    """Check that what was written is what the tables hold: every kept row once as Parquet, pixels once as tar."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in files:
        rows[file.config, file.format] += file.rows
    kept = {
        "ranked_pairs": len(corpus.ranked_pairs),
        "fixed_count": len(corpus.counted),
        "requested_density": len(corpus.drawn),
    }
    for total in totals:
        if total.samples != kept[total.product]:
            raise ThrongError(f"{total.product}: {kept[total.product]} rows kept by its stage, {total.samples} here")
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
