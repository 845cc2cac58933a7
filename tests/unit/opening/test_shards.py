"""Samples found in tar shards by key, whoever asks."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.opening import shards
from throng.opening.shards import TarShards
from throng.release.tar import TarWriter

SAMPLES = st.dictionaries(
    st.integers(0, 2**32).map("{:x}".format),
    st.dictionaries(st.sampled_from(["json", "jpg", "more.jpg", "fewer.png"]), st.binary(max_size=600), min_size=1),
    min_size=1,
    max_size=8,
)


def write(folder: Path, samples: dict[str, dict[str, bytes]], number: int) -> list[Path]:
    """Write samples, in the order of their keys, to as many shards."""
    keys = sorted(samples)
    parts = [keys[k * len(keys) // number : (k + 1) * len(keys) // number] for k in range(number)]
    paths = []
    for k, part in enumerate(part for part in parts if part):
        paths.append(folder / f"{k}.tar")
        with TarWriter(paths[-1]) as tar:
            for key in part:
                for name, data in samples[key].items():
                    tar.add(f"{key}.{name}", data)
    return paths


@settings(max_examples=25, deadline=None)
@given(samples=SAMPLES, number=st.integers(1, 4), picked=st.randoms(use_true_random=False))
def test_every_sample_is_found_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, samples: dict[str, dict[str, bytes]], number: int, picked
) -> None:
    opened = TarShards(write(tmp_path_factory.mktemp("tar"), samples, number))
    keys = list(samples)
    picked.shuffle(keys)
    for key in keys:
        assert opened.read(key) == samples[key]
        chosen = {name: data for name, data in samples[key].items() if name.startswith(("json", "more"))}
        assert opened.read(key, ("json", "more")) == chosen


def test_threads_and_copies_read_the_same_though_few_shards_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAPPED_AT_ONCE", 2)
    samples = {f"{k:04d}": {"json": b"%d" % k * 300} for k in range(60)}
    opened = TarShards(write(tmp_path, samples, 6))
    copied = pickle.loads(pickle.dumps(opened))
    keys = sorted(samples, key=lambda key: key[::-1])
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(opened.read, keys)) == list(pool.map(copied.read, keys)) == [samples[key] for key in keys]


@pytest.mark.parametrize("key", ["", "0001a", "zzzz"])
def test_key_that_no_shard_holds_is_said(tmp_path: Path, key: str) -> None:
    opened = TarShards(write(tmp_path, {f"{k:04d}": {"json": b"{}"} for k in range(4)}, 2))
    with pytest.raises(ThrongError, match=f"holds no sample '{key}'.*throng verify"):
        opened.read(key)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:700], lambda data: b"x" + data[1:257] + b"pax" + data[260:], lambda _: b""]
)
def test_damaged_shard_is_named(tmp_path: Path, damage) -> None:
    (path,) = write(tmp_path, {"0001": {"json": b"x" * 600}}, 1)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ThrongError, match=r"0\.tar.*throng verify"):
        TarShards([path]).read("0001")


def test_missing_shard_is_named(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match=r"gone\.tar: cannot be read"):
        TarShards([tmp_path / "gone.tar"])
