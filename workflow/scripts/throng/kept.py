"""Finished chunks that outlive their job's next run, so that a row which is still asked for is never made again.

Snakemake deletes a job's outputs before it runs the job again. Hard links of them in an undeclared folder survive
that, below a key of everything that decides a row but what was asked for: when only that has changed, rows and pixels
are taken from there. Unfinished work lies in the same folder, for the same reason.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from throng.chunks import parse_part, part_name
from throng.errors import ThrongError
from throng.files import atomic_path
from throng.manifest import Table, read_rows
from throng.workdir import Workdir

log = logging.getLogger(__name__)
Row = TypeVar("Row")
FOLDER = ".kept"


class Kept:
    """The finished and the unfinished work of one chunk, below ``folder`` and a key of what decides its rows."""

    def __init__(self, folder: Path, key: str, part: str) -> None:
        self._all = folder
        self._folder = folder / key
        self._part = part

    def workdir(self) -> Workdir:
        """Return the chunk's folder of committed rows."""
        return Workdir(self._folder / f"{self._part}.work")

    def finished(self, table: Table, row_type: type[Row]) -> Iterator[tuple[Path, list[Row]]]:
        """Yield the kept table and its rows of every finished chunk that this one may need; its other files are beside.

        It is the same chunk and, when the number of chunks has changed, all chunks of another number. One that cannot
        be read is passed over with a warning, as if it had never been kept.
        """
        _, of = parse_part(self._part)
        for path in sorted(self._folder.glob("part-*.parquet")):
            if path.stem != self._part and parse_part(path.stem)[1] == of:
                continue
            try:
                yield path, read_rows(path, table, row_type)
            except (ThrongError, OSError) as error:
                log.warning("kept rows of %s cannot be used again: %s", path.stem, error)

    def keep(self, *files: Path) -> None:
        """Keep the chunk's finished files, delete its unfinished work and what they take the place of.

        That is the same chunk of other keys, and, once every chunk of this key is there, all else. Where a file can be
        neither linked nor copied, the next run makes its rows again: no reason for this one to fail.
        """
        try:
            for file in files:
                _link(file, self._folder / file.name)
        except OSError as error:
            log.warning("%s cannot be kept for the next run: %s", self._part, error)
        shutil.rmtree(self._folder / f"{self._part}.work", ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):  # another chunk's job deletes the same
            for path in self._superseded():
                _delete(path)

    def _superseded(self) -> list[Path]:
        _, of = parse_part(self._part)
        others = [path for path in self._all.iterdir() if path != self._folder]
        if not all((self._folder / f"{part_name(index, of)}.parquet").exists() for index in range(of)):
            return [path for folder in others for path in folder.glob(f"{self._part}.*")]
        parts = self._folder.glob("part-*")
        return [*others, *(path for path in parts if parse_part(path.name.partition(".")[0])[1] != of)]


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or a full one
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
