"""What a worker found in one piece of a release, for the checks across pieces."""

import dataclasses
from collections.abc import Iterable

import pyarrow as pa

from throng.release.records import FIELDS

# FIELDS says more in its metadata, which tables from different places need not share
RECORD = pa.schema([(field.name, field.type) for field in FIELDS])


@dataclasses.dataclass
class Found:
    """Rows of one configuration and split: their records, images, scenes, and the ids that they point to.

    ``images`` has the width and height of every distinct image by its sha256; ``points`` has for each kind of thing
    pointed to the ids, each with the first row that does.
    """

    config: str
    split: str
    rows: int = 0
    ids: list[str] = dataclasses.field(default_factory=list[str])
    digests: list[str] = dataclasses.field(default_factory=list[str])
    images: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict[str, "tuple[int, int]"])
    scenes: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict[tuple[str, str], str])
    points: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict[str, dict[str, str]])
    members: frozenset[str] = frozenset()
    known: list[str] = dataclasses.field(default_factory=list[str])

    def add(self, row_id: str, row_digest: str) -> None:
        """Note one more row."""
        self.rows += 1
        self.ids.append(row_id)
        self.digests.append(row_digest)

    def point(self, kind: str, ids: Iterable[str], where: str) -> None:
        """Note that a row points to things of a kind."""
        here = self.points.setdefault(kind, {})
        for name in ids:
            here.setdefault(name, where)

    def records(self) -> pa.Table:
        """Return the rows as columns product, split, id and digest."""
        columns = [[self.config] * self.rows, [self.split] * self.rows, self.ids, self.digests]
        return pa.table([pa.array(column, pa.string()) for column in columns], schema=RECORD)
