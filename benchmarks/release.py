"""Tar shards with their sha256: the direct writer against ``webdataset.ShardWriter`` and hashing what it wrote.

    python benchmarks/release.py [--megabytes 40] [--rounds 7] [--folder DIR]

A release needs each shard and the shard's sha256. The customary way writes with webdataset (raw bytes, no encoders,
fixed time) and reads the file again to hash it; ours hashes as it writes. Both get the same samples: an image of 4, 50,
200 or 1,000 kB that does not compress, and a json of 30 head points. Before anything is timed, GNU tar, Python's
tarfile and webdataset read both archives and must find the same samples, and our hash must be that of coreutils. The
two take turns in one process; medians of CPU and wall time and the least, middle and greatest ratio of paired rounds
go to standard output and to benchmarks/results/release.json.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import webdataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.files import sha256_file
from throng.release.tar import TarWriter

RESULTS = Path(__file__).parent / "results"
IMAGE_BYTES = (4_000, 50_000, 200_000, 1_000_000)
WANTED = 2.0
EVERYTHING = 2**60


class Sample(NamedTuple):
    """A sample's key and its two files."""

    key: str
    image: bytes
    fields: bytes


def samples_of(image_bytes: int, megabytes: int) -> list[Sample]:
    """Return samples of together about so many megabytes."""
    rng = np.random.default_rng(image_bytes)
    made = []
    for _ in range(max(2, megabytes * 1_000_000 // image_bytes)):
        key = rng.bytes(8).hex()
        points = [{"x": float(x), "y": float(y)} for x, y in rng.uniform(0, 1000, (30, 2)).round(2)]
        fields = json.dumps({"count": len(points), "id": key, "points": points})
        made.append(Sample(key, rng.bytes(image_bytes), fields.encode()))
    return sorted(made)


def direct(path: Path, samples: Sequence[Sample]) -> str:
    """Write a shard as a release does and return its sha256."""
    with TarWriter(path) as tar:
        for sample in samples:
            tar.add(f"{sample.key}.jpg", sample.image)
            tar.add(f"{sample.key}.json", sample.fields)
    return tar.sha256


def customary(path: Path, samples: Sequence[Sample]) -> str:
    """Write a shard with webdataset, and read it again for its sha256."""
    pattern = str(path).replace("%", "%%") + ".%d"
    with webdataset.ShardWriter(
        pattern, maxcount=EVERYTHING, maxsize=EVERYTHING, encoder=False, mtime=0, verbose=0
    ) as writer:
        for sample in samples:
            writer.write({"__key__": sample.key, "jpg": sample.image, "json": sample.fields})
    Path(f"{path}.0").replace(path)
    return sha256_file(path)


WAYS: dict[str, Callable[[Path, Sequence[Sample]], str]] = {"customary": customary, "direct": direct}


def by_tarfile(path: Path) -> dict[str, str]:
    """Return the sha256 of every member as Python's tarfile reads it."""
    with tarfile.open(path) as tar:
        return {info.name: hashlib.sha256(tar.extractfile(info).read()).hexdigest() for info in tar}  # type: ignore[union-attr]


def by_gnu_tar(path: Path, folder: Path) -> dict[str, str]:
    """Return the sha256 of every member as GNU tar extracts it."""
    out = folder / "extracted"
    out.mkdir()
    subprocess.run(["tar", "--extract", f"--file={path}", f"--directory={out}"], check=True)
    found = {file.name: sha256_file(file) for file in sorted(out.iterdir())}
    for file in out.iterdir():
        file.unlink()
    out.rmdir()
    return found


def by_webdataset(path: Path) -> dict[str, str]:
    """Return the sha256 of every member as webdataset streams it."""
    return {
        f"{sample['__key__']}.{kind}": hashlib.sha256(sample[kind]).hexdigest()
        for sample in webdataset.WebDataset(str(path), shardshuffle=False)
        for kind in ("jpg", "json")
    }


def check_agreement(samples: Sequence[Sample], folder: Path) -> None:
    """Exit unless both archives hold the samples, whoever reads them, and our hash is the file's."""
    truth = {
        name: hashlib.sha256(data).hexdigest()
        for sample in samples
        for name, data in ((f"{sample.key}.jpg", sample.image), (f"{sample.key}.json", sample.fields))
    }
    for way, write in WAYS.items():
        path = folder / f"{way}.tar"
        sha256 = write(path, samples)
        stated = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]
        readers = {"tarfile": by_tarfile(path), "GNU tar": by_gnu_tar(path, folder), "webdataset": by_webdataset(path)}
        wrong = [name for name, found in readers.items() if found != truth]
        if wrong or sha256 != stated:
            sys.exit(
                f"{way}: {wrong[0] + ' reads other samples' if wrong else 'its sha256 is not the one of coreutils'}"
            )
        path.unlink()


def measure(samples: Sequence[Sample], folder: Path, rounds: int) -> dict[str, Any]:
    """Return the seconds of both ways, taken in turns, and their ratio."""
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way in sorted(WAYS, reverse=bool(number % 2)):
            path = folder / f"{way}.tar"
            started = time.perf_counter(), time.process_time()
            WAYS[way](path, samples)
            took = time.perf_counter() - started[0], time.process_time() - started[1]
            path.unlink()
            if number:  # the first round warms caches
                wall[way].append(took[0])
                cpu[way].append(took[1])
    size = sum(len(sample.image) + len(sample.fields) for sample in samples) / 1e6
    ratios = sorted(slow / fast for slow, fast in zip(cpu["customary"], cpu["direct"], strict=True))
    walls = sorted(slow / fast for slow, fast in zip(wall["customary"], wall["direct"], strict=True))
    return {
        "samples": len(samples),
        "megabytes": round(size, 1),
        "megabytes per second of CPU": {way: round(size / statistics.median(took)) for way, took in cpu.items()},
        "megabytes per second": {way: round(size / statistics.median(took)) for way, took in wall.items()},
        "times as fast by CPU, least, middle, greatest": _spread(ratios),
        "times as fast by the clock, least, middle, greatest": _spread(walls),
    }


def _spread(ratios: Sequence[float]) -> list[float]:
    return [round(value, 2) for value in (ratios[0], statistics.median(ratios), ratios[-1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=40, help="of images per shard")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the shards are written; default: the system's scratch")
    options = parser.parse_args()
    found: dict[str, Any] = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 1),
        "webdataset": webdataset.__version__,
        "readers that agree": ["tarfile", "GNU tar", "webdataset"],
        "images": {},
    }
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        for image_bytes in IMAGE_BYTES:
            samples = samples_of(image_bytes, options.megabytes)
            check_agreement(samples, Path(scratch))
            result = measure(samples, Path(scratch), options.rounds)
            found["images"][f"{image_bytes // 1000} kB"] = result
            ratio = result["times as fast by CPU, least, middle, greatest"]
            speeds = result["megabytes per second of CPU"]
            print(
                f"{image_bytes // 1000:>5} kB: {speeds['direct']} MB/s of CPU, customary {speeds['customary']}; "
                f"{ratio[1]} times as fast ({ratio[0]} to {ratio[2]}); wanted {WANTED}"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "release.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
