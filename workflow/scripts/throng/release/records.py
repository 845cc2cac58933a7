"""Which samples a release holds, and a digest of what it says of each: what versions are compared by."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from throng.manifest import column
from throng.provenance import canonical_json, digest
from throng.release.products import Product, Sample

RECORDS = "records.parquet"
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
    return digest(canonical_json({name: value for name, value in fields.items() if name != "split"}))[:16]


def records_of(product: Product, samples: Sequence[Sample]) -> Iterator[dict[str, str]]:
    """Yield a product's rows of ``records.parquet``, sorted by product, split and id.

    Recipes are records of their own: a sample whose pixels come or go is another record.
    """
    for sample in sorted(samples, key=lambda sample: (not sample.redistributable, sample.split, sample.id)):
        typed = pa.Table.from_pylist([sample.fields], schema=product.fields).to_pylist()[0]
        name = product.name if sample.redistributable else product.recipes
        yield {"product": name, "split": sample.split, "id": sample.id, "digest": record_digest(typed)}
