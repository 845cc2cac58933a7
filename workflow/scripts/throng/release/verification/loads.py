"""A release must load through the libraries that its users have: the first sample of everything is asked of them."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

from throng.errors import ThrongError, first_line
from throng.release.products import PRODUCTS
from throng.release.shards import Written


def check_loads(folder: Path, files: Sequence[Written], cache: Path) -> None:
    """Raise ThrongError unless ``datasets`` gives a first sample of every product's splits, ``webdataset`` of each tar.

    The other configurations are plain Parquet, whose place in the card and whose features are checked by themselves:
    ``datasets`` reads the whole card again for each that it is asked for.
    """
    for product in PRODUCTS:
        splits = sorted({file.split for file in files if (file.config, file.format) == (product, "parquet")})
        if splits:
            _check_datasets(folder, product, splits, cache)
    for file in files:
        if file.format == "webdataset" and file.rows:
            _check_webdataset(folder / file.path)


def _check_datasets(folder: Path, product: str, splits: Sequence[str], cache: Path) -> None:
    import datasets

    where = f"{folder}, configuration {product}"
    try:
        streams = datasets.load_dataset(str(folder), product, streaming=True, cache_dir=str(cache))
        if sorted(map(str, streams)) != splits:
            raise ThrongError(f"{where}: loads with splits {sorted(map(str, streams))}, expected {splits}")
        for column in PRODUCTS[product].images:
            if not isinstance((streams[splits[0]].features or {}).get(column), datasets.Image):
                raise ThrongError(f"{where}: column {column!r} does not load as an image")
        for split in splits:
            next(iter(streams[split]))
    except ThrongError:
        raise
    except Exception as error:  # what a library raises that trusts the card's features is not foreseeable
        raise ThrongError(f"{where}: datasets cannot load it ({type(error).__name__}: {first_line(error)})") from error


def _check_webdataset(path: Path) -> None:
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with path.open("rb") as stream:
        try:
            next(iter(group_by_keys(tar_file_expander([{"url": path.name, "stream": stream}]))))
        except (OSError, ValueError, tarfile.TarError, StopIteration) as error:
            raise ThrongError(f"{path}: webdataset cannot read it ({first_line(error)})") from error
