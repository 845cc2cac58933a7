"""Files that are damaged between two stages, old as Snakemake takes them to be: the reader names them."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.workflow.faults.drill import RESULTS, Drill
from tests.workflow.faults.report import Fault
from throng.images import split_container

pytestmark = pytest.mark.slow
IMAGES = RESULTS / "ingest" / "images.parquet"
SOURCE, ROOT_OF_SOURCE = "rendered_crowdhuman", Path("resources/tiny/crowdhuman")


def unseen(path: Path, data: bytes) -> None:
    """Overwrite a file in place, and give it the times that it had."""
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def cut(path: Path) -> None:
    unseen(path, path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    unseen(path, b"")


def of_another_schema(path: Path) -> None:
    table = pq.read_table(path)
    other = path.with_name("other.parquet")
    pq.write_table(table.rename_columns(["number", *table.column_names[1:]]), other)
    unseen(path, other.read_bytes())
    other.unlink()


@pytest.mark.parametrize("harm", [cut, emptied, of_another_schema])
def test_a_damaged_table_is_refused_by_name_and_made_again_once_it_is_deleted(harm, drill, unharmed, record):
    target = str(drill.delete("detect")[0])
    harm(drill.folder / IMAGES)
    refused = drill.ran(target)
    assert refused.code != 0
    told = refused.sentence("detect")
    assert str(IMAGES) in told and "Traceback" not in refused.text, refused.text
    (drill.folder / IMAGES).unlink()
    again = drill.ran(target)
    assert again.code == 0, again.text
    assert again.jobs == {"ingest": 1, "detect": 1}
    unharmed(drill)
    record(
        Fault(
            fault=f"table {harm.__name__.replace('_', ' ')}, its times as before",
            stage="detect",
            done="ingest/images.parquet overwritten; deleted, run again",
            told=told,
            rows_lost=0,
            equal=True,
        )
    )


def flip(archive: Path, picture: str) -> None:
    """Change a byte in the middle of a picture of a zip."""
    with zipfile.ZipFile(archive) as pixels:
        member = pixels.getinfo(picture)
    data = bytearray(archive.read_bytes())
    data[member.header_offset + 30 + len(picture) + member.compress_size // 2] ^= 0xFF
    unseen(archive, bytes(data))


def replace(archive: Path, picture: str) -> None:
    """Let a zip hold another of its pictures under the picture's name, whole and with the right checksum."""
    with zipfile.ZipFile(archive) as pixels:
        members = {one.filename: pixels.read(one) for one in pixels.infolist()}
    members[picture] = next(data for name, data in members.items() if name.endswith(".jpg") and name != picture)
    other = archive.with_name("other.zip")
    with zipfile.ZipFile(other, "w") as pixels:
        for name, data in members.items():
            pixels.writestr(name, data)
    unseen(archive, other.read_bytes())
    other.unlink()


def edited(drill: Drill) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of a photograph and of its edit that the first job of ``remove`` has kept."""
    photographs = {row["id"]: row for row in pq.read_table(drill.folder / IMAGES).to_pylist()}
    edits = pq.read_table(drill.folder / table_of_edits(drill)).to_pylist()
    pairs = ((photographs[row["parent_id"]], row) for row in edits if row["status"] == "ok")
    return next(pair for pair in pairs if pair[0]["source"] == SOURCE)


def table_of_edits(drill: Drill) -> Path:
    return next(path for path in drill.outputs("remove") if path.suffix == ".parquet")


def edit(drill: Drill) -> tuple[Path, str]:
    """Return the archive of an edit and its name there."""
    archive, member = split_container(edited(drill)[1]["path"])
    return RESULTS / archive, str(member)


def photograph(drill: Drill) -> tuple[Path, str]:
    """Return the archive of a photograph with edits and its name there."""
    archive, member = split_container(edited(drill)[0]["path"])
    return ROOT_OF_SOURCE / archive, str(member)


@pytest.mark.parametrize(("stage", "place"), [("release", edit), ("remove", photograph)])
def test_a_damaged_picture_is_never_used(stage: str, place, drill: Drill, unharmed, record):
    name, picture = place(drill)
    archive = drill.folder / name
    whole = archive.read_bytes()
    target = str(drill.delete(stage)[0])
    flip(archive, picture)
    refused = drill.ran(target)
    told = refused.sentence(stage)
    assert refused.code != 0, "nothing was said of a picture that is damaged"
    assert picture in told and "Traceback" not in refused.text, refused.text
    unseen(archive, whole)
    again = drill.ran(target)
    assert again.code == 0, again.text
    unharmed(drill)
    record(
        Fault(
            fault="picture damaged in a zip, its times as before",
            stage=stage,
            done=f"a byte changed in {archive.name}; the zip restored, run again",
            told=told,
            rows_lost=0,
            equal=True,
        )
    )


def test_a_replaced_photograph_is_a_rejected_row_until_it_is_back(drill: Drill, unharmed, record):
    name, picture = photograph(drill)
    archive, table = drill.folder / name, drill.folder / table_of_edits(drill)
    whole, before = archive.read_bytes(), pq.read_table(table).to_pylist()
    parent = edited(drill)[0]["id"]
    target = str(drill.delete("remove")[0])
    replace(archive, picture)
    run = drill.ran(target)
    assert run.code == 0, run.text
    now = pq.read_table(table).to_pylist()
    (rejected,) = (row for row in now if row["parent_id"] == parent)
    assert rejected["status"] == "rejected" and "not the one that ingestion saw" in rejected["reason"]
    assert [row for row in now if row != rejected] == [row for row in before if row["parent_id"] != parent]
    unseen(archive, whole)
    again = drill.ran(target, "--forcerun", "remove")
    assert again.code == 0, again.text
    unharmed(drill)
    record(
        Fault(
            fault="photograph replaced in a zip, its times as before",
            stage="remove",
            done=f"another picture under its name in {archive.name}; the zip restored, --forcerun remove",
            told=f"a rejected row: {rejected['reason']}",
            rows_lost=0,
            equal=True,
        )
    )
