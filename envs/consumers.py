"""Load a release with what its users have, none of it throng, and compare what each sees with the index.

python consumers.py FOLDER; `make consumers RELEASE=FOLDER` does it in a new environment that holds the libraries below
and nothing of this project. Exits with 1 and one sentence at the first difference.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

LIBRARIES = ("datasets", "webdataset", "pandas", "duckdb", "polars", "pillow")


class DifferenceError(Exception):
    """What a consumer saw is not what the index says; the message names both."""


class Release:
    """What the index says is in a folder; ``cache`` is where ``datasets`` may keep what it converts."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        self.index = json.loads((folder / "index.json").read_text())

    def configurations(self) -> Iterator[tuple[str, dict[str, int], bool]]:
        """Yield each configuration with its rows by split, and whether it has pixels."""
        for product, counts in self.index["products"].items():
            if counts["pixels"]:
                yield product, counts["pixels"], True
            if counts["recipes"]:
                yield f"{product}_recipes", counts["recipes"], False

    def parquet(self, configuration: str) -> str:
        """Return the glob of a configuration's Parquet shards."""
        product = configuration.removesuffix("_recipes")
        return str(self.folder / ("data" if product == configuration else "recipes") / product / "*.parquet")

    def hashes(self, configuration: str) -> dict[str, str]:
        """Return the column with the sha256 of each image column."""
        two_sided = configuration.startswith("ranked_pairs")
        return {"image_more": "more_sha256", "image_fewer": "fewer_sha256"} if two_sided else {"image": "sha256"}


def same(what: str, found: Any, expected: Any) -> None:
    """Raise DifferenceError unless both are equal."""
    if found != expected:
        raise DifferenceError(f"{what}: {found}, expected {expected}")


def with_datasets(release: Release) -> Iterator[str]:
    """Load every configuration by name, and look at the first row of each split as an image."""
    from datasets import load_dataset

    for name, rows, pixels in release.configurations():
        loaded = load_dataset(str(release.folder), name, cache_dir=str(release.cache))
        same(f"{name}: rows by split", {split: len(part) for split, part in loaded.items()}, rows)
        sizes = []
        for split, part in loaded.items():
            row = part[0]
            same(f"{name}, {split}: column split", row["split"], split)
            for column in release.hashes(name) if pixels else ():
                same(f"{name}, {split}: size of {column}", row[column].size, (row["width"], row["height"]))
                sizes.append("{}x{}".format(*row[column].size))
        yield f"{name}: {_spelled(rows)}{'; images of ' + ', '.join(sorted(set(sizes))) if sizes else ''}"


def with_webdataset(release: Release) -> Iterator[str]:
    """Stream every tar shard from the first to the last sample, compare each image with its hash, and decode it."""
    import webdataset

    for name, rows, pixels in release.configurations():
        if not pixels:
            continue
        found: Counter[str] = Counter()
        for split in rows:
            number = len(list((release.folder / "webdataset" / name).glob(f"{split}-*.tar")))
            shards = f"{split}-{{00000..{number - 1:05d}}}-of-{number:05d}.tar"
            url = str(release.folder / "webdataset" / name / shards)
            for sample in webdataset.WebDataset(url, shardshuffle=False):
                fields = json.loads(sample["json"])
                found[fields["split"]] += 1
                for column, hashed in release.hashes(name).items():
                    side = column.removeprefix("image").lstrip("_")
                    image = next(v for k, v in sample.items() if k.startswith(side) and k[:2] != "__" and k != "json")
                    sha256 = hashlib.sha256(image).hexdigest()
                    same(f"{name}, sample {sample['__key__']}: sha256 of {column}", sha256, fields[hashed])
            for sample in webdataset.WebDataset(url, shardshuffle=False).decode("pil"):
                size = sample["json"]["width"], sample["json"]["height"]
                sizes = {value.size for value in sample.values() if hasattr(value, "size")}
                same(f"{name}, sample {sample['__key__']}: image sizes", sizes, {size})
        same(f"{name}: samples by split", dict(found), rows)
        yield f"{name}: {_spelled(rows)}; every image decoded, its sha256 the one in its json"


