"""From a legacy annotation file and its images to tables: ids by content, scenes by what is ranked together."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK
from throng.provenance import digest
from throng.ranking.checks import check_apart, check_order
from throng.ranking.kinds import ENLARGED_REAL, ENLARGED_REDUCED, REAL_REDUCED, RELATIONS
from throng.ranking.legacy import LegacyCount, LegacyPair, LegacyTriple, read_counts, read_ranking
from throng.sections.ingest import Folder
from throng.sources.ingestion import ingest_one, without_duplicates
from throng.sources.samples import Sample
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import EQUAL, RankedPairRow

MAX_PIXELS = 100_000_000
UNREADABLE, SAME_BYTES, TWICE = "an image is unreadable", "both images have the same bytes", "said before"


@dataclasses.dataclass(frozen=True)
class Imported:
    """Rows of tables images and ranked_pairs, and how many pairs were left out, by reason."""

    images: list[ImageRow]
    pairs: list[RankedPairRow]
    left_out: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class _Edge:
    split: str
    kind: str
    more: str
    fewer: str


def import_ranking(file: Path, data_dir: Path, source: Folder) -> Imported:
    """Read SYRAC's ranked pairs or AFreeCA's triples, three pairs each; the difference in people stays unknown.

    A recorded type that is one of throng's kinds stays; any other is ``real-reduced``, SYRAC's way of making pairs. A
    pair's photograph is the image most often named as the one with more people (in triples: as the reference) among
    all images that are ranked against each other; these are one scene. Raises ThrongError when the file is malformed,
    its pairs contradict each other, or images of one scene are for training and validation.
    """
    ranked = read_ranking(file)
    edges = [edge for split, entries in ranked.items() for entry in entries for edge in _edges(split, entry)]
    splits = {path: edge.split for edge in reversed(edges) for path in (edge.more, edge.fewer)}
    rows = {row.path: row for row in _images(splits, data_dir, source)}
    first = {row.id: row for row in rows.values() if row.status == OK}
    shown = {path: first.get(row.id) for path, row in rows.items()}
    left_out: Counter[str] = Counter()
    kept: dict[tuple[str, str], _Edge] = {}
    for edge in edges:
        more, fewer = shown[edge.more], shown[edge.fewer]
        if more is None or fewer is None:
            left_out[UNREADABLE] += 1
        elif more.id == fewer.id:
            left_out[SAME_BYTES] += 1
        elif kept.setdefault((more.id, fewer.id), edge) is not edge:
            left_out[TWICE] += 1
    parents = _parents(list(kept), Counter(_middle(shown, entry) for entries in ranked.values() for entry in entries))
    pairs = [
        _pair(edge, first[more], first[fewer], parent_id=parents[more], scene=f"{source.name}/{parents[more]}")
        for (more, fewer), edge in kept.items()
    ]
    scenes = {name: f"{source.name}/{parent}" for name, parent in parents.items()}
    images = [dataclasses.replace(row, scene=scenes.get(row.id, row.scene)) for row in rows.values()]
    check_order(pairs)
    check_apart(pairs)
    return Imported(images, pairs, dict(sorted(left_out.items())))


def import_counts(file: Path, data_dir: Path, source: Folder) -> list[ImageRow]:
    """Read SYRAC's counts as rows of table images, the bare list for training; head points stay unknown.

    Raises ThrongError when the file is malformed, a count is no whole number, or one image has two counts.
    """
    counts: dict[str, int] = {}
    splits: dict[str, str] = {}
    for split, entries in read_counts(file).items():
        for entry in entries:
            path, count = entry.image.removeprefix("/"), _whole(file, entry)
            if counts.setdefault(path, count) != count:
                raise ThrongError(f"{file}: {entry.image} has the counts {counts[path]} and {count}; correct one")
            splits[path] = split
    rows = _images(splits, data_dir, source)
    return [dataclasses.replace(row, count=counts[row.path]) if row.status == OK else row for row in rows]


def _whole(file: Path, entry: LegacyCount) -> int:
    if entry.count != int(entry.count):
        raise ThrongError(f"{file}: {entry.image} has {entry.count} people, expected a whole number")
    return int(entry.count)


def _edges(split: str, entry: LegacyPair | LegacyTriple) -> Iterator[_Edge]:
    if isinstance(entry, LegacyPair):
        known = RELATIONS.get(entry.type, EQUAL) != EQUAL
        kind = entry.type if known else REAL_REDUCED
        yield _Edge(split, kind, entry.source_image.removeprefix("/"), entry.target_image.removeprefix("/"))
    else:
        add, src, remove = (path.removeprefix("/") for path in (entry.add, entry.src, entry.remove))
        yield _Edge(split, ENLARGED_REAL, add, src)
        yield _Edge(split, REAL_REDUCED, src, remove)
        yield _Edge(split, ENLARGED_REDUCED, add, remove)


def _middle(shown: Mapping[str, ImageRow | None], entry: LegacyPair | LegacyTriple) -> str:
    path = entry.source_image if isinstance(entry, LegacyPair) else entry.src
    row = shown[path.removeprefix("/")]
    return row.id if row else ""


def _images(splits: Mapping[str, str], data_dir: Path, source: Folder) -> list[ImageRow]:
    """Return a row for every path: read as stage ingest reads a file, rejected where that fails."""
    store = ImageStore({source.name: data_dir})

    def read(path: str) -> bytes:
        try:
            return store.read_bytes(source.name, path)
        except ThrongError as error:
            raise ThrongError("unreadable: no such file below data_dir") from error

    samples = [Sample(path, path, split, path) for path, split in sorted(splits.items())]
    return without_duplicates([ingest_one(source, sample, read, MAX_PIXELS) for sample in samples])


def _parents(ranked: Sequence[tuple[str, str]], named: Mapping[str, int]) -> dict[str, str]:
    """Return the photograph of every image: the one most often named among all that are ranked together."""
    group: dict[str, set[str]] = {}
    for more, fewer in ranked:
        if fewer not in group.get(more, ()):
            together = group.get(more, {more}) | group.get(fewer, {fewer})
            group |= dict.fromkeys(together, together)
    return {name: min(together, key=lambda member: (-named.get(member, 0), member)) for name, together in group.items()}


def _pair(edge: _Edge, more: ImageRow, fewer: ImageRow, *, parent_id: str, scene: str) -> RankedPairRow:
    return RankedPairRow(
        id=digest(more.id, fewer.id)[:16],
        parent_id=parent_id,
        kind=edge.kind,
        relation=RELATIONS[edge.kind],
        more_id=more.id,
        more_source=more.source,
        more_path=more.path,
        more_crop=None,
        fewer_id=fewer.id,
        fewer_source=fewer.source,
        fewer_path=fewer.path,
        fewer_crop=None,
        delta=None,
        removed=[],
        weight=1.0,
        split=edge.split,
        scene=scene,
    )
