"""Images that generators drew for a requested density."""

import numpy as np

from throng.manifest import OK
from throng.release.arrow import equal, mask
from throng.release.corpus import Corpus
from throng.release.exclusions import Exclusions
from throng.release.joins.plan import Candidates, Need, Rows, split_codes
from throng.release.products import REQUESTED_DENSITY, Picture, Sample


def candidates(corpus: Corpus, exclusions: Exclusions) -> Candidates:
    """Return all images that were kept of what generators drew."""
    table = corpus.columns("gan_samples", ["id", "status", "split", "redistributable"])
    rows = np.flatnonzero(equal(table["status"], OK))
    table = table.take(rows)
    return Candidates(
        ids=table["id"],
        order=table["id"],
        splits=split_codes(table, "drawn image"),
        shown=mask(table["redistributable"]),
        kinds=exclusions.codes(table["id"]),
        needs={"drawn": Need("gan_samples", (*REQUESTED_DENSITY.fields.names, "path"), rows)},
        make=_sample,
    )


def _sample(rows: Rows, shown: bool) -> Sample:
    row = rows["drawn"]
    assert row
    fields = {name: row[name] for name in REQUESTED_DENSITY.fields.names}
    picture = Picture("results", row["path"], row["sha256"], "drawn", row["backend"])
    return Sample(row["id"], row["split"], fields, {"image": picture}, shown, ())
