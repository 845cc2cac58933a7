"""From the tables of a run to the folders that SYRAC's and AFreeCA's trainers read: annotations and copied pixels."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from throng.errors import ThrongError
from throng.files import write_text
from throng.folders import whole_folder
from throng.images import ImageStore, decode, encode_png
from throng.manifest import OK, read_rows
from throng.ranking.legacy import SPLITS, TEST, LegacyCount, LegacyPair, LegacyTriple, counts_text, ranking_text
from throng.roots import RESULTS
from throng.sources.headers import read_header
from throng.tables import calibrated_counts, images, ranked_pairs, synthetic
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import EQUAL, MORE, Crop, RankedPairRow
from throng.tables.synthetic import SyntheticRow

ANNOTATIONS, TRIPLES = "annotations.json", "sort.annotations.json"
JOB = "logs/rank_pairs.log.job.json"
COPIED = ("jpeg", "png")
ANY_SIZE = 2**40


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image to put into a data set: where it is, the window that is meant, and its name without extension."""

    source: str
    path: str
    crop: Crop | None
    name: str


def export(results: Path, layout: str, to: Path, name: str, roots: Mapping[str, Path]) -> dict[str, dict[str, int]]:
    """Write the data sets of a layout as new folders below ``to`` and return what each holds and leaves out.

    ``layout`` is ``syrac`` (``<name>_ranking``, ``<name>_synthetic``, ``<name>_real``) or ``afreeca``
    (``<name>_sort``). Raises ThrongError when a folder is there already, a table is missing or a file unreadable.
    """
    store = ImageStore(dict(roots) | {RESULTS: results})
    pairs = read_rows(results / "rank_pairs" / "ranked_pairs.parquet", ranked_pairs.TABLE, RankedPairRow)
    if layout == "afreeca":
        return {f"{name}_sort": _triples(pairs, store, to / f"{name}_sort")}
    photographs = read_rows(results / "ingest" / "images.parquet", images.TABLE, ImageRow)
    made = _counted(results)
    real = [row for row in photographs if row.status == OK and row.split == TEST and row.count is not None]
    counts = {
        f"{name}_synthetic": [(Picture(RESULTS, row.path, None, row.id), count) for row, count in made],
        f"{name}_real": [(Picture(row.source, row.path, None, row.id), row.count or 0) for row in real],
    }
    found = {f"{name}_ranking": _pairs(pairs, store, to / f"{name}_ranking")}
    for folder, counted in counts.items():
        found[folder] = _counts(counted, store, to / folder, real=folder.endswith("_real"))
    return found


def _counted(results: Path) -> list[tuple[SyntheticRow, int]]:
    """Return the synthetic training images with their counts in whole people, calibrated where not exactly known."""
    table = results / "calibrate_counts" / "calibrated_counts.parquet"
    if not table.exists():
        return []
    counts = {
        row.id: round(row.count)
        for row in read_rows(table, calibrated_counts.TABLE, CalibratedCountRow)
        if row.status == OK and row.count is not None
    }
    parts = sorted((results / "synthesize").glob("*/part-*.parquet"))
    made = read_rows(parts, synthetic.TABLE, SyntheticRow) if parts else []
    return [(row, counts[row.id]) for row in made if row.id in counts and row.split == "train"]


def roots_of(results: Path, named: Sequence[str]) -> dict[str, Path]:
    """Return the sources' folders as the run's own job noted them, those ``named`` NAME=FOLDER in their place.

    Raises ThrongError for a text that is no such assignment.
    """
    job = results / JOB
    roots = {name: Path(root) for name, root in json.loads(job.read_text())["roots"].items()} if job.is_file() else {}
    for text in named:
        name, separator, folder = text.partition("=")
        if not separator or not name or not folder:
            raise ThrongError(f"--root {text!r}: expected NAME=FOLDER, a source's name and where its files are")
        roots[name] = Path(folder)
    return roots


def triples_of(pairs: Iterable[RankedPairRow]) -> list[tuple[RankedPairRow, RankedPairRow]]:
    """Return every two pairs of one photograph that meet in an image: (x0 over x1, x1 over x2), sorted by id."""
    ordered = sorted((pair for pair in pairs if pair.relation == MORE), key=lambda pair: pair.id)
    below: dict[tuple[str, str], list[RankedPairRow]] = {}
    for pair in ordered:
        below.setdefault((pair.parent_id, pair.more_id), []).append(pair)
    return [(upper, lower) for upper in ordered for lower in below.get((upper.parent_id, upper.fewer_id), ())]