def with_pandas(release: Release) -> Iterator[str]:
    """Read a configuration's columns, and one whole row with its image decoded by Pillow."""
    import pandas
    from PIL import Image

    for name, rows, pixels in release.configurations():
        folder = Path(release.parquet(name)).parent
        frame = pandas.read_parquet(folder, columns=["id", "split", "width", "height"])
        same(f"{name}: rows by split", frame["split"].value_counts().to_dict(), rows)
        seen = ""
        if pixels:
            first = frame.iloc[0]
            (row,) = pandas.read_parquet(folder, filters=[("id", "==", first["id"])]).to_dict("records")
            for column in release.hashes(name):
                with Image.open(io.BytesIO(row[column]["bytes"])) as image:
                    same(f"{name}: size of {column}", image.size, (first["width"], first["height"]))
                    image.load()
            seen = f"; image of {first['id']} decoded"
        yield f"{name}: {_spelled(rows)}{seen}"


def with_duckdb(release: Release) -> Iterator[str]:
    """Count rows in SQL, and compare every image with its hash there."""
    import duckdb

    with duckdb.connect() as database:
        for name, rows, pixels in release.configurations():
            source = f"read_parquet('{release.parquet(name)}')"
            counted = database.sql(f"SELECT split, count(*) FROM {source} GROUP BY split").fetchall()
            same(f"{name}: rows by split", dict(counted), rows)
            for column, hashed in release.hashes(name).items() if pixels else ():
                wrong = f"SELECT count(*) FROM {source} WHERE sha256({column}.bytes) <> {hashed}"
                same(f"{name}: images of {column} with another sha256", database.sql(wrong).fetchall(), [(0,)])
            yield f"{name}: {_spelled(rows)}{'; sha256(image.bytes) = sha256 in every row' if pixels else ''}"


def with_polars(release: Release) -> Iterator[str]:
    """Scan lazily, count rows, and measure the images."""
    import polars

    for name, rows, pixels in release.configurations():
        frame = polars.scan_parquet(release.parquet(name))
        counted = dict(frame.group_by("split").len().collect().iter_rows())
        same(f"{name}: rows by split", counted, rows)
        seen = ""
        if pixels:
            column = next(iter(release.hashes(name)))
            size = frame.select(polars.col(column).struct.field("bytes").bin.size().mean()).collect().item()
            seen = f"; {column} has {size:,.0f} bytes in the mean"
        yield f"{name}: {_spelled(rows)}{seen}"


def with_sha256sum(release: Release) -> Iterator[str]:
    """Let coreutils check every file."""
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"],
        cwd=release.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    same("sha256sum --check", done.stdout + done.stderr, "")
    yield f"{len((release.folder / 'SHA256SUMS').read_text().splitlines())} files"


CONSUMERS: dict[str, Callable[[Release], Iterator[str]]] = {
    "sha256sum": with_sha256sum,
    "datasets": with_datasets,
    "webdataset": with_webdataset,
    "pandas": with_pandas,
    "duckdb": with_duckdb,
    "polars": with_polars,
}


def load(release: Release, tell: Callable[[str], None], only: Collection[str] = tuple(CONSUMERS)) -> None:
    """Load a release with every consumer, or those named, and tell what each saw.

    Raises DifferenceError at the first difference from the index.
    """
    for name, consumer in CONSUMERS.items():
        if name not in only:
            continue
        version = importlib.metadata.version(name) if name in LIBRARIES else ""
        try:
            for line in consumer(release):
                tell(f"{name:10} {version:8} {line}")
        except DifferenceError as error:
            raise DifferenceError(f"{name}: {error}") from error


def _spelled(rows: dict[str, int]) -> str:
    return ", ".join(f"{split} {number}" for split, number in sorted(rows.items()))


def main() -> int:
    """Run from the command line."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "index.json").is_file():
        print("usage: python consumers.py FOLDER, the folder of a release, which has an index.json", file=sys.stderr)
        return 2
    own = importlib.util.find_spec("throng") is not None
    print(f"Python {sys.version.split()[0]}, {'with' if own else 'without'} throng; {sys.argv[1]}", flush=True)
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
        try:
            load(Release(Path(sys.argv[1]).resolve(), Path(cache)), functools.partial(print, flush=True))
        except DifferenceError as error:
            print(f"consumers: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
