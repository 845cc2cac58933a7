"""A folder holds all of a release, or what it held before, whenever someone looks."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.publishing.parcels import contents, make
from throng.errors import ThrongError
from throng.publishing import folders
from throng.publishing.folders import FolderTarget
from throng.publishing.parcel import Entry, parcel_of
from throng.release.index import write_sums

KILLED = """
import os, signal, sys
from pathlib import Path
from throng.publishing import folders
from throng.publishing.parcel import parcel_of
left = int(sys.argv[3])
whole = folders.copy
def copy(source, target):
    global left
    left -= 1
    if left < 0:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes()[:100])
        os.kill(os.getpid(), signal.SIGKILL)
    whole(source, target)
folders.copy = copy
folders.FolderTarget(Path(sys.argv[2])).publish(parcel_of(Path(sys.argv[1])), lambda _: None)
"""


def quiet(_: Entry) -> None:
    """Say nothing."""


def test_folder_holds_the_release_and_nothing_else(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "deep" / "target"
    parcel = parcel_of(release)
    plan = FolderTarget(target).survey(parcel)
    assert len(plan.send) == len(parcel.files) == 8
    assert not target.exists()
    seen: list[Entry] = []
    assert FolderTarget(target).publish(parcel, seen.append) == str(target)
    assert contents(target) == contents(release)
    assert [entry.path for entry in seen[-3:]] == ["README.md", "index.json", "SHA256SUMS"]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("before", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_killed_copy_shows_nothing_and_is_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    release, target = make(tmp_path / "release", "0.2.0"), tmp_path / "target"
    old = contents(make(target)) if before else {}
    killed = subprocess.run([sys.executable, "-c", KILLED, release, target, "3"], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (contents(target) if before else target.exists()) == (old if before else False)
    copied: list[Path] = []
    whole = folders.copy
    monkeypatch.setattr(folders, "copy", lambda source, place: (copied.append(source), whole(source, place)))
    assert len(FolderTarget(target).survey(parcel_of(release)).send) == 5
    FolderTarget(target).publish(parcel_of(release), quiet)
    assert contents(target) == contents(release)
    assert len(copied) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "target"]


def test_half_copied_file_of_the_right_size_is_copied_again(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "target"
    half = tmp_path / ".target.publishing" / "data" / "1.parquet"
    half.parent.mkdir(parents=True)
    half.write_bytes(bytes((release / "data" / "1.parquet").stat().st_size))
    (half.parent / "old.parquet").write_bytes(b"of another version")
    FolderTarget(target).publish(parcel_of(release), quiet)
    assert contents(target) == contents(release)


def test_same_release_is_left_alone_and_a_damaged_one_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "target"
    FolderTarget(target).publish(parcel_of(release), quiet)
    monkeypatch.setattr(folders, "copy", lambda *_: pytest.fail("nothing is to be copied"))
    seen: list[Entry] = []
    plan = FolderTarget(target).survey(parcel_of(release))
    assert (plan.send, plan.notes) == ([], ["this release is there already"])
    FolderTarget(target).publish(parcel_of(release), seen.append)
    assert len(seen) == 8
    monkeypatch.undo()
    path = target / "data" / "2.parquet"
    path.write_bytes(bytes([7]) * path.stat().st_size)
    FolderTarget(target).publish(parcel_of(release), quiet)
    assert contents(target) == contents(release)


def test_release_replaces_another_whole(tmp_path: Path) -> None:
    target = make(tmp_path / "target", "0.1.0", old__x=b"1")
    release = make(tmp_path / "release", "0.2.0")
    plan = FolderTarget(target).survey(parcel_of(release))
    assert plan.notes == ["replaces small 0.1.0, whole by whole"]
    FolderTarget(target).publish(parcel_of(release), quiet)
    assert contents(target) == contents(release)


def test_changed_source_is_refused_and_nothing_appears(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "target"
    parcel = parcel_of(release)
    (release / "data" / "3.parquet").write_bytes(b"changed")
    with pytest.raises(ThrongError, match=r"3\.parquet: is not what SHA256SUMS says"):
        FolderTarget(target).publish(parcel, quiet)
    assert not target.exists()


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "photos"
    target.mkdir()
    (target / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(ThrongError, match="photos: holds something that is no release"):
        FolderTarget(target).publish(parcel_of(release), quiet)
    assert (target / "holiday.jpg").exists()
    for inside in (release, release / "copy"):
        with pytest.raises(ThrongError, match="is the release itself or inside it"):
            FolderTarget(inside).survey(parcel_of(release))


def test_parcel_takes_exactly_the_files_of_the_checksums(tmp_path: Path) -> None:
    release = make(tmp_path / "release")
    (release / "notes.txt").write_text("x")
    with pytest.raises(ThrongError, match=r"notes\.txt is not in SHA256SUMS"):
        parcel_of(release)
    (release / "notes.txt").unlink()
    (release / "data" / "0.parquet").unlink()
    with pytest.raises(ThrongError, match=r"data/0\.parquet is in SHA256SUMS and missing"):
        parcel_of(release)
    (release / "data" / "0.parquet").symlink_to(release / "data" / "1.parquet")
    with pytest.raises(ThrongError, match=r"data/0\.parquet is a link"):
        parcel_of(release)
    with pytest.raises(ThrongError, match=r"no index\.json"):
        parcel_of(tmp_path)


def test_rebuilt_pixels_are_not_published(tmp_path: Path) -> None:
    release = make(tmp_path / "release")
    index = json.loads((release / "index.json").read_text())
    (release / "index.json").write_text(json.dumps(index | {"rebuilt": {"may_be_passed_on": False}}))
    write_sums(release)
    with pytest.raises(ThrongError, match="was rebuilt from recipes"):
        parcel_of(release)
