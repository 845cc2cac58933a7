"""Rows taken in any order from batches agree with Arrow's own take, spilled to disk or not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.release import gather as gathering
from throng.release.gather import Buckets, gather

TABLE = pa.table(
    {
        "id": [f"{k:04x}" for k in range(50)],
        "points": [[{"x": float(k), "y": 0.5}] * (k % 4) for k in range(50)],
        "count": pa.array([None if k % 7 == 0 else k for k in range(50)], pa.int32()),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(-1, 49), max_size=120),
    size=st.integers(1, 200),
    chunk=st.integers(1, 60),
)
def test_gathered_rows_are_those_that_take_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], size: int, chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("spill") / "rows"
    wanted = np.array(rows, np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "SIZE", size)
        patch.setattr(gathering, "MOST_BUCKETS", 1000)
        found = list(gather(TABLE.to_batches(max_chunksize=chunk), TABLE.schema, wanted, folder))
    expected = TABLE.take(pa.array(wanted, mask=wanted < 0))
    assert pa.concat_tables([TABLE.schema.empty_table(), *found]).to_pylist() == expected.to_pylist()
    assert [table.num_rows for table in found[:-1]] == [size] * (len(found) - 1)
    assert not folder.exists()


def test_open_files_are_bounded(tmp_path: Path) -> None:
    assert -(-10_000_000 // Buckets(tmp_path / "x", TABLE.schema, 10_000_000).size) <= gathering.MOST_BUCKETS


def test_a_row_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexError, match="row 50 of 50"):
        list(gather(TABLE.to_batches(), TABLE.schema, np.array([50]), tmp_path / "x"))
    with pytest.raises(IndexError, match="are not among 2"):
        Buckets(tmp_path / "y", TABLE.schema, 2).add(TABLE.to_batches()[0].slice(0, 1), np.array([2]))
