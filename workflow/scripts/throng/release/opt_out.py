"""The list of images that are left out of a release, and of whatever was made from them, because somebody asked."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from throng.errors import ThrongError

log = logging.getLogger(__name__)

REASON = "opted out"
HASH = re.compile(r"[0-9a-f]{16}|[0-9a-f]{64}", re.IGNORECASE)
PLACE = re.compile(r"[^/]+/.*[^/]")
COMMENT = re.compile(r"(^|\s)#.*")


def opted_out(path: Path, images: pa.Table, made: Sequence[pa.Table] = ()) -> dict[str, str]:
    """Return the reason by id of every image that an opt-out list names.

    A line holds an image's id, its sha256, or ``source/path`` as in table images; ``#`` begins a comment. ``images``
    has columns id, source, path and sha256, each table of ``made`` (edited and synthesised images) id and sha256.
    Entries that name no image are reported and change nothing. Raises ThrongError for a line of another form.
    """
    entries = _entries(path)
    hashes = sorted({entry.lower() for entry in entries if HASH.fullmatch(entry)})
    places = {entry for entry in entries if not HASH.fullmatch(entry)}
    ids: set[str] = set()
    met: set[str] = set()
    for table in (images, *made):
        for name in ("id", "sha256"):
            named = table.filter(pc.field(name).isin(pa.array(hashes, pa.string())))
            ids.update(named["id"].to_pylist())
            met.update(named[name].to_pylist())
    paths = pa.array(sorted(place.partition("/")[2] for place in places), pa.string())
    for row in images.filter(pc.field("path").isin(paths)).to_pylist():
        if (place := f"{row['source']}/{row['path']}") in places:
            ids.add(row["id"])
            met.add(place)
    unknown = sorted({*hashes, *places} - met)
    if unknown:
        log.warning("%s names %d images that this run does not have: %s", path, len(unknown), ", ".join(unknown[:5]))
    return dict.fromkeys(sorted(ids - {""}), REASON)


def _entries(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ThrongError(f"cannot read the opt-out list {path}: {error}; expected a text file in UTF-8") from error
    found = []
    for number, line in enumerate(lines, 1):
        entry = COMMENT.sub("", line).strip()
        if entry and not (HASH.fullmatch(entry) or PLACE.fullmatch(entry)):
            raise ThrongError(
                f"{path}, line {number}: {entry!r} names no image; expected an id of 16 hex digits, "
                f"a sha256 of 64, or source/path as in table images"
            )
        found.append(entry)
    return [entry for entry in found if entry]
