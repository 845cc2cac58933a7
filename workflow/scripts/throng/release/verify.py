"""Reads a whole release again, through the libraries its users will use, and stops at the first fault."""

import hashlib
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.provenance import canonical_json, digest
from throng.release.checks import CHECKS, HASHES, ImageCheck, parents_of, pillow_size
from throng.release.index import INDEX, SUMS, files_below, read_index, read_sums
from throng.release.products import PRODUCTS, REQUESTED_DENSITY
from throng.release.shards import Written
from throng.release.splits import check_scenes

ROWS = "rows"
RECIPE = "recipe"
DRAWN = "gan_samples"


def verify(folder: Path, cache: Path | None = None) -> dict[str, Any]:
    """Check a release: bytes, index, every row through ``datasets`` and ``webdataset``, every image, every label.

    Nothing is fetched and nothing is written but scratch of ``datasets`` below ``cache`` (default: a temporary
    folder). Returns files, bytes, distinct images and samples by configuration and split; raises ThrongError naming
    the first offending file or row.
    """
    index = read_index(folder)
    files = _check_files(folder, index)
    with tempfile.TemporaryDirectory() as scratch:
        found = _Release(folder, files, cache or Path(scratch))
        found.check_tables()
        for product in PRODUCTS:
            found.check_parquet(product)
            found.check_recipes(product)
        check_scenes(found.scenes, index.get("shared_scenes", ()))
        for product in PRODUCTS:
            found.check_tars(product)
        found.check_totals(index)
        return {
            "files": len(files),
            "bytes": sum(file.bytes for file in files),
            "images": found.images.distinct,
            "samples": {f"{config}/{split}": number for (config, split), number in sorted(found.rows.items())},
        }


def _check_files(folder: Path, index: Mapping[str, Any]) -> list[Written]:
    """Check that folder, checksums and index name the same files with the same bytes."""
    sums = read_sums(folder)
    there = files_below(folder)
    for name in sorted({*sums, *there}):
        if name not in there:
            raise ThrongError(f"{folder / name}: missing, though {SUMS} lists it; download or make the release again")
        if name not in sums:
            raise ThrongError(f"{folder / name}: not part of the release, as {SUMS} does not list it; remove it")
        if (folder / name).is_symlink():
            raise ThrongError(f"{folder / name}: a link, expected a file of the release")
        found = sha256_file(folder / name)
        if found != sums[name]:
            raise ThrongError(f"{folder / name}: sha256 is {found[:16]}..., {SUMS} says {sums[name][:16]}...")
    try:
        files = [Written(**entry) for entry in index["files"]]
    except (KeyError, TypeError) as error:
        raise ThrongError(f"{folder / INDEX}: its list of files is malformed ({error})") from error
    listed = {file.path: (file.sha256, file.bytes) for file in files} | {INDEX: (sums.get(INDEX, ""), None)}
    for name in sorted({*listed, *there}):
        if name not in listed or name not in there:
            raise ThrongError(f"{folder / name}: listed by only one of {INDEX} and {SUMS}")
        sha256, size = listed[name]
        if sha256 != sums[name] or size not in (None, (folder / name).stat().st_size):
            raise ThrongError(f"{folder / name}: its sha256 or size differs from what {INDEX} says")
    return files


