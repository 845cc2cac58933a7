"""Arrow's kernels on columns of keys, answering in numpy arrays: masks of bool, places and rows of int64."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Column = Any
"""A pa.Array or pa.ChunkedArray."""
KEYS = pa.string()


def mask(values: Column) -> np.ndarray:
    """Return a bool column."""
    return values.to_numpy(zero_copy_only=False)


def equal(values: Column, other: Column | str) -> np.ndarray:
    """Tell of each value whether it is this one, or the one in the same row of another column."""
    return mask(pc.call_function("equal", [values, pa.scalar(other) if isinstance(other, str) else other]))


def among(values: Column, keys: Sequence[str] | pa.Array) -> np.ndarray:
    """Tell of each value whether it is one of the keys."""
    return mask(pc.call_function("is_in", [values], pc.SetLookupOptions(_keys(keys))))


def places(values: Column, keys: Sequence[str] | pa.Array) -> np.ndarray:
    """Return the place of each value among the keys, -1 for one that is not there."""
    found = pc.call_function("index_in", [values], pc.SetLookupOptions(_keys(keys)))
    return found.fill_null(-1).to_numpy().astype(np.int64)


def joined(*columns: Column | str) -> pa.ChunkedArray:
    """Return the columns' values with slashes between; a text stands for a column of itself."""
    values = [pa.scalar(column) if isinstance(column, str) else column for column in columns]
    found = pc.call_function("binary_join_element_wise", [*values, pa.scalar("/")])
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def ascending(table: pa.Table, keys: Sequence[str]) -> np.ndarray:
    """Return the rows of a table in the order of its keys."""
    options = pc.SortOptions([(key, "ascending") for key in keys])
    return pc.call_function("sort_indices", [table], options).to_numpy().astype(np.int64)


def elements(lists: pa.ListArray) -> tuple[np.ndarray, pa.Array]:
    """Return (row, element) of every element of a column of lists, row by row."""
    return pc.call_function("list_parent_indices", [lists]).to_numpy().astype(np.int64), lists.flatten()


def optional(rows: np.ndarray) -> pa.Array:
    """Return rows to take, where one below 0 stands for null."""
    return pa.array(rows, mask=rows < 0)


def _keys(keys: Sequence[str] | pa.Array) -> pa.Array:
    return keys if isinstance(keys, pa.Array) else pa.array(list(keys), KEYS)
