"""Which images are looked at: synthesised ones, and labelled photographs that show how detector and counter err."""

import dataclasses
import heapq
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow.compute as pc

from throng.chunk_rows import read_named
from throng.chunks import in_chunk
from throng.manifest import OK, read_table
from throng.roots import RESULTS
from throng.seeds import sample_seed
from throng.tables import images
from throng.tables.images import Box, ImageRow, Person
from throng.tables.synthetic import SyntheticRow
from throng.tables.synthetic_counts import PHOTOGRAPH, SYNTHETIC

TRAIN = "train"


@dataclasses.dataclass(frozen=True)
class Subject:
    """An image to look at: where its pixels are, and how many people it shows where that is known."""

    origin: str
    row: ImageRow
    known: int | None


def synthetic_subject(row: SyntheticRow) -> Subject:
    """Return a synthesised image as a detector takes a photograph, with the boxes and points that its maker knows."""
    photograph = ImageRow(
        id=row.id,
        source=RESULTS,
        path=row.path,
        sha256=row.sha256,
        bytes=0,
        format="",
        width=row.width,
        height=row.height,
        channels=3,
        split=row.split,
        scene=row.scene,
        licence=row.licence,
        redistributable=row.redistributable,
        count=row.count,
        points=row.points,
        people=None if row.boxes is None else [_person(box) for box in row.boxes],
        erratum="",
        status=row.status,
        reason=row.reason,
    )
    return Subject(SYNTHETIC, photograph, row.count)


def reference_photographs(path: Path, number: int, part: str, seed: int) -> list[Subject]:
    """Return the members of a chunk among the ``number`` labelled training photographs of the smallest hashes.

    ``path`` is table images, of which only these become objects. A photograph whose content is held out under another
    name is never taken.
    """
    known = read_table(path, images.TABLE, ["id", "status", "split", "count"])
    usable = known.filter(pc.field("status") == OK)
    held = usable.filter(pc.field("split") != TRAIN)["id"].unique()
    labelled = usable.filter(pc.field("count").is_valid() & ~pc.field("id").isin(held))
    names: list[str] = labelled["id"].unique().to_pylist()
    chosen = heapq.nsmallest(number, names, key=lambda name: sample_seed(seed, "count_synthetic", name))
    mine = {name for name in chosen if in_chunk(name, part)}
    rows = {row.id: row for row in read_named(path, images.TABLE, ImageRow, mine) if row.status == OK}
    return [Subject(PHOTOGRAPH, row, row.count) for _, row in sorted(rows.items())]


def batches(subjects: Iterable[Subject], size: int) -> dict[str, Sequence[Subject]]:
    """Cut subjects into batches of one image size; they depend on the subjects alone: a resumed job makes the same."""
    ordered = sorted(subjects, key=lambda one: (one.row.height, one.row.width, one.origin, one.row.id))
    made: dict[str, Sequence[Subject]] = {}
    for _, group in itertools.groupby(ordered, key=lambda one: (one.row.height, one.row.width)):
        same = list(group)
        for start in range(0, len(same), size):
            made[f"{len(made):06d}"] = same[start : start + size]
    return made


def _person(box: Box) -> Person:
    return Person(
        tag="person",
        box_id=None,
        head=None,
        visible=box,
        full=None,
        ignore=False,
        head_ignore=False,
        occluded=None,
        unsure=None,
        head_occluded=None,
        head_unsure=None,
    )