class _Release:
    """What has been read of a release so far, for checks across files."""

    def __init__(self, folder: Path, files: list[Written], cache: Path) -> None:
        self.folder, self.files, self.cache = folder, files, cache
        self.images = ImageCheck(pillow_size)
        self.rows: Counter[tuple[str, str]] = Counter()
        self.scenes: list[tuple[str, str, str]] = []
        self._open: dict[str, bool] = {}
        self._drawn: dict[str, bool] = {}
        self._seen: dict[str, dict[str, str]] = {}

    def check_tables(self) -> None:
        """Read the tables without pixels; no annotation of a closed source may be among them."""
        for row, where in self._read("images", ROWS):
            if not row["redistributable"] and any(row[name] is not None for name in ("count", "points", "people")):
                raise ThrongError(
                    f"{where}: annotations of source {row['source']!r}, whose terms forbid passing them on"
                )
            if row["status"] == "ok":
                self._open[row["id"]] = self._open.get(row["id"], True) and row["redistributable"]
                self.scenes.append((row["scene"], row["split"], where))
        tables = {file.config for file in self.files if file.split == ROWS} - {"images"}
        for table in sorted(tables):
            for row, _ in self._read(table, ROWS):
                if table == DRAWN and row["status"] == "ok":
                    self._drawn[row["id"]] = row["redistributable"]

    def check_parquet(self, product: str) -> None:
        """Check every sample of a product, images included."""
        seen = self._seen[product] = {}
        for split in self._splits(product, "parquet"):
            for row, where in self._read(product, split, images=tuple(HASHES[product])):
                self._check_row(product, split, row, where)
                if product == REQUESTED_DENSITY.name and not self._drawn[row["id"]]:
                    raise ThrongError(f"{where}: drawn after photographs whose terms forbid passing it on")
                for column, promised in HASHES[product].items():
                    size = (row["width"], row["height"])
                    self.images.check(row[column]["bytes"], row[promised], size, f"{where}, {column}")
                for parent in parents_of(product, row):
                    if not self._open.get(parent, False):
                        raise ThrongError(
                            f"{where}: shows pixels of image {parent!r}, which may not be passed on or is unknown"
                        )
                self._once(seen, row["id"], _fingerprint(row, tuple(HASHES[product])), where)

    def check_recipes(self, product: str) -> None:
        """Check every sample that is released without pixels."""
        config = PRODUCTS[product].recipes
        for split in self._splits(config, "parquet"):
            for row, where in self._read(config, split):
                self._check_row(product, split, row, where)
                self._once(self._seen[product], row["id"], RECIPE, where)

    def check_tars(self, product: str) -> None:
        """Check that a product's tar shards hold the samples of its Parquet shards, byte by byte."""
        waiting = {key: fingerprint for key, fingerprint in self._seen[product].items() if fingerprint != RECIPE}
        members: set[str] | None = None
        for file in self.files:
            if (file.config, file.format) != (product, "webdataset"):
                continue
            rows = 0
            for key, fields in _tar_samples(self.folder / file.path):
                where = f"{self.folder / file.path}, sample {key}"
                members = members or set(fields)
                if set(fields) != members:
                    raise ThrongError(f"{where}: has {sorted(fields)}, other samples have {sorted(members)}")
                if waiting.pop(key, None) != _tar_fingerprint(product, fields, where):
                    raise ThrongError(f"{where}: differs from the Parquet shards, is not in them, or occurs twice")
                rows += 1
            if rows != file.rows:
                raise ThrongError(f"{self.folder / file.path}: {rows} samples, {INDEX} says {file.rows}")
        if waiting:
            raise ThrongError(f"{product}: sample {min(waiting)} is in the Parquet shards but in no tar shard")

    def check_totals(self, index: Mapping[str, Any]) -> None:
        """Check that the rows read are the rows that the index promises, file by file and in all."""
        promised: Counter[tuple[str, str]] = Counter()
        for file in self.files:
            if file.format == "parquet":
                promised[file.config, file.split] += file.rows
        for key in sorted({*promised, *self.rows}):
            if promised[key] != self.rows[key]:
                raise ThrongError(f"{'/'.join(key)}: {self.rows[key]} rows, {INDEX} lists {promised[key]} in its files")
        for product, counts in index["products"].items():
            for config, splits in ((product, counts["pixels"]), (f"{product}_recipes", counts["recipes"])):
                read = {split: number for (name, split), number in self.rows.items() if name == config and number}
                if read != splits:
                    raise ThrongError(f"{config}: {read} rows by split, {INDEX} says {splits}")

    def _check_row(self, product: str, split: str, row: Mapping[str, Any], where: str) -> None:
        if row["split"] != split:
            raise ThrongError(f"{where}: its split is {row['split']!r}, but it is in the shards of {split!r}")
        CHECKS[product](row, where)
        if product == REQUESTED_DENSITY.name and row["id"] not in self._drawn:
            raise ThrongError(f"{where}: table {DRAWN} does not hold it as ok")
        self.scenes.append((row["scene"], split, where))

    def _once(self, seen: dict[str, str], row_id: str, fingerprint: str, where: str) -> None:
        if row_id in seen:
            raise ThrongError(f"{where}: the id occurs more than once in its product")
        seen[row_id] = fingerprint

    def _splits(self, config: str, kind: str) -> list[str]:
        return sorted({file.split for file in self.files if (file.config, file.format) == (config, kind)})

    def _read(self, config: str, split: str, images: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield every row of a configuration's split, as ``load_dataset`` gives it, with what to call it."""
        import datasets

        where = f"{self.folder}, configuration {config}, split {split}"
        try:
            stream = datasets.load_dataset(
                str(self.folder), config, split=split, streaming=True, cache_dir=str(self.cache)
            )
            for column in images:
                if not isinstance((stream.features or {}).get(column), datasets.Image):
                    raise ThrongError(f"{where}: column {column!r} does not load as an image")
                stream = stream.cast_column(column, datasets.Image(decode=False))
            rows = iter(stream)
        except (OSError, ValueError) as error:
            raise ThrongError(f"{where}: datasets cannot load it ({error})") from error
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except (OSError, ValueError, TypeError) as error:
                raise ThrongError(
                    f"{where}, row {self.rows[config, split]}: datasets cannot read it ({error})"
                ) from error
            self.rows[config, split] += 1
            yield row, f"{where}, row {row.get('id', self.rows[config, split])}"


def _tar_samples(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    from webdataset.tariterators import group_by_keys, tar_file_expander

    with path.open("rb") as stream:
        samples = group_by_keys(tar_file_expander([{"url": path.name, "stream": stream}]))
        while True:
            try:
                sample = next(samples)
            except StopIteration:
                return
            except (OSError, ValueError, tarfile.TarError) as error:
                raise ThrongError(f"{path}: webdataset cannot read it ({error})") from error
            yield sample["__key__"], {name: data for name, data in sample.items() if not name.startswith("__")}


def _fingerprint(row: Mapping[str, Any], images: tuple[str, ...]) -> str:
    """Hash all of a sample but its pixels, whose hashes are among its columns and were compared with them."""
    names = {f"{column}_path": row[column]["path"] for column in images}
    return digest(canonical_json({name: value for name, value in row.items() if name not in images} | names))


def _tar_fingerprint(product: str, fields: Mapping[str, bytes], where: str) -> str:
    try:
        row = json.loads(fields["json"])
        images = PRODUCTS[product].images
        prefixes = {name.rpartition(".")[0]: name for name in fields if name != "json"}
        if len(fields) != 1 + len(images) or set(prefixes) != set(images.values()):
            raise ThrongError(f"{where}: has members {sorted(fields)}, expected json and one for each image")
        for column, prefix in images.items():
            member = prefixes[prefix]
            if hashlib.sha256(fields[member]).hexdigest() != row[HASHES[product][column]]:
                raise ThrongError(f"{where}: member {member} is not the image that its json names")
    except (KeyError, ValueError) as error:
        raise ThrongError(f"{where}: not a sample of {product} ({error})") from error
    return digest(canonical_json(row))
