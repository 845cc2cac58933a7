"""Which samples a release holds, and a digest of what it says of each: what versions are compared by."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from throng.manifest import column
from throng.provenance import canonical_json, digest
from throng.release.joins.plan import Plan
from throng.release.products import SPLITS

RECORDS = "records.parquet"
LENGTH = 16
ROWS = 16_384
FIELDS = pa.schema(
    [
        column(
            "product", pa.string(), "product of the sample, or the name of its recipes where it is one", nullable=True
        ),
        column("split", pa.string(), "train, val or test", nullable=True),
        column("id", pa.string(), "id of the sample in its product", nullable=True),
        column(
            "digest",
            pa.string(),
            "first 16 hex digits of the sha256 of the canonical JSON of all its columns but split and pixels",
            nullable=True,
        ),
    ]
)


def record_digest(fields: dict[str, Any]) -> str:
    """Return the digest of a sample from its columns as Parquet gives them back, images left out or not yet in."""
    return digest(canonical_json({name: value for name, value in fields.items() if name != "split"}))[:LENGTH]


class Digests:
    """The digests of a plan's samples, noted in its order."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._digests = np.zeros(len(plan.ids), f"S{LENGTH}")
        self._noted = 0

    def note(self, fields: dict[str, Any]) -> None:
        """Take the columns of the next sample."""
        self._digests[self._noted] = record_digest(fields).encode()
        self._noted += 1

    def named(self, *, shown: bool) -> tuple[str, pa.Table]:
        """Return a product's name and its records, or those of its recipes, by split and id.

        Recipes are records of their own: a sample whose pixels come or go is another record.
        """
        product = self.plan.product
        name = product.name if shown else product.recipes
        here = self.plan.shown == shown
        splits = pa.DictionaryArray.from_arrays(pa.array(self.plan.splits[here]), pa.array(SPLITS)).cast(pa.string())
        ids = self.plan.ids.filter(pa.array(here))
        digests = pa.array(self._digests[here], pa.binary(LENGTH)).cast(pa.binary()).cast(pa.string())
        products = pa.array(np.zeros(len(ids), np.int8))
        named = pa.DictionaryArray.from_arrays(products, pa.array([name])).cast(pa.string())
        table = pa.Table.from_arrays([named, splits, ids, digests], schema=FIELDS)
        return name, table.sort_by([("split", "ascending"), ("id", "ascending")])


def records_of(found: Iterable[Digests]) -> Iterator[pa.Table]:
    """Yield the rows of ``records.parquet``, sorted by product, split and id, some thousand at a time."""
    tables = sorted(
        (digests.named(shown=shown) for digests in found for shown in (True, False)), key=lambda named: named[0]
    )
    for _, table in tables:
        for start in range(0, table.num_rows, ROWS):
            yield table.slice(start, ROWS)