def _pairs(pairs: Sequence[RankedPairRow], store: ImageStore, folder: Path) -> dict[str, int]:
    kept = [pair for pair in pairs if pair.relation != EQUAL and pair.split in SPLITS]
    with _new(folder) as building:
        files = _Files(store, building, folder.name)
        ranked = {
            split: [
                LegacyPair(files.put(_more(pair)), files.put(_fewer(pair)), pair.kind)
                for pair in kept
                if pair.split == split
            ]
            for split in SPLITS
        }
        write_text(building / ANNOTATIONS, ranking_text(ranked))
    left_out = Counter("equal" if pair.relation == EQUAL else pair.split for pair in pairs) - Counter(
        pair.split for pair in kept
    )
    return _figures(ranked, files, {f"left out: {why}": number for why, number in left_out.items()})


def _triples(pairs: Sequence[RankedPairRow], store: ImageStore, folder: Path) -> dict[str, int]:
    found = triples_of(pairs)
    if not found:
        raise ThrongError(
            "no triples: no two ranked pairs meet in one image; AFreeCA's layout needs chains of two edits or more, "
            "or edits of the recipes reduce and enlarge, and their kinds in rank_pairs.kinds"
        )
    with _new(folder) as building:
        files = _Files(store, building, folder.name)
        ranked = {
            split: [
                LegacyTriple(files.put(_more(upper)), files.put(_fewer(upper)), files.put(_fewer(lower)))
                for upper, lower in found
                if upper.split == split
            ]
            for split in SPLITS
        }
        write_text(building / TRIPLES, ranking_text(ranked))
    left_out = Counter(upper.split for upper, _ in found if upper.split not in SPLITS)
    return _figures(ranked, files, {f"left out: {why}": number for why, number in left_out.items()})


def _counts(counted: Sequence[tuple[Picture, int]], store: ImageStore, folder: Path, *, real: bool) -> dict[str, int]:
    with _new(folder) as building:
        files = _Files(store, building, folder.name)
        entries = [LegacyCount(files.put(picture), count) for picture, count in counted]
        write_text(building / ANNOTATIONS, counts_text(entries, real=real))
    return {"images": files.number}


def _new(folder: Path) -> AbstractContextManager[Path]:
    if folder.exists():
        raise ThrongError(f"{folder}: is there already; remove it, or choose another --name or --to")
    return whole_folder(folder)


def _figures(ranked: Mapping[str, Sequence[object]], files: "_Files", left_out: Mapping[str, int]) -> dict[str, int]:
    return {split: len(entries) for split, entries in ranked.items()} | {"images": files.number} | dict(left_out)


class _Files:
    """Puts each image into ``images/`` once and returns the path that stands for it behind ``data_dir``."""

    def __init__(self, store: ImageStore, folder: Path, dataset: str) -> None:
        self._store, self._folder, self._dataset = store, folder / "images", dataset
        self._folder.mkdir()
        self._put: dict[tuple[str, str, str], str] = {}

    @property
    def number(self) -> int:
        """Images put so far."""
        return len(set(self._put.values()))

    def put(self, picture: Picture) -> str:
        """Write the image unless it is there already; raises ThrongError when it cannot be read."""
        key = (picture.source, picture.path, picture.name)
        if key not in self._put:
            data, extension = self._bytes(picture)
            file = f"{picture.name}.{extension}"
            (self._folder / file).write_bytes(data)
            self._put[key] = f"/{self._dataset}/images/{file}"
        return self._put[key]

    def _bytes(self, picture: Picture) -> tuple[bytes, str]:
        """Return the file itself where the old readers show it as throng does, else its pixels as PNG."""
        data = self._store.read_bytes(picture.source, picture.path)
        header = read_header(data, ANY_SIZE)
        if picture.crop is None and header.format in COPIED and header.orientation == 1:
            return data, "jpg" if header.format == "jpeg" else "png"
        try:
            pixels = decode(data)
        except ThrongError as error:
            raise ThrongError(f"{PurePosixPath(picture.path)} of source {picture.source!r}: {error}") from error
        if picture.crop is not None:
            x, y, w, h = (picture.crop[name] for name in ("x", "y", "w", "h"))
            pixels = pixels[y : y + h, x : x + w]
        return encode_png(pixels), "png"


def _more(pair: RankedPairRow) -> Picture:
    return Picture(pair.more_source, pair.more_path, pair.more_crop, _name(pair.more_id, pair.more_crop))


def _fewer(pair: RankedPairRow) -> Picture:
    return Picture(pair.fewer_source, pair.fewer_path, pair.fewer_crop, _name(pair.fewer_id, pair.fewer_crop))


def _name(member: str, crop: Crop | None) -> str:
    return member if crop is None else f"{member}_{crop['x']}_{crop['y']}_{crop['w']}_{crop['h']}"
