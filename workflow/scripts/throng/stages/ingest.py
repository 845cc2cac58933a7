"""Stage ``ingest``: the sources into table ``images``: ids by content, splits by scene, rejected files kept."""

import dataclasses
import functools
import hashlib
import json
import logging
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from throng.errors import ThrongError
from throng.files import write_text
from throng.images import ImageStore
from throng.manifest import OK, REJECTED, check_conserved, tally, write_table
from throng.sections.ingest import CrowdHuman, Ingest, PennFudan, ShanghaiTech, Source
from throng.sources import crowdhuman, folder, pennfudan, shanghaitech
from throng.sources.headers import read_header
from throng.sources.known import errata
from throng.sources.listing import File, Read, list_files
from throng.sources.samples import KEPT_FIRST, Sample
from throng.sources.splits import limited, with_validation
from throng.stage import Context, Files
from throng.tables.images import TABLE, ImageRow
from throng.workdir import Ticker

log = logging.getLogger(__name__)
BYTES_PER_PIXEL = 8  # four channels of 16 bits, the most that an accepted format stores
HEADER_BYTES = 1 << 20
ID_DIGITS = 16


def run(inputs: Files, outputs: Files, config: Ingest, context: Context) -> None:
    """Write table ``images`` and a summary of every source by split."""
    store = ImageStore(context.roots)
    plans = [_plan(source, config, context, store) for source in config.sources]
    chosen = [(plan.source, sample) for plan in plans for sample in plan.chosen]
    ticker = Ticker("ingest", done=0, total=len(chosen))

    def one(item: tuple[Source, Sample]) -> ImageRow:
        source, sample = item
        row = ingest_one(source, sample, functools.partial(_read, store, source.name), config.max_pixels)
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
    files = list_files(context.roots[source.name], config.max_pixels * BYTES_PER_PIXEL + HEADER_BYTES)
    try:
        samples, warnings = _samples(source, files, functools.partial(_read, store, source.name))
    except ThrongError as error:
        raise ThrongError(f"source {source.name!r}: {error}") from error
    listed = {sample.path for sample in samples}
    others = sum(file.path not in listed and not file.is_annotation for file in files)
    samples = with_validation(samples, source.name, config.val_fraction, context.seed)
    splits = {sample.split for sample in samples if not sample.problem}
    if "val" in splits and "train" not in splits:
        warnings.append("every training scene fell to validation; lower ingest.val_fraction or give the source scenes")
    chosen, left_out = limited(samples, source.limit, source.name, context.seed)
    return Plan(source, chosen, left_out, others, warnings)


def _samples(source: Source, files: list[File], read: Read) -> tuple[list[Sample], list[str]]:
    """Return what the source's reader lists, and how that differs from the published set."""
    if isinstance(source, CrowdHuman):
        samples = crowdhuman.samples(files, read)
        return samples, list(crowdhuman.missing(samples)) if source.official else []
    if isinstance(source, ShanghaiTech):
        samples = shanghaitech.samples(files, read, source.part)
        return samples, list(shanghaitech.missing(samples, source.part)) if source.official else []
    if isinstance(source, PennFudan):
        return pennfudan.samples(files, read, source.split), []
    samples = folder.samples(files, source.split, source.scenes)
    return samples, [] if samples else ["no image was found"]


def ingest_one(source: Source, sample: Sample, read: Read, max_pixels: int) -> ImageRow:
    """Return the row of one sample: bytes hashed, header checked, labels read; a failure is a rejected row."""
    facts: dict[str, Any] = {
        "id": "",
        "source": source.name,
        "path": sample.path,
        "sha256": "",
        "bytes": sample.size,
        "format": "",
        "width": 0,
        "height": 0,
        "channels": 0,
        "split": sample.split,
        "scene": f"{source.name}/{sample.scene}",
        "licence": source.licence,
        "redistributable": source.redistributable,
        "count": None,
        "points": None,
        "people": None,
        "erratum": "",
        "status": REJECTED,
        "reason": sample.problem,
        "focal_px": None,
    }
    if not sample.problem:
        try:
            _inspect(facts, sample, read, max_pixels)
        except ThrongError as error:
            facts["reason"] = str(error)
    return ImageRow(**facts)


def _inspect(facts: dict[str, Any], sample: Sample, read: Read, max_pixels: int) -> None:
    """Add what the file and its annotation say, as far as they go; raises ThrongError with the reason to reject it."""
    data = read(sample.path)
    sha256 = hashlib.sha256(data).hexdigest()
    facts.update(id=sha256[:ID_DIGITS], sha256=sha256, bytes=len(data))
    header = read_header(data, max_pixels)
    facts.update(format=header.format, width=header.width, height=header.height, channels=header.channels)
    facts.update(focal_px=header.focal_px)
    if header.reason:
        raise ThrongError(header.reason)
    notes = errata().get(facts["id"], ())
    if sample.labels:
        labels = sample.labels(header)
        facts.update(count=len(labels.points), points=labels.rows(), people=labels.people)
        notes = labels.notes + notes
    facts.update(status=OK, erratum="; ".join(dict.fromkeys(notes)))


def without_duplicates(rows: list[ImageRow]) -> list[ImageRow]:
    """Reject every further good row of the same bytes; a test image stays before validation before training."""
    first: dict[str, ImageRow] = {}
    for row in sorted(rows, key=lambda row: KEPT_FIRST.get(row.split, len(KEPT_FIRST))):
        if row.status == OK:
            first.setdefault(row.id, row)

    def checked(row: ImageRow) -> ImageRow:
        if row.status != OK or first[row.id] is row:
            return row
        reason = f"duplicate: same bytes as {first[row.id].source}/{first[row.id].path}"
        return dataclasses.replace(row, status=REJECTED, reason=reason)

    return [checked(row) for row in rows]


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


def _read(store: ImageStore, source: str, path: str) -> bytes:
    """Return a file's bytes; raises ThrongError whose message is a reason that names no folder of this machine."""
    try:
        return store.read_bytes(source, path)
    except ThrongError as error:
        cause = error.__cause__
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else "the archive is damaged"
        raise ThrongError(f"unreadable: {why}") from error
    except (RuntimeError, zlib.error, EOFError) as error:  # a damaged member, or one packed by an unknown method
        raise ThrongError(f"unreadable: the archive's member cannot be unpacked ({error})") from error
