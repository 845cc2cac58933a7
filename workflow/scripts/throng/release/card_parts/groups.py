"""Rows of a run's tables, counted by what they say."""

from typing import Any

from throng.manifest import OK
from throng.release.corpus import Corpus


def counted(corpus: Corpus, table: str, *columns: str) -> dict[tuple[Any, ...], int]:
    """Count all rows of a table by the values of some columns, sorted."""
    return corpus.counts(table, columns)


def kept(corpus: Corpus, table: str, *columns: str) -> dict[tuple[Any, ...], int]:
    """Count the rows of a table whose status is ok by the values of some columns, sorted."""
    found = counted(corpus, table, *columns, "status")
    return {key[:-1]: number for key, number in found.items() if key[-1] == OK}


def outcome(status: str, reason: str) -> str:
    """Return what came of a row: kept, or why it was rejected, without the details."""
    return "kept" if status == OK else reason.partition(":")[0]
