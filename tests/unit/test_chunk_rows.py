"""A chunk's rows are read out of a whole table as if all of it had been read."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.chunk_rows import hashes, read_chunk, read_named
from throng.chunks import in_chunk, part_name
from throng.errors import ThrongError
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.tables import detections, images
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow

MADE = Provenance("detect", {}, "c0de", 0)


def rows(number: int) -> list[DetectionRow]:
    found = [{"x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0, "score": 0.5, "mask": None}]
    return [
        DetectionRow(f"{k * 2654435761 % 2**32:08x}{k:08x}", "annotations", found, *(("ok", "") if k % 3 else BROKEN))
        for k in range(number)
    ]


BROKEN = ("rejected", "unreadable")


@pytest.mark.parametrize("of", [1, 3, 7])
def test_chunks_of_several_files_are_those_of_all_rows(tmp_path, of):
    made = rows(50)
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    write_table(files[0], detections.TABLE, made[::2], MADE)
    write_table(files[1], detections.TABLE, made[1::2], MADE)
    every = read_rows(files, detections.TABLE, DetectionRow)
    for index in range(of):
        part = part_name(index, of)
        wanted = [dataclasses.asdict(row) for row in every if in_chunk(row.id, part)]
        assert [dataclasses.asdict(row) for row in read_chunk(files, detections.TABLE, DetectionRow, part)] == wanted


def test_named_rows_are_those_of_all_rows(tmp_path):
    made = rows(50)
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    write_table(files[0], detections.TABLE, made[::2], MADE)
    write_table(files[1], detections.TABLE, made[1::2], MADE)
    names = {row.id for row in made[10:20]} | {"absent"}
    wanted = [row for row in read_rows(files, detections.TABLE, DetectionRow) if row.id in names]
    assert len(wanted) == 10
    assert read_named(files, detections.TABLE, DetectionRow, names) == wanted
    assert read_named(files, detections.TABLE, DetectionRow, set()) == []


@given(st.lists(st.binary(min_size=4, max_size=8).map(bytes.hex), max_size=20))
def test_hashes_are_the_first_eight_digits(ids):
    assert hashes(np.array(ids, object)).tolist() == [int(one[:8], 16) for one in ids]


@pytest.mark.parametrize("strange", ["abc", "0x123456", "ä2345678"])
def test_an_id_that_is_no_hash_is_named(tmp_path, strange):
    path = tmp_path / "a.parquet"
    write_table(path, detections.TABLE, [dataclasses.replace(rows(2)[1], id=strange)], MADE)
    with pytest.raises(ThrongError, match=r"a\.parquet: id .* hexadecimal digits; rerun stage 'detect'"):
        read_chunk(path, detections.TABLE, DetectionRow, part_name(0, 1))


def test_a_row_without_an_id_is_in_no_chunk(tmp_path):
    unread = image_row("", status="rejected", reason="unreadable")
    there = image_row("00000003" * 2)
    write_table(tmp_path / "images.parquet", images.TABLE, [unread, there], MADE)
    found = [read_chunk(tmp_path / "images.parquet", images.TABLE, ImageRow, part_name(index, 2)) for index in range(2)]
    assert [[row.id for row in rows] for rows in found] == [[], [there.id]]


def image_row(row_id: str, **said: Any) -> ImageRow:
    values = {"format": "png", "width": 4, "height": 3, "channels": 3, "split": "train", "scene": "s", "licence": ""}
    values |= {"redistributable": True, "count": None, "points": None, "people": None, "erratum": ""}
    values |= {"status": "ok", "reason": "", "source": "a", "path": f"{row_id}.png", "sha256": row_id * 4, "bytes": 9}
    return ImageRow(**{"id": row_id, **values, **said})


def test_another_table_and_no_table_are_refused(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(ThrongError, match="not a readable Parquet file"):
        read_chunk(tmp_path / "a.parquet", detections.TABLE, DetectionRow, part_name(0, 1))
    with pytest.raises(ThrongError, match="no part was given"):
        read_chunk([], detections.TABLE, DetectionRow, part_name(0, 1))
