"""Stage ``ingest``: the sources into table ``images``: ids by content, splits by scene, rejected files kept."""

import dataclasses
import json
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from throng.files import write_text
from throng.images import ImageStore
from throng.manifest import OK, check_conserved, tally, write_table
from throng.sections.ingest import Ingest, ShanghaiTech, Source
from throng.sources import shanghaitech
from throng.sources.ingestion import ingest_one, listed, reader, without_duplicates
from throng.sources.samples import Sample
from throng.sources.splits import limited, with_validation
from throng.stage import Context, Files
from throng.tables.images import TABLE, ImageRow
from throng.workdir import Ticker

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Ingest, context: Context) -> None:
    """Write table ``images`` and a summary of every source by split."""
    store = ImageStore(context.roots)
    plans = [_plan(source, config, context, store) for source in config.sources]
    chosen = [(plan.source, sample) for plan in plans for sample in plan.chosen]
    ticker = Ticker("ingest", done=0, total=len(chosen))

    def one(item: tuple[Source, Sample]) -> ImageRow:
        source, sample = item
        row = ingest_one(source, sample, reader(store, source.name), config.max_pixels)
        ticker.advance()
        return row

    with ThreadPoolExecutor(max(1, context.threads)) as pool:
        rows = without_duplicates(list(pool.map(one, chosen)))
    check_conserved(
        "ingest",
        (f"{source.name}/{sample.path}" for source, sample in chosen),
        (f"{row.source}/{row.path}" for row in rows),
    )
    summary = summarise(plans, rows)
    _log(summary)
    write_table(outputs.one("images"), TABLE, rows, context.provenance())
    write_text(outputs.one("summary"), json.dumps(summary, indent=1, sort_keys=True) + "\n")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be read of one source, what its limit left out (by split), what else lies there, and warnings."""

    source: Source
    chosen: list[Sample]
    left_out: Counter[str]
    other_files: int
    warnings: list[str]


def _plan(source: Source, config: Ingest, context: Context, store: ImageStore) -> Plan:
    read = reader(store, source.name)
    files, samples, warnings = listed(source, context.roots[source.name], read, config.max_pixels)
    named = {sample.path for sample in samples}
    others = sum(file.path not in named and not file.is_annotation for file in files)
    samples = with_validation(samples, source.name, config.val_fraction, context.seed)
    splits = {sample.split for sample in samples if not sample.problem}
    if "val" in splits and "train" not in splits:
        warnings.append("every training scene fell to validation; lower ingest.val_fraction or give the source scenes")
    chosen, left_out = limited(samples, source.limit, source.name, context.seed)
    return Plan(source, chosen, left_out, others, warnings)


def summarise(plans: list[Plan], rows: list[ImageRow]) -> dict[str, Any]:
    """Return what came of every source: rows by split and reason, heads, errata, and warnings."""
    sources: dict[str, Any] = {}
    for plan in plans:
        mine = [row for row in rows if row.source == plan.source.name]
        splits = sorted({row.split for row in mine} | plan.left_out.keys())
        good = {split: [row for row in mine if row.split == split and row.status == OK] for split in splits}
        heads = {split: sum(row.count or 0 for row in good[split]) for split in splits}
        sources[plan.source.name] = {
            "format": plan.source.format,
            "splits": {
                split or "unknown": {
                    "rows": tally(row for row in mine if row.split == split),
                    "left out by limit": plan.left_out[split],
                    "heads": heads[split],
                    "with an erratum": sum(bool(row.erratum) for row in good[split]),
                }
                for split in splits
            },
            "other files left alone": plan.other_files,
            "warnings": plan.warnings + _head_warnings(plan, heads),
        }
    return {"sources": sources, "total": tally(rows)}


def _head_warnings(plan: Plan, heads: dict[str, int]) -> list[str]:
    """Compare the heads of a complete part of ShanghaiTech; of an incomplete one the images were named before."""
    source = plan.source
    if not isinstance(source, ShanghaiTech) or not source.official or plan.warnings or source.limit:
        return []
    official = {"train": heads.get("train", 0) + heads.get("val", 0), "test": heads.get("test", 0)}
    return list(shanghaitech.heads_differ(official, source.part))


def _log(summary: dict[str, Any]) -> None:
    for name, source in summary["sources"].items():
        for split, figures in source["splits"].items():
            log.info("%s, %s: %s", name, split, json.dumps(figures))
        for warning in source["warnings"]:
            log.warning("%s: %s", name, warning)
