"""The user's own copy of the sources: which folder holds which, and whether it holds the very files of the release."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK
from throng.release.rebuild.recipes import WITHDRAWN, Recipes
from throng.sections.ingest import Ingest, Source
from throng.sources.ingestion import ingest_one, listed, reader
from throng.sources.samples import Sample
from throng.tables.images import ImageRow

TRIED = 20  # files of a source that are looked for in a folder
MISSING, CHANGED, NOT_GIVEN = "missing photograph", "changed photograph", "source not given"


@dataclasses.dataclass(frozen=True)
class Copies:
    """The photographs as ingestion sees them in the user's copy, annotations included, by id.

    ``faults`` says of each that is not there as it was what is wrong, as "short kind: detail"; ``folders`` is where
    each source was found.
    """

    rows: Mapping[str, ImageRow]
    faults: Mapping[str, str]
    folders: Mapping[str, Path]


def read_copies(recipes: Recipes, needed: Collection[str], given: Sequence[str], threads: int) -> Copies:
    """Find the ``needed`` photographs in the folders that were given, each ``DIR`` or ``NAME=DIR``.

    Raises ThrongError when a folder is missing, or its name is no source of the release.
    """
    config = _ingested(recipes)
    sources = {source.name: source for source in config.sources}
    wanted = [recipes.photographs[name] for name in sorted(needed) if name in recipes.photographs]
    folders = find_folders(sources, wanted, given)
    store = ImageStore(folders)
    rows: dict[str, ImageRow] = {}
    faults: dict[str, str] = {
        name: f"{WITHDRAWN}: the release does not hold its row" for name in needed if name not in recipes.photographs
    }
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for name, source in sources.items():
            mine = [row for row in wanted if row.source == name]
            if mine and name not in folders:
                faults |= dict.fromkeys((row.id for row in mine), _not_given(name, mine[0]))
            elif mine:
                _, samples, _ = listed(source, folders[name], reader(store, name), config.max_pixels)
                found = {sample.path: sample for sample in samples}
                look = partial(_read, source, found, store, config.max_pixels)
                for row, answer in zip(mine, pool.map(look, mine), strict=True):
                    (faults if isinstance(answer, str) else rows)[row.id] = answer  # pyright: ignore[reportArgumentType]
    return Copies(rows, faults, folders)


def find_folders(sources: Mapping[str, Source], wanted: Sequence[ImageRow], given: Sequence[str]) -> dict[str, Path]:
    """Return the folder or zip of each source: the one named for it, else that which holds most of its files."""
    named: dict[str, Path] = {}
    others: list[Path] = []
    for text in given:
        name, separator, folder = text.partition("=")
        path = Path(folder if separator and name in sources else text).expanduser()
        if not path.exists():
            raise ThrongError(
                f"--source {text}: {path} does not exist; name the folder or .zip of a source, or NAME=FOLDER "
                f"(sources: {', '.join(sources)})"
            )
        if separator and name in sources:
            named[name] = path
        else:
            others.append(path)
    for name in sources:
        paths = [row.path for row in wanted if row.source == name][:TRIED]
        held = {path: _held(path, paths) for path in others}
        best = max(held, key=lambda path: held[path], default=None)
        if name not in named and best is not None and held[best]:
            named[name] = best
    return named


def _held(folder: Path, paths: Sequence[str]) -> int:
    store = ImageStore({"": folder})
    held = 0
    for path in paths:
        try:
            store.read_bytes("", path)
        except ThrongError:
            continue
        held += 1
    store.close()
    return held


def _read(
    source: Source, found: Mapping[str, Sample], store: ImageStore, max_pixels: int, row: ImageRow
) -> ImageRow | str:
    """Return a photograph's row with the annotations of the user's copy, or what is wrong with that copy."""
    where = f"{row.path} of source {row.source!r}"
    sample = found.get(row.path)
    if sample is None:
        return f"{MISSING}: {where} is not in the folder given for it; the release names sha256 {row.sha256}"
    mine = ingest_one(source, sample, reader(store, source.name), max_pixels)
    if mine.sha256 and mine.sha256 != row.sha256:
        return f"{CHANGED}: {where} has sha256 {mine.sha256}, the release was made from {row.sha256}"
    if mine.status != OK:
        return f"{MISSING}: {where} cannot be ingested ({mine.reason})"
    return dataclasses.replace(row, count=mine.count, points=mine.points, people=mine.people)


def _not_given(name: str, row: ImageRow) -> str:
    return f"{NOT_GIVEN}: no folder given holds {row.path} of {name!r}; add --source {name}=FOLDER"


def _ingested(recipes: Recipes) -> Ingest:
    """Return the configuration that the sources were read by; where they lie is not part of it."""
    (footer, *_) = recipes.footers("images")
    section = dict(footer["config"]["ingest"])
    section["sources"] = [{**source, "root": source["name"]} for source in section["sources"]]
    return Ingest.model_validate(section)
