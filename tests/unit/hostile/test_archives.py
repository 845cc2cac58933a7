"""Archives made to harm: nothing leaves its place, and nothing grows beyond what its header admits."""

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.fuzz.targets import encoded
from throng.archives import Archive
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK
from throng.sections.ingest import Folder
from throng.sources.ingestion import ingest_one, listed, reader
from throng.sources.listing import list_files

MOST = 10_000_000
GOOD = encoded("PNG")


def rows_of(root: Path) -> dict[str, str]:
    """Return the reason of every row that stage ingest makes of a source, empty for a good one."""
    source = Folder(name="hostile", format="folder", root=str(root), licence="CC0-1.0")
    read = reader(ImageStore({"hostile": root}), "hostile")
    _, samples, _ = listed(source, root, read, 1_000_000)
    rows = [ingest_one(source, sample, read, 1_000_000) for sample in samples]
    assert all((row.status == OK) == (not row.reason) for row in rows)
    return {row.path: row.reason for row in rows}


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/x.png", "\\x.png", "..\\x.png", "C:/x.png", "C:\\x.png", "//host/x.png"]
)
def test_a_member_that_would_leave_its_folder_is_rejected(tmp_path: Path, name: str) -> None:
    root = packed(tmp_path / "a.zip", {name: GOOD, "good.png": GOOD})
    rows = rows_of(root)
    assert rows.pop("good.png") == ""
    assert all(reason.startswith("unsafe path: ") for reason in rows.values()) and len(rows) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_a_name_ends_at_its_first_zero_byte_and_one_without_letters_is_unsafe(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path / "a.zip", {"good.png#../x": GOOD, "#": GOOD}).read_bytes())
    (tmp_path / "a.zip").write_bytes(bytes(data).replace(b"good.png#", b"good.png\0").replace(b"#", b"\0"))
    assert {file.path: file.problem[:11] for file in list_files(tmp_path / "a.zip", MOST)} == {
        "": "unsafe path", "good.png": "",
    }  # fmt: skip


def test_names_that_a_file_system_may_take_for_one_stay_apart(tmp_path: Path) -> None:
    names = ["A.png", "a.png", "e\u0301.png", "\u00e9.png"]
    root = packed(tmp_path / "a.zip", {name: encoded("PNG", k) for k, name in enumerate(names)})
    store = ImageStore({"s": root})
    assert [store.read_bytes("s", name) for name in names] == [encoded("PNG", k) for k in range(4)]
    assert set(rows_of(root).values()) == {""}


@pytest.mark.parametrize("kind", [0o120777, 0o060644, 0o020644, 0o010644])
def test_a_member_that_says_it_is_a_link_or_a_device_is_only_bytes(tmp_path: Path, kind: int) -> None:
    (tmp_path / "secret.png").write_bytes(GOOD)
    (tmp_path / "s").mkdir()
    with zipfile.ZipFile(tmp_path / "s" / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.create_system, info.external_attr = 3, kind << 16
        archive.writestr(info, b"../secret.png")
    assert rows_of(tmp_path / "s")["a.zip/link.png"].startswith("not an image")


def test_links_in_a_folder_are_followed_once_and_pipes_are_not_opened(tmp_path: Path) -> None:
    import os

    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "far.png").write_bytes(GOOD)
    root = tmp_path / "s"
    root.mkdir()
    (root / "out.png").symlink_to(tmp_path / "away" / "far.png")
    (root / "folder").symlink_to(tmp_path / "away")
    (root / "again").symlink_to(tmp_path / "away")
    (root / "round.png").symlink_to(root / "round.png")
    (root / "device.png").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.png")
    rows = rows_of(root)
    assert [name for name, reason in rows.items() if not reason] == ["again/far.png", "out.png"]
    assert rows["pipe.png"] == rows["device.png"] == "unreadable: not a regular file"
    assert rows["folder"] == "unreadable: a link to a folder that is listed already"


def test_zeros_that_unpack_to_more_than_an_image_can_be_are_not_unpacked(tmp_path: Path) -> None:
    root = packed(tmp_path / "a.zip", {"a.png": b"\0" * 12_000_000}, zipfile.ZIP_DEFLATED)
    assert rows_of(root)["a.png"].startswith("too large: 12000000 bytes")


