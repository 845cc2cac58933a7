"""A downloaded release that was made to harm: its index names files elsewhere, its shards hold links."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throng.errors import ThrongError
from throng.opening.shards import TarShards
from throng.release.index import FORMAT_VERSION, read_index


def index() -> dict[str, Any]:
    file = {"path": "data/a.parquet", "config": "ranked_pairs", "split": "train", "format": "parquet"}
    return {
        "format": "throng-release",
        "format_version": FORMAT_VERSION,
        "name": "tiny",
        "version": "1.0.0",
        "products": {"ranked_pairs": {"pixels": {"train": 1}, "recipes": {}}},
        "files": [file | {"rows": 1, "bytes": 1, "sha256": "0" * 64}],
    }


def _file(**said: object) -> Callable[[dict[str, Any]], object]:
    return lambda found: found["files"][0].update(said)


@pytest.mark.parametrize(
    "change",
    [
        _file(path="../../etc/passwd"),
        _file(path="/etc/passwd"),
        _file(path="data/../../x"),
        _file(path="a\nb"),
        _file(path=""),
        _file(path=["x"]),
        _file(split=None),
        lambda found: found.update(files={}),
        lambda found: found.update(files=[[]]),
        lambda found: found.update(products=[]),
        lambda found: found["products"]["ranked_pairs"].pop("pixels"),
        lambda found: found.pop("name"),
        lambda found: found.update(version=1),
    ],
)
def test_an_index_that_leaves_its_folder_or_its_shape_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    found = index()
    (tmp_path / "index.json").write_text(json.dumps(found))
    assert read_index(tmp_path) == found
    change(found)
    (tmp_path / "index.json").write_text(json.dumps(found))
    with pytest.raises(ThrongError, match="lacks name, version, products or files, or names a file outside"):
        read_index(tmp_path)


@pytest.mark.parametrize(
    "kind",
    [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_a_shard_with_a_link_a_device_or_a_hole_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        good, evil = tarfile.TarInfo("a.json"), tarfile.TarInfo("b.json")
        good.size = 2
        tar.addfile(good, io.BytesIO(b"{}"))
        evil.type, evil.linkname = kind, "/etc/passwd"
        tar.addfile(evil)
    with pytest.raises(ThrongError, match="no file of a release begins at byte 1024"):
        TarShards([tmp_path / "a.tar"]).read("a")


def test_a_shard_whose_member_says_it_is_larger_than_the_shard_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("a.json")
        info.size = 8**11 - 1
        tar.addfile(info)
    with pytest.raises(ThrongError, match="or it is cut short"):
        TarShards([tmp_path / "a.tar"])
