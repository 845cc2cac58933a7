"""The annotation files of SYRAC and AFreeCA: read, written, checked. Nothing here touches an image.

An image is named by a text that is put behind ``data_dir`` without a separator: it starts with ``/`` and holds the
data set's folder. SYRAC has three files: ranked pairs ``{"train": [...], "val": [...]}`` of ``{source_image,
target_image, info: {type}}``, the source with more people; counts of synthetic images as a bare list of ``{image,
count}``; counts of real ones under ``test``. AFreeCA's ``sort.annotations.json`` has triples ``[add, src, remove]``,
the most people first, under ``train`` and ``val``. D'Alessandro et al., arXiv:2310.01662 and arXiv:2403.04943.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from throng.errors import ThrongError

SPLITS = ("train", "val")
TEST = "test"
MOST = 1_000_000  # people in an image


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class LegacyPair:
    """An image, one with fewer people, and the recipe that the trainer's filter list names."""

    source_image: str
    target_image: str
    type: str


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class LegacyTriple:
    """Three images from the most people to the fewest."""

    add: str
    src: str
    remove: str


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class LegacyCount:
    """An image and its number of people."""

    image: str
    count: float


Pairs = dict[str, list[LegacyPair]]
Triples = dict[str, list[LegacyTriple]]
Counts = dict[str, list[LegacyCount]]


def read_ranking(path: Path) -> Pairs | Triples:
    """Read SYRAC's ranked pairs or AFreeCA's triples by split, told apart by their entries.

    Raises ThrongError naming the file and the entry that is neither.
    """
    content = _json(path)
    if not isinstance(content, dict) or set(content) != set(SPLITS):
        raise ThrongError(f"{path}: expected an object with the keys train and val, each a list of pairs or triples")
    entries = [entry for split in SPLITS if isinstance(content[split], list) for entry in content[split]]
    if entries and isinstance(entries[0], list):
        return {split: _entries(path, split, content[split], _triple) for split in SPLITS}
    return {split: _entries(path, split, content[split], _pair) for split in SPLITS}


def ranking_text(ranked: Mapping[str, Sequence[LegacyPair]] | Mapping[str, Sequence[LegacyTriple]]) -> str:
    """Return the file that :func:`read_ranking` reads; raises ThrongError for a path that its readers cannot join."""
    return _text({split: [_spelled(entry) for entry in ranked.get(split, ())] for split in SPLITS})


def has_counts(path: Path) -> bool:
    """Tell whether a file has counts, not ranked images, by its outermost value; raises ThrongError unless JSON."""
    content = _json(path)
    return isinstance(content, list) or (isinstance(content, dict) and TEST in content)


def read_counts(path: Path) -> Counts:
    """Read counts: a bare list as ``train``, an object's list ``test`` as ``test``; raises ThrongError otherwise."""
    content = _json(path)
    if isinstance(content, list):
        return {"train": _entries(path, "the list", content, _count)}
    if isinstance(content, dict) and TEST in content:
        return {TEST: _entries(path, TEST, content[TEST], _count)}
    raise ThrongError(f"{path}: expected a list of {{image, count}}, or an object with such a list under test")


def counts_text(counts: Iterable[LegacyCount], *, real: bool) -> str:
    """Return the file that :func:`read_counts` reads: a bare list of synthetic images, or real ones under ``test``."""
    listed = [{"image": _joinable(entry.image), "count": _number(entry.count)} for entry in counts]
    return _text({TEST: listed} if real else listed)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ThrongError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ThrongError(f"{path}: not readable as JSON ({error})") from error


def _text(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _entries(path: Path, where: str, listed: Any, read: Callable[[Any], Any]) -> list[Any]:
    if not isinstance(listed, list):
        raise ThrongError(f"{path}, {where}: expected a list, found {type(listed).__name__}")
    found: list[Any] = []
    for number, entry in enumerate(listed):
        try:
            found.append(read(entry))
        except ThrongError as error:
            raise ThrongError(f"{path}, {where}, entry {number}: {error}") from error
    return found


def _pair(entry: Any) -> LegacyPair:
    info = entry.get("info") if isinstance(entry, dict) else None
    if not isinstance(info, dict) or not isinstance(info.get("type"), str):
        raise ThrongError("expected source_image, target_image and info with a type")
    source, target = _joinable(entry.get("source_image")), _joinable(entry.get("target_image"))
    if source == target:
        raise ThrongError(f"{source} is ranked against itself")
    return LegacyPair(source, target, info["type"])


def _triple(entry: Any) -> LegacyTriple:
    if not isinstance(entry, list) or len(entry) != 3:
        raise ThrongError("expected three images: with more people, the reference, with fewer")
    triple = LegacyTriple(*map(_joinable, entry))
    if len({triple.add, triple.src, triple.remove}) < 3:
        raise ThrongError(f"{triple.src} is in a triple with itself or its two others are one")
    return triple


def _count(entry: Any) -> LegacyCount:
    if not isinstance(entry, dict) or not {"image", "count"} <= entry.keys():
        raise ThrongError("expected image and count")
    return LegacyCount(_joinable(entry["image"]), _number(entry["count"]))


def _number(count: Any) -> float:
    known = isinstance(count, int | float) and not isinstance(count, bool)
    if not known or not 0 <= count <= MOST:
        raise ThrongError(f"count is {count!r}, expected a number of people from 0 to {MOST}")
    return count


def _joinable(path: Any) -> str:
    good = isinstance(path, str) and path.startswith("/") and path == f"/{PurePosixPath(path[1:])}"
    if not good or not path[1:] or path.startswith("//") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise ThrongError(
            f"the image {path!r} cannot be put behind data_dir: expected a path that starts with / and names the data "
            f"set's folder, such as /DATASET/images/0001.jpg"
        )
    return path


def _spelled(entry: LegacyPair | LegacyTriple) -> Any:
    if isinstance(entry, LegacyTriple):
        return [_joinable(entry.add), _joinable(entry.src), _joinable(entry.remove)]
    return {
        "source_image": _joinable(entry.source_image),
        "target_image": _joinable(entry.target_image),
        "info": {"type": entry.type},
    }
