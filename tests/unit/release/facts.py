"""Facts of a run in miniature, for tests of what is said of a release."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.unit.release.miniature import make_run
from throng.release.annotations import PlainTable
from throng.release.corpus import TABLES, Corpus
from throng.release.facts import Facts
from throng.release.index import Totals
from throng.release.ledger import balance
from throng.release.shards import Written
from throng.sections.release import Release


def facts_of(root: Path, card: Mapping[str, Any] | None = None, **settings: Any) -> Facts:
    """Return the facts of a run of one open and one closed source, with files that were never written."""
    run = make_run({"open": True, "closed": False}).write(root)
    context = run.context("release", Release())
    corpus = Corpus.read(run.inputs.many, context.parents)
    config = Release(**({"name": "tiny", "card": dict(card or {})} | settings))
    return Facts(
        config=config,
        version="1.2.0",
        corpus=corpus,
        totals=[
            Totals("ranked_pairs", {"train": 10, "val": 5}, {"train": 10}),
            Totals("fixed_count", {"train": 2}, {}),
            Totals("requested_density", {}, {}),
        ],
        ledger=balance(corpus),
        tables=[PlainTable("images", TABLES["images"][0].schema, 7, 3)],
        files=[
            _file("data/ranked_pairs/train-00000-of-00002.parquet", "ranked_pairs", "train", 6),
            _file("data/ranked_pairs/train-00001-of-00002.parquet", "ranked_pairs", "train", 4),
            _file("data/ranked_pairs/val-00000-of-00001.parquet", "ranked_pairs", "val", 5),
            _file("webdataset/ranked_pairs/train-00000-of-00002.tar", "ranked_pairs", "train", 5, "webdataset"),
            _file("recipes/ranked_pairs/train-00000-of-00001.parquet", "ranked_pairs_recipes", "train", 10),
            _file("data/fixed_count/train-00000-of-00001.parquet", "fixed_count", "train", 2),
            _file("tables/images.parquet", "images", "rows", 7),
        ],
        shared=[],
        left_out={},
        leakage=None,
        audit=None,
        calibration=None,
        agreement=None,
        cost={},
        finishing={"metadata_stripped": True, "faces_blurred": False, "opt_out_list": False, "xmp_marked": True},
        footers=corpus.footers,
    )


def _file(path: str, config: str, split: str, rows: int, kind: str = "parquet") -> Written:
    return Written(path, config, split, kind, rows, 100 * rows, f"{rows:064x}")


def with_footer(facts: Facts, table: str, **said: Any) -> Facts:
    """Return facts in which the maker of a table says something else of itself."""
    footers = {name: [dict(footer) for footer in parts] for name, parts in facts.footers.items()}
    footers[table] = [footer | said for footer in footers[table]]
    return dataclasses.replace(facts, footers=footers)
