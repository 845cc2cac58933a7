"""Tables: deterministic bytes, refused faults, provenance in the footer."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.rows import removal_row
from throng.difference import diff_tables
from throng.errors import ThrongError
from throng.manifest import OK, REJECTED, check_conserved, read_footer, read_rows, read_table, tally, write_table
from throng.provenance import Provenance
from throng.tables import removals
from throng.tables.detections import TABLE, DetectionRow
from throng.tables.prompts import TABLE as PROMPTS

MADE_BY = Provenance("detect", {"detect": {"backend": "annotations"}, "seed": 0}, "c0de", 0, {"images.parquet": "ab"})


def row(row_id: str, status: str = OK, reason: str = "") -> DetectionRow:
    person = {"x": 1.5, "y": 2.0, "w": 3.0, "h": 4.0, "score": 1.0, "mask": None}
    return DetectionRow(row_id, "annotations", [person], status, reason)


def test_rows_come_back_sorted_and_bytes_do_not_depend_on_order(tmp_path):
    rows = [row("b"), row("a"), row("c", REJECTED, "unreadable: zero bytes")]
    write_table(tmp_path / "one.parquet", TABLE, rows, MADE_BY)
    write_table(tmp_path / "two.parquet", TABLE, reversed(rows), MADE_BY)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert read_rows(tmp_path / "one.parquet", TABLE, DetectionRow) == sorted(rows, key=lambda r: r.id)
    assert not list(tmp_path.glob(".*"))


def test_footer_and_field_metadata_say_what_made_it(tmp_path):
    path = tmp_path / "one.parquet"
    write_table(path, TABLE, [row("a")], MADE_BY)
    footer = read_footer(path)
    assert footer["config"] == MADE_BY.config
    assert (footer["schema"], footer["code"], footer["parents"]) == ("detections", "c0de", {"images.parquet": "ab"})
    assert b"pixels" in pq.read_schema(path).field("people").metadata[b"description"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row("a"), row("a")], "more than once"),
        ([row("a", REJECTED)], "has no reason"),
        ([row("a", "fine")], "neither 'ok' nor 'rejected'"),
        ([dataclasses.replace(row("a"), backend=None)], "'backend' of table 'detections' must not be empty"),
    ],
)
def test_bad_rows_are_refused_and_nothing_is_written(tmp_path, rows, sentence):
    with pytest.raises(ThrongError, match=sentence):
        write_table(tmp_path / "one.parquet", TABLE, rows, MADE_BY)
    assert not list(tmp_path.iterdir())


def test_reader_names_the_stage_to_rerun(tmp_path):
    path = tmp_path / "one.parquet"
    write_table(path, dataclasses.replace(TABLE, version=99), [row("a")], MADE_BY)
    with pytest.raises(ThrongError, match="rerun stage 'detect'"):
        read_table(path, TABLE)
    with pytest.raises(ThrongError, match="rerun stage 'prompt'"):
        read_table(path, PROMPTS)


def test_damaged_and_foreign_files_are_one_sentence(tmp_path):
    path = tmp_path / "one.parquet"
    write_table(path, TABLE, [row(f"{i:04x}") for i in range(500)], MADE_BY)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ThrongError, match="not a readable Parquet file"):
        read_table(path, TABLE)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(ThrongError, match="no throng footer"):
        read_table(path, TABLE)


def test_conservation_names_what_is_missing():
    check_conserved("detect", ["a", "b"], ["b", "a", "a"])
    with pytest.raises(ThrongError, match=r"loses rows: 2 in, 1 out; missing \['b'\]"):
        check_conserved("detect", ["a", "b"], ["a"])


def test_tally_groups_reasons_by_kind():
    rows = [row("a"), row("b", REJECTED, "cap: 3000 boxes"), row("c", REJECTED, "cap: 3100 boxes")]
    assert tally(rows) == {"ok": 1, "rejected: cap": 2}


def test_diff_names_config_key_code_parent_and_row(tmp_path):
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_table(one, TABLE, [row("a"), row("b")], MADE_BY)
    other = dataclasses.replace(
        MADE_BY, config={"detect": {"backend": "ultralytics"}, "seed": 0}, parents={"images.parquet": "cd"}
    )
    write_table(two, TABLE, [row("a"), dataclasses.replace(row("b"), backend="ultralytics")], other)
    where = {difference.where for difference in diff_tables(one, two)}
    assert {"config.detect.backend", "parents.images.parquet", "row b.backend"} <= where
    assert not any("row a" in name for name in where)
    assert diff_tables(one, one) == []


def test_a_name_that_is_no_text_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "table.parquet"
    provenance = Provenance("remove", {"remove": {}}, "c0de", 0)
    write_table(path, removals.TABLE, [removal_row()], provenance)
    path.write_bytes(path.read_bytes().replace(b"parent_id", b"\x80arent_id"))
    with pytest.raises(ThrongError, match="not a readable Parquet file"):
        read_footer(path)
