"""Files that are damaged between two stages, old as Snakemake takes them to be: the reader names them."""

import os
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.workflow.faults.drill import RESULTS, Drill
from tests.workflow.faults.report import Fault

pytestmark = pytest.mark.slow
IMAGES = RESULTS / "ingest" / "images.parquet"


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
            redone_seconds=None,
            redone_rows=None,
            rows_lost=0,
            equal=True,
        )
    )


def flip(archive: Path) -> str:
    """Change a byte in the middle of the largest picture of a zip, and return the picture's name."""
    with zipfile.ZipFile(archive) as pixels:
        pictures = [one for one in pixels.infolist() if one.filename.endswith((".jpg", ".png"))]
        picture = max(pictures, key=lambda one: one.file_size)
    data = bytearray(archive.read_bytes())
    data[picture.header_offset + 30 + len(picture.filename) + picture.file_size // 2] ^= 0xFF
    unseen(archive, bytes(data))
    return picture.filename


def pixels_of_an_edit(drill: Drill) -> Path:
    return drill.outputs("remove")[1]


def photographs(drill: Drill) -> Path:
    return Path("resources/tiny/crowdhuman/CrowdHuman_train01.zip")


@pytest.mark.parametrize(("stage", "place"), [("release", pixels_of_an_edit), ("remove", photographs)])
def test_a_damaged_picture_is_never_used(stage, place, drill, unharmed, record):
    archive = place(drill)
    whole = (drill.folder / archive).read_bytes()
    target = str(drill.delete(stage)[0])
    picture = flip(drill.folder / archive)
    refused = drill.ran(target)
    told = refused.sentence(stage)
    assert refused.code != 0, "nothing was said of a picture that is damaged"
    assert picture in told and "Traceback" not in refused.text, refused.text
    unseen(drill.folder / archive, whole)
    again = drill.ran(target)
    assert again.code == 0, again.text
    unharmed(drill)
    record(
        Fault(
            fault="picture damaged in a zip, its times as before",
            stage=stage,
            done=f"a byte changed in {archive.name}; the zip restored, run again",
            told=told,
            redone_seconds=None,
            redone_rows=None,
            rows_lost=0,
            equal=True,
        )
    )
