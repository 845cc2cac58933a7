"""No scene on two sides of a split: near-copies of one place must not be learnt from and measured on."""

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.arrow import among, elements, equal
from throng.release.corpus import Corpus

TEST = "test"
NAMES = {"images": "image", "ranked_pairs": "ranked pair", "synthetic": "synthetic image"}
BATCH = 65_536


def check_scenes(rows: Iterable[tuple[str, str, str]], shared: Collection[str] = ()) -> None:
    """Raise ThrongError when one scene is in two splits; rows are (scene, split, what to call the row).

    The scenes ``shared`` may be in test and in one other split, because their source was published so.
    """
    first: dict[tuple[str, bool], tuple[str, str]] = {}
    for scene, split, name in rows:
        if not scene:
            continue
        apart = scene in shared and split == TEST
        seen_split, seen_name = first.setdefault((scene, apart), (split, name))
        if seen_split != split:
            raise ThrongError(
                f"scene {scene!r} is in two splits: {seen_name} in {seen_split!r}, {name} in {split!r}; correct "
                f"these rows, or name their source in release.shared_scenes if it was published so"
            )


def shared_scenes(corpus: Corpus, sources: Collection[str]) -> list[str]:
    """Return the scenes that the named sources were published with in test and in another split, sorted."""
    splits: dict[str, set[str]] = {}
    if sources:
        for source, scene, split, status in corpus.counts("images", ["source", "scene", "split", "status"]):
            if status == OK and source in sources and scene:
                splits.setdefault(scene, set()).add(split)
    return sorted(scene for scene, found in splits.items() if TEST in found and len(found) > 1)


def check_corpus(corpus: Corpus, shared: Collection[str]) -> None:
    """Check the scenes of every photograph, pair and synthesised image together; see :func:`check_scenes`."""
    tables = [_scenes(corpus, name, what) for name, what in NAMES.items()]
    everything = pa.concat_tables(tables)
    apart = among(everything["scene"], sorted(shared)) & equal(everything["split"], TEST)
    splits = everything.append_column("apart", pa.array(apart)).group_by(["scene", "apart"], use_threads=False)
    several = splits.aggregate([("split", "count_distinct")]).filter(pc.field("split_count_distinct") > 1)
    if several.num_rows:
        rows = everything.filter(pa.array(among(everything["scene"], several["scene"].combine_chunks())))
        check_scenes([(row["scene"], row["split"], f"{row['what']} {row['id']}") for row in rows.to_pylist()], shared)


def _scenes(corpus: Corpus, name: str, what: str) -> pa.Table:
    status = [] if name == "ranked_pairs" else ["status"]
    table = corpus.columns(name, ["id", "scene", "split", *status])
    if status:
        table = table.filter(pc.field("status") == OK).drop_columns(status)
    table = table.filter(pc.field("scene") != "")
    said = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(table), np.int8)), pa.array([what]))
    return table.append_column("what", said).unify_dictionaries()


def check_drawn(corpus: Corpus) -> None:
    """Raise ThrongError when what a generator drew for training was learnt from a held-out image."""
    for batch in corpus.tables("gan_samples", ["id", "gan", "learnt_from", "status"], BATCH):
        table = batch.filter(pc.field("status") == OK)
        rows, learnt_from = elements(table["learnt_from"].combine_chunks())
        held = ~equal(learnt_from, "train")
        if held.any():
            first = int(np.flatnonzero(held)[0])
            row = int(rows[first])
            raise ThrongError(
                f"drawn image {table['id'][row]} is for training, but generator '{table['gan'][row]}' learnt from "
                f"split '{learnt_from[first]}'; train it on training photographs alone"
            )
