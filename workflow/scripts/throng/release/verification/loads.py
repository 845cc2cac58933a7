"""A release must load through the libraries that its users have: the first sample of everything is asked of them."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

from throng.errors import ThrongError
from throng.release.products import PRODUCTS
from throng.release.shards import Written


def check_loads(folder: Path, files: Sequence[Written], cache: Path) -> None:
    """Raise ThrongError unless ``datasets`` and ``webdataset`` give a first sample of every configuration and split."""
    kinds = sorted({(file.config, file.split) for file in files if file.format == "parquet" and file.rows})
    for config, split in kinds:
        if config != "records":
            _check_datasets(folder, config, split, cache)
    for file in files:
        if file.format == "webdataset" and file.rows:
            _check_webdataset(folder / file.path)


def _check_datasets(folder: Path, config: str, split: str, cache: Path) -> None:
    import datasets

    where = f"{folder}, configuration {config}, split {split}"
    images = PRODUCTS[config].images if config in PRODUCTS else {}
    try:
        stream = datasets.load_dataset(str(folder), config, split=split, streaming=True, cache_dir=str(cache))
        for column in images:
            if not isinstance((stream.features or {}).get(column), datasets.Image):
                raise ThrongError(f"{where}: column {column!r} does not load as an image")
        next(iter(stream))
    except (OSError, ValueError, TypeError, StopIteration) as error:
        raise ThrongError(f"{where}: datasets cannot load it ({error})") from error


def _check_webdataset(path: Path) -> None:
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with path.open("rb") as stream:
        try:
            next(iter(group_by_keys(tar_file_expander([{"url": path.name, "stream": stream}]))))
        except (OSError, ValueError, tarfile.TarError, StopIteration) as error:
            raise ThrongError(f"{path}: webdataset cannot read it ({error})") from error