def test_an_archive_within_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", {"a.png": GOOD})
    root = packed(tmp_path / "a.zip", {"inner.zip": inner.read_bytes(), "b.png": GOOD})
    assert rows_of(root) == {"b.png": ""}


def _patched(path: Path, signature: bytes, at: int, value: int) -> None:
    data = bytearray(path.read_bytes())
    place = data.find(signature)
    while place >= 0:
        struct.pack_into("<I", data, place + at, value)
        place = data.find(signature, place + 1)
    path.write_bytes(bytes(data))


def test_a_member_that_lies_about_its_size_takes_no_more_than_it_says(tmp_path: Path) -> None:
    root = packed(tmp_path / "a.zip", {"a.png": b"\0" * 30_000_000}, zipfile.ZIP_DEFLATED)
    _patched(root, b"PK\1\2", 24, 1000)
    archive = Archive(root)
    tracemalloc.start()
    with pytest.raises(zipfile.BadZipFile):
        archive.read("a.png")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert rows_of(root)["a.png"] == "unreadable: the archive is damaged"


@pytest.mark.parametrize(("at", "value"), [(24, 2**32 - 2), (42, 2**32 - 2), (16, 1), (42, 5)])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_directory_that_lies_costs_its_own_member_alone(tmp_path: Path, method: int, at: int, value: int) -> None:
    (tmp_path / "s").mkdir()
    packed(tmp_path / "s" / "a.zip", {"a.png": GOOD}, method)
    packed(tmp_path / "s" / "b.zip", {"b.png": GOOD}, method)
    _patched(tmp_path / "s" / "a.zip", b"PK\1\2", at, value)
    assert rows_of(tmp_path / "s")["b.zip/b.png"] == ""
    assert all(reason for path, reason in rows_of(tmp_path / "s").items() if path.startswith("a.zip"))


def test_members_that_share_their_bytes_are_rejected(tmp_path: Path) -> None:
    root = packed(tmp_path / "a.zip", {"a.png": GOOD, "b.png": GOOD, "c.png": GOOD}, zipfile.ZIP_DEFLATED)
    data = root.read_bytes()
    _patched(root, data[data.find(b"PK\1\2", data.find(b"PK\1\2") + 1) :][:4], 42, 0)
    assert set(rows_of(root).values()) == {
        "unreadable: the archive keeps two members in the same bytes, fetch it again"
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_growth_nobody_can_bound_are_refused(tmp_path: Path, method: int) -> None:
    root = packed(tmp_path / "a.zip", {"a.png": b"\0" * 1_000_000}, method)
    assert rows_of(root)["a.png"].startswith(f"unreadable: packed by method {method}")


def test_one_long_name_does_not_make_room_for_itself_again_for_every_other(tmp_path: Path) -> None:
    root = packed(tmp_path / "a.zip", {"x" * 65_000 + ".png": GOOD} | {f"{k}.png": GOOD for k in range(300)})
    tracemalloc.start()
    archive = Archive(root)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert archive.read("7.png") == archive.read("x" * 65_000 + ".png") == GOOD


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encoded("JPEG").replace(struct.pack(">HH", 24, 32), struct.pack(">HH", 65_500, 65_500)), "too large"),
        (GOOD[:16] + struct.pack(">II", 65_500, 65_500) + GOOD[24:], "too large"),
        (GOOD[:33] + _chunk(b"IDAT", zlib.compress(b"\0" * 3_000_000)) + _chunk(b"IEND", b""), ""),
    ],
)
def test_pictures_that_promise_more_than_they_may_are_not_decoded(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert rows_of(tmp_path)["a.png"].startswith(reason)


def test_whatever_an_archive_holds_a_row_says_so(tmp_path: Path) -> None:
    """A few of the structured lies that ``make fuzz`` tells for minutes."""
    from tests.fuzz.structures import zip_members

    rng = random.Random(3)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/b.png", GOOD)
        archive.writestr("c.png", encoded("PNG", 1))
    for _ in range(10):
        (tmp_path / "a.zip").write_bytes(zip_members(out.getvalue(), rng))
        try:
            rows_of(tmp_path / "a.zip")
        except ThrongError as error:
            assert "cannot be opened as a zip" in str(error)
