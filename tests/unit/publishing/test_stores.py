"""A store shows index and checksums only once all that they name has arrived and was read back."""

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.unit.publishing.parcels import contents, make
from throng.errors import ThrongError
from throng.publishing.parcel import Entry, parcel_of
from throng.publishing.stores import StoreTarget


def quiet(_: Entry) -> None:
    """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    place = f"memory://{uuid.uuid4().hex}/release"
    yield place
    MemoryFileSystem.store.clear()


def stored(url: str, **options: Any) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(url, **options)
    fs.invalidate_cache()
    return {path[len(root.rstrip("/")) + 1 :]: fs.cat_file(path) for path in fs.find(root)}


class Interrupt(BaseException):
    """What stops a process."""


def test_seals_come_last_and_only_after_everything_is_verified(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = make(tmp_path / "release")
    order: list[str] = []
    put = MemoryFileSystem.put_file

    def noted(self: Any, source: str, target: str, *args: Any, **kwargs: Any) -> Any:
        order.append(target.rpartition("release/")[2])
        return put(self, source, target, *args, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "put_file", noted)
    seen: list[Entry] = []
    parcel = parcel_of(release)
    assert len(StoreTarget(url).survey(parcel).send) == 8
    assert stored(url) == {}
    assert StoreTarget(url).publish(parcel, seen.append) == url
    assert stored(url) == contents(release)
    assert order[-3:] == ["README.md", "index.json", "SHA256SUMS"]
    assert len(seen) == 8


@pytest.mark.parametrize("after", range(8))
def test_interrupted_wherever_it_is_taken_up_without_sending_twice(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    release = make(tmp_path / "release")
    put, sent = MemoryFileSystem.put_file, 0
    lock = threading.Lock()

    def counted(self: Any, source: str, target: str, *args: Any, **kwargs: Any) -> Any:
        nonlocal sent
        with lock:
            if sent == after:
                raise Interrupt
            sent += 1
        return put(self, source, target, *args, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "put_file", counted)
    with pytest.raises(Interrupt):
        StoreTarget(url).publish(parcel_of(release), quiet)
    half = stored(url)
    assert len(half) == after
    assert "SHA256SUMS" not in half
    assert "index.json" not in half or len(half) == 7
    again = 0

    def again_counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal again
        again += 1
        return put(self, *args, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, "put_file", again_counted)
    StoreTarget(url, 1).publish(parcel_of(release), quiet)
    assert again == 8 - after
    assert stored(url) == contents(release)


def test_object_of_equal_size_and_other_content_is_sent_again(tmp_path: Path, url: str) -> None:
    release = make(tmp_path / "release")
    fs, root = fsspec.core.url_to_fs(url)
    fs.pipe_file(f"{root}/data/1.parquet", bytes((release / "data" / "1.parquet").stat().st_size))
    StoreTarget(url).publish(parcel_of(release), quiet)
    assert stored(url) == contents(release)


def test_store_that_garbles_is_not_sealed(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put = MemoryFileSystem.put_file

    def garbled(self: Any, source: str, target: str, *args: Any, **kwargs: Any) -> None:
        put(self, source, target, *args, **kwargs)
        if target.endswith("2.parquet"):
            self.pipe_file(target, b"?" * Path(source).stat().st_size)

    monkeypatch.setattr(MemoryFileSystem, "put_file", garbled)
    with pytest.raises(ThrongError, match=r"2\.parquet: arrived with another sha256; publish again"):
        StoreTarget(url).publish(parcel_of(make(tmp_path / "release")), quiet)
    assert "index.json" not in stored(url)


def test_another_release_or_strangers_are_refused(tmp_path: Path, url: str) -> None:
    StoreTarget(url).publish(parcel_of(make(tmp_path / "old")), quiet)
    before = stored(url)
    with pytest.raises(ThrongError, match=r"holds small 0\.1\.0.*such as memory://.*/release/0\.2\.0"):
        StoreTarget(url).publish(parcel_of(make(tmp_path / "new", "0.2.0")), quiet)
    assert stored(url) == before
    plan = StoreTarget(url).survey(parcel_of(tmp_path / "old"))
    assert (plan.send, plan.notes) == ([], ["this release is there already"])
    fs, root = fsspec.core.url_to_fs(url)
    fs.pipe_file(f"{root}/cat.jpg", b"x")
    with pytest.raises(ThrongError, match=r"holds cat\.jpg, which is not of small 0\.1\.0"):
        StoreTarget(url).survey(parcel_of(tmp_path / "old"))


def test_protocol_that_nobody_knows_is_said(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="gopher"):
        StoreTarget("gopher://place")


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {"endpoint_url": f"http://{host}:{port}", "key": "k", "secret": "s"}
    server.stop()


@pytest.mark.slow
def test_s3_compatible_store_holds_the_release(tmp_path: Path, s3: dict[str, Any], monkeypatch: Any) -> None:
    import s3fs

    # above the size at which s3fs divides an upload into parts
    release = make(tmp_path / "release", data__large=b"0123456789abcdef" * (7 * 2**20), data__small=b"1", tables__t=b"")
    url = "s3://bucket/crowds/0.1.0"
    with pytest.raises(ThrongError, match="make the bucket first"):
        StoreTarget(url, **s3).publish(parcel_of(release), quiet)
    s3fs.S3FileSystem(**s3).mkdir("bucket")
    put, left = s3fs.S3FileSystem._put_file, 2

    async def stopping(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if left == 0:
            raise OSError("the line is dead")
        left -= 1
        return await put(self, *args, **kwargs)

    monkeypatch.setattr(s3fs.S3FileSystem, "_put_file", stopping)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ThrongError, match=r"cannot send .*the line is dead.*what has arrived is kept"):
        StoreTarget(url, jobs=1, **s3).publish(parcel_of(release), quiet)
    assert len(stored(url, **s3)) == 2
    left = 4
    StoreTarget(url, **s3).publish(parcel_of(release), quiet)
    assert left == 0
    assert stored(url, **s3) == contents(release)
    assert json.loads(stored(url, **s3)["index.json"])["version"] == "0.1.0"
    with pytest.raises(ThrongError, match=r"holds small 0\.1\.0"):
        StoreTarget(url, **s3).survey(parcel_of(make(tmp_path / "new", "0.2.0")))


@pytest.mark.slow
def test_store_that_does_not_answer_is_said_in_one_sentence(tmp_path: Path) -> None:
    closed = {
        "endpoint_url": "http://127.0.0.1:9",
        "key": "k",
        "secret": "s",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    with pytest.raises(ThrongError, match=r"cannot list it .*publish again: what has arrived is kept"):
        StoreTarget("s3://bucket/x", **closed).survey(parcel_of(make(tmp_path / "release")))
