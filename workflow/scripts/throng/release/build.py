"""From the tables of a run to a release in a folder: shards, recipes, tables, card, index, checksums."""

import dataclasses
import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.manifest import OK
from throng.provenance import Provenance
from throng.release.annotations import write_plain_tables
from throng.release.backends import check_backends
from throng.release.card import card_text
from throng.release.citation import CITATION, citation_text
from throng.release.corpus import Corpus
from throng.release.croissant import CROISSANT, croissant_text
from throng.release.exclusions import Exclusions
from throng.release.facts import Facts
from throng.release.index import CARD, Totals, index_of, write_index, write_sums
from throng.release.ledger import balance
from throng.release.photographs import Photographs
from throng.release.pixels import Pixels
from throng.release.products import RANKED_PAIRS, Sample
from throng.release.records import FIELDS, RECORDS, Digests, records_of
from throng.release.samples import plans
from throng.release.shards import Finished, Packer, Written, finished
from throng.release.splits import check_corpus, check_drawn, shared_scenes
from throng.release.synthetics import Synthetics
from throng.release.tars import Tars
from throng.release.versions import resolve, unversioned
from throng.sections.release import Release

log = logging.getLogger(__name__)
EVERYTHING = Exclusions()
DOCUMENTS = ((CARD, "card", card_text), (CROISSANT, "croissant", croissant_text), (CITATION, "citation", citation_text))


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
    scratch: Path,
    exclusions: Exclusions = EVERYTHING,
    findings: Findings = UNMEASURED,
    previous: Sequence[Path] = (),
) -> None:
    """Write a release into an empty folder; ``previous`` are index and records of the release before, if any.

    Rows go by way of files in ``scratch``, so that memory holds ids and hashes, but no table and no image for long.

    Raises ThrongError, before any file is written, for backends that are not listed, scenes in two splits, rows that
    do not add up, or when there is nothing to release; and for a version that is lower than its records allow.
    """
    provenance = unversioned(provenance, previous)
    check_backends(corpus, config.backends)
    shared = shared_scenes(corpus, config.shared_scenes)
    check_corpus(corpus, shared)
    check_drawn(corpus)
    ledger = balance(corpus)
    for line in ledger:
        log.info("%s", line.text())
    photographs = Photographs.read(corpus)
    synthetics = Synthetics.read(corpus, photographs, exclusions)
    planned = plans(corpus, photographs, synthetics, config, exclusions)
    totals = [Totals(plan.product.name, plan.counts(shown=True), plan.counts(shown=False)) for plan in planned]
    if not any(total.samples for total in totals):
        raise ThrongError(f"nothing to release: no row for any of release.products ({', '.join(config.products)})")
    packer = Packer(folder, config.shard_bytes, provenance)
    digests = [Digests(plan) for plan in planned]
    files = [file for noted in digests for file in _write_product(packer, noted, corpus, pixels, scratch)]
    tables, written = write_plain_tables(corpus, synthetics, exclusions, packer, scratch)
    records = packer.write_tables(RECORDS, config="records", split="rows", fields=FIELDS, tables=records_of(digests))
    files += [*written, records]
    left_out = {plan.product.name: plan.left_out for plan in planned}
    _check_totals(files, totals, left_out, corpus)
    made = {
        "licence": config.licence,
        "shared_scenes": shared,
        "provenance": provenance.footer("release", 1),
        "made_by": corpus.footers,
    }
    config = config.model_copy(update={"version": resolve(config, previous, folder / RECORDS, files, made)})
    facts = Facts(
        config=config,
        version=config.version,
        corpus=corpus,
        totals=totals,
        ledger=ledger,
        tables=tables,
        files=files,
        shared=shared,
        left_out=left_out,
        leakage=findings.leakage,
        audit=findings.audit,
        calibration=findings.calibration,
        agreement=findings.agreement,
        cost=findings.cost,
        finishing=pixels.finishing,
        footers=corpus.footers,
    )
    documents = [_write_document(folder, name, kind, text(facts)) for name, kind, text in DOCUMENTS]
    index = index_of(
        name=config.name,
        version=config.version,
        licence=config.licence,
        files=[*files, *documents],
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


def _write_document(folder: Path, name: str, kind: str, text: str) -> Written:
    data = text.encode()
    (folder / name).write_bytes(data)
    return Written(name, "", "", kind, 0, len(data), hashlib.sha256(data).hexdigest())


def _write_product(
    packer: Packer, digests: Digests, corpus: Corpus, pixels: Pixels, scratch: Path
) -> Iterator[Written]:
    plan = digests.plan
    tars = Tars(plan, scratch / "tars")

    def noted(samples: Iterable[Sample]) -> Iterator[Finished]:
        for sample in samples:
            one = finished(plan.product, sample, pixels)
            digests.note(one.sample.fields)
            if sample.redistributable:
                tars.note(one)
            yield one

    every = plan.samples(corpus, scratch)
    for (shown, split), group in itertools.groupby(every, key=lambda sample: (sample.redistributable, sample.split)):
        if shown:
            yield from packer.write_parquet(plan.product, split, noted(group))
        else:
            yield packer.write_recipes(plan.product, split, noted(group))
    yield from tars.write(packer, pixels)


def _check_totals(
    files: Sequence[Written], totals: Sequence[Totals], left_out: Mapping[str, Mapping[str, int]], corpus: Corpus
) -> None:
    """Check that kept rows are released or left out: each released one once as Parquet, and as tar with pixels."""
    rows: Counter[tuple[str, str]] = Counter()
    for file in files:
        rows[file.config, file.format] += file.rows
    for total in totals:
        kept, without = _kept(corpus, total.product), sum(left_out[total.product].values())
        if total.samples + without != kept:
            raise ThrongError(
                f"{total.product}: {kept} rows kept by its stage, but {total.samples} released and {without} left "
                f"out; this is a bug in the release"
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


def _kept(corpus: Corpus, product: str) -> int:
    """Return how many rows the stages kept of what a product is made of."""
    if product == RANKED_PAIRS.name:
        return sum(corpus.counts("ranked_pairs", ["kind"]).values())
    tables = {"fixed_count": "calibrated_counts", "density_labelled": "density_labels"}
    counts = corpus.counts(tables.get(product, "gan_samples"), ["status"])
    return counts.get((OK,), 0)


def _sums(total: Totals) -> tuple[int, int]:
    return sum(total.pixels.values()), sum(total.recipes.values())
