"""Stage rank_pairs as a job runs it: from tables to a table."""

import dataclasses
from pathlib import Path

import pytest

from tests.contract.test_detectors import image_row
from tests.rows import removal_row
from throng.errors import ThrongError
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.rank_pairs import RankPairs
from throng.stage import Context, Files
from throng.stages import rank_pairs
from throng.tables import images, ranked_pairs, removals
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow


def photograph(key: str, **said) -> ImageRow:
    return dataclasses.replace(image_row(60, 80, key), **({"scene": key} | said))


def run(folder: Path, photographs: list[ImageRow], edits: list[RemovalRow], seed: int = 0, **settings):
    write_table(folder / "images.parquet", images.TABLE, photographs, Provenance("ingest", {}, "", 0))
    write_table(folder / "removals.parquet", removals.TABLE, edits, Provenance("remove", {}, "", 0))
    inputs = Files({name: [str(folder / f"{name}.parquet")] for name in ("images", "removals")})
    context = Context("rank_pairs", seed, 1, {}, {}, {}, "code", {})
    table = folder / "pairs.parquet"
    rank_pairs.run(inputs, Files({"table": [str(table)]}), RankPairs(**settings), context)
    return read_rows(table, ranked_pairs.TABLE, RankedPairRow)


def rows_of(key: str) -> list[RemovalRow]:
    """A chain whose second level was rejected, and a sham."""
    return [
        removal_row(id=f"{key}1", parent_id=key, level=1, removed=[3]),
        removal_row(id=f"{key}2", parent_id=key, level=2, status="rejected", reason="residual: 1", path=""),
        removal_row(id=f"{key}3", parent_id=key, level=3, removed=[1, 3, 4]),
        removal_row(id=f"{key}s", parent_id=key, recipe="sham", level=1, removed=[], areas=1),
    ]


def nothing(key: str) -> RemovalRow:
    return removal_row(id=f"{key}0", parent_id=key, level=0, removed=[], status="rejected", reason="nobody: x", path="")


def test_tables_to_table(tmp_path: Path):
    rows = [photograph("0a", split="train"), photograph("0b", split="val"), photograph("0c", split="test")]
    made = run(tmp_path, rows, [*rows_of("0a"), *rows_of("0b"), nothing("0c")])
    found = {(p.split, p.kind, p.relation, p.delta) for p in made}
    assert found == {
        (split, *rest)
        for split in ("train", "val")
        for rest in (
            ("real-edited", "more", 1),
            ("real-edited", "more", 3),
            ("edited-edited", "more", 2),
            ("sham-edited", "more", 1),
            ("sham-equal", "equal", 0),
        )
    }
    assert len(made) == 10


def test_windows_survive_the_table_and_come_from_photographs_without_edits_too(tmp_path: Path):
    made = run(tmp_path, [photograph("0a"), photograph("0c")], [*rows_of("0a"), nothing("0c")], kinds=["nested-crop"])
    # 60 pixels or a little less, times 0.75 twice, is above the least side of 32 once or twice
    assert {p.parent_id for p in made} == {"0a", "0c"}
    for pair in made:
        outer, inner = pair.more_crop, pair.fewer_crop
        assert outer["x"] <= inner["x"] and outer["x"] + outer["w"] >= inner["x"] + inner["w"]
        assert inner["w"] >= 32 and pair.delta is None


def test_equal_bytes_each_time_and_another_order_of_equals_with_another_seed(tmp_path: Path):
    rows = [photograph(f"{k:02x}") for k in range(8)]
    edits = [row for photo in rows for row in rows_of(photo.id)]
    first = run(tmp_path, rows, edits)
    data = (tmp_path / "pairs.parquet").read_bytes()
    assert run(tmp_path, rows, edits) == first
    assert (tmp_path / "pairs.parquet").read_bytes() == data
    assert run(tmp_path, rows, edits, seed=1) != first


def test_a_scene_on_both_sides_of_the_split_is_named(tmp_path: Path):
    rows = [photograph("0a", split="train", scene="square"), photograph("0b", split="val", scene="square")]
    with pytest.raises(ThrongError, match="scene 'square' has ranked pairs on both sides of the split"):
        run(tmp_path, rows, [*rows_of("0a"), *rows_of("0b")])
    shared = [rows[0], dataclasses.replace(rows[1], split="test")]
    assert len(run(tmp_path, shared, [*rows_of("0a"), *rows_of("0b")])) == 10


def test_a_photograph_without_a_removal_row_is_noticed(tmp_path: Path):
    with pytest.raises(ThrongError, match="stage 'rank_pairs' loses rows: 2 in, 1 out"):
        run(tmp_path, [photograph("0a"), photograph("0b")], rows_of("0a"))
