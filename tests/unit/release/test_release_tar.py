"""Tar archives that every reader reads, byte for byte the same for the same content."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.release.tar import TarWriter

NAMES = st.from_regex(r"\A[a-z0-9]{1,40}\.(jpg|png|json)\Z")


@given(members=st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6))
def test_tarfile_reads_back_what_was_added(tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes]) -> None:
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    with TarWriter(path) as writer:
        for name, data in members.items():
            writer.add(name, data)
    with tarfile.open(path) as tar:
        found = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
        assert all((i.mtime, i.uid, i.gid, i.mode, i.type) == (0, 0, 0, 0o644, b"0") for i in tar.getmembers())
    assert found == members
    assert writer.size == path.stat().st_size
    assert writer.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_bytes_are_those_of_tarfile_in_ustar_format(tmp_path: Path) -> None:
    members = {"0123abcd.jpg": b"x" * 700, "0123abcd.json": b"{}"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with TarWriter(tmp_path / "a.tar") as writer:
        for name, data in members.items():
            writer.add(name, data)
    # tarfile pads to a record of 20 blocks, which POSIX leaves open for files on disk.
    assert buffer.getvalue().rstrip(b"\0") == (tmp_path / "a.tar").read_bytes().rstrip(b"\0")


@pytest.mark.parametrize("name", ["n" * 101, "crowd\N{BLACK HEART SUIT}.jpg"])
def test_name_that_ustar_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ThrongError, match="tar member"), TarWriter(tmp_path / "a.tar") as writer:
        writer.add(name, b"")
