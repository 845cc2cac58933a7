"""All that the card and the Croissant file of a release may say: nothing that is not among the facts is said."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from throng.release.annotations import PlainTable
from throng.release.corpus import Corpus
from throng.release.index import Totals
from throng.release.ledger import Line
from throng.release.shards import Written
from throng.sections.release import Release

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a release holds, how it came to be, and what was measured of it.

    ``left_out`` counts samples by product and reason; ``leakage``, ``audit``, ``calibration`` and ``agreement`` are
    the JSON of their stages, None where a run has none; ``cost`` is what stages took, by stage; ``finishing`` is what
    the finisher says of itself; ``footers`` say what made each table.
    """

    config: Release
    version: str
    corpus: Corpus
    totals: Sequence[Totals]
    ledger: Sequence[Line]
    tables: Sequence[PlainTable]
    files: Sequence[Written]
    shared: Sequence[str]
    left_out: Mapping[str, Mapping[str, int]]
    leakage: Json | None
    audit: Json | None
    calibration: Json | None
    agreement: Json | None
    cost: Mapping[str, Json]
    finishing: Json
    footers: Mapping[str, list[dict[str, Any]]]
