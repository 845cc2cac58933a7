"""Members come out of a zip as zipfile gives them, stored or not, and damage is noticed."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.archives import Archive

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\\", exclude_categories=("Cs",)), min_size=1, max_size=9
)
KINDS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


@settings(max_examples=60, deadline=None)
@given(members=st.lists(st.tuples(NAMES, st.binary(max_size=60), KINDS), max_size=8))
def test_members_are_those_that_zipfile_reads(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes, int]]
) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    unique = {name: (data, kind) for name, data, kind in members}
    with zipfile.ZipFile(path, "w") as packed:
        for name, (data, kind) in unique.items():
            packed.writestr(zipfile.ZipInfo(name), data, kind)
    with zipfile.ZipFile(path) as packed:
        expected = {name: packed.read(name) for name in packed.namelist()}
    archive = Archive(path)
    assert {name: archive.read(name) for name in expected} == expected
    with pytest.raises(KeyError):
        archive.read("no such name at all")
    archive.close()


def test_the_last_of_two_members_of_one_name_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("a", b"old")
        packed.writestr("a", b"new")
    archive = Archive(tmp_path / "a.zip")
    assert archive.read("a") == b"new"
    archive.close()


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a", b"x" * 100)
    archive = Archive(path)
    data = path.read_bytes()
    at = data.index(b"xxx") + 50
    path.write_bytes(data[:at] + (b"y" + data[at + 1 :] if damage == "flip" else b""))
    with pytest.raises(zipfile.BadZipFile):
        archive.read("a")
    archive.close()
