import os
import zipfile
from pathlib import Path

import pytest

from throng.errors import ThrongError
from throng.sources.listing import list_files

LIMIT = 1000


def listed(root: Path) -> dict[str, str]:
    return {file.path: file.problem for file in list_files(root, LIMIT)}


def test_folders_and_zips_are_listed_alike_and_hidden_files_are_not(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "._1.jpg").write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("Images/2,3.jpg", b"yy")
        archive.writestr("__MACOSX/Images/._2,3.jpg", b"y")
    assert [(file.path, file.size) for file in list_files(tmp_path, LIMIT)] == [
        ("a/1.jpg", 1),
        ("b.zip/Images/2,3.jpg", 2),
    ]
    assert [file.path for file in list_files(tmp_path / "b.zip", LIMIT)] == ["Images/2,3.jpg"]


def test_links_are_followed_once(tmp_path):
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "1.jpg").write_bytes(b"x")
    (tmp_path / "z" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a").symlink_to(tmp_path / "z", target_is_directory=True)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    circle = "unreadable: a link to a folder that is listed already"
    assert listed(tmp_path) == {
        "z/1.jpg": "",
        "z/loop": circle,
        "a": circle,
        "gone.jpg": "unreadable: No such file or directory",
    }


def test_what_must_not_be_read_is_listed_with_its_problem(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "big.jpg").write_bytes(b"x" * (LIMIT + 1))
    (tmp_path / "dir.zip").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no zip")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"x")
    found = listed(tmp_path)
    assert found["pipe.jpg"] == "unreadable: not a regular file"
    assert found["big.jpg"].startswith("too large: 1001 bytes")
    assert found["dir.zip"].startswith("unreadable: a folder whose name ends in .zip")
    assert found["broken.zip"] == "unreadable: the archive is damaged or no zip, fetch it again"
    assert found["\\udcff.jpg"].startswith("unsafe path: the name is not UTF-8")


def test_hostile_archives_are_listed_and_never_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../evil.jpg", b"x")
        archive.writestr("/abs.jpg", b"x")
        archive.writestr("C:/win.jpg", b"x")
        archive.writestr("bomb.jpg", bytes(LIMIT * 1000))
        archive.writestr("twice.jpg", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("twice.jpg", b"2")
    found = listed(tmp_path)
    unsafe = "unsafe path: the archive's member would leave the folder it is unpacked to"
    assert [found[f"x.zip/{name}"] for name in ("../evil.jpg", "/abs.jpg", "C:/win.jpg")] == [unsafe] * 3
    assert found["x.zip/bomb.jpg"].startswith("too large: 1000000 bytes")
    assert found["x.zip/twice.jpg"] == "ambiguous: the archive holds this name 2 times"


def test_encrypted_members_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("secret.jpg", b"x")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(bytes(data))
    assert listed(tmp_path) == {"x.zip/secret.jpg": "unreadable: the archive's member is encrypted"}


def test_a_root_that_is_neither_folder_nor_zip_is_one_sentence(tmp_path):
    with pytest.raises(ThrongError, match=r"gone is neither a folder nor a \.zip; correct the source's root"):
        list_files(tmp_path / "gone", LIMIT)
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(ThrongError, match="cannot be opened as a zip"):
        list_files(tmp_path / "x.zip", LIMIT)
