"""From a source's folder to rows of table ``images``: what is listed there, and each file read, hashed and labelled."""

import dataclasses
import functools
import hashlib
import zlib
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK, REJECTED
from throng.sections.ingest import CrowdHuman, PennFudan, ShanghaiTech, Source
from throng.sources import crowdhuman, folder, pennfudan, shanghaitech
from throng.sources.headers import read_header
from throng.sources.known import errata
from throng.sources.listing import File, Read, list_files
from throng.sources.samples import KEPT_FIRST, Sample
from throng.tables.images import ImageRow

BYTES_PER_PIXEL = 8  # four channels of 16 bits, the most that an accepted format stores
HEADER_BYTES = 1 << 20
ID_DIGITS = 16


def listed(source: Source, root: Path, read: Read, max_pixels: int) -> tuple[list[File], list[Sample], list[str]]:
    """Return a source's files, the samples that its reader finds among them, and how they differ from those published.

    Raises ThrongError, naming the source, when its root is missing or its annotations cannot be read.
    """
    files = list_files(root, max_pixels * BYTES_PER_PIXEL + HEADER_BYTES)
    try:
        samples, warnings = _samples(source, files, read)
    except ThrongError as error:
        raise ThrongError(f"source {source.name!r}: {error}") from error
    return files, samples, warnings


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


def reader(store: ImageStore, source: str) -> Read:
    """Return what reads a source's files by their path; its ThrongError is a reason that names no folder."""
    return functools.partial(_read, store, source)


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
