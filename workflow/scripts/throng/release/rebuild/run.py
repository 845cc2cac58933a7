"""The run that a release came from, as far as it can be had again: its tables and pixels in a results folder."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from throng.density.labelling import PHOTOGRAPHS
from throng.images import pack_zip, split_container
from throng.manifest import OK, REJECTED, write_table
from throng.provenance import Provenance
from throng.release.corpus import TABLES, Corpus
from throng.release.products import RANKED_PAIRS
from throng.release.rebuild.copies import Copies
from throng.release.rebuild.labels import rejected
from throng.release.rebuild.recipes import Recipes
from throng.release.rebuild.withdrawn import completed
from throng.roots import RESULTS
from throng.tables.density_labels import DensityLabelRow
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.workdir import Workdir

# of tables that several jobs fill, what tells whose row it is, and where a footer says whose it is
DIVIDED = {"synthetic": ("maker", "synthesize"), "gan_samples": ("sampler", "sample_gan")}
UNREAD = "not read again"
SHOWN_THERE = "with pixels in the release"


def place_pixels(results: Path, work: Workdir, rows: Iterable[Any], faults: Mapping[str, str]) -> None:
    """Put the files of ``work`` that rows (with ``id`` and ``path``) name where the run had them."""
    archives: dict[str, dict[str, bytes | Path]] = {}
    for row in rows:
        container, member = split_container(row.path)
        if row.id not in faults and member is not None:
            archives.setdefault(container, {})[member] = work.file(member)
    for container, members in archives.items():
        pack_zip(results / container, members)


def write_tables(
    recipes: Recipes,
    copies: Copies,
    found: Mapping[str, DetectionRow],
    labels: Mapping[str, DensityLabelRow],
    results: Path,
) -> Corpus:
    """Write the run's tables below ``results``: the release's, completed by what the user's copy says.

    Whatever is there again is said to be free to show, as the folder that is made of it is its user's own.
    """
    wanted = recipes.wanted
    whole = completed(recipes)
    tables: dict[str, list[Any]] = {
        **recipes.tables,
        **whole,
        "images": [_completed(row, copies) for row in recipes.tables["images"]],
        "detections": list(_all_detections(recipes, found)),
        "ranked_pairs": [_pair(row, recipes) for row in recipes.samples[RANKED_PAIRS.name]],
        "synthetic": [_shown(row, wanted.made) for row in whole["synthetic"]],
        "gan_samples": [_shown(row, wanted.drawn) for row in recipes.tables["gan_samples"]],
        "density_labels": [*map(_elsewhere, recipes.tables["density_labels"]), *labels.values()],
    }
    written = {name: list(_parts(recipes, name, rows, results / "tables")) for name, rows in tables.items()}
    return Corpus.read(lambda name: written[name], {})


def _completed(row: ImageRow, copies: Copies) -> ImageRow:
    """Return a photograph with its annotations."""
    if row.status != OK or row.id not in copies.rows:
        return row
    return dataclasses.replace(copies.rows[row.id], redistributable=True)


def _shown(row: Any, wanted: Collection[str]) -> Any:
    return dataclasses.replace(row, redistributable=True) if row.id in wanted else row


def _all_detections(recipes: Recipes, found: Mapping[str, DetectionRow]) -> Iterable[DetectionRow]:
    """Yield a row for every photograph, rejected where nobody could look again."""
    yield from found.values()
    footer = recipes.footers("detections")[0]
    for name in sorted(recipes.photographs.keys() - found.keys()):
        backend = footer["config"]["detect"]["backend"]
        yield DetectionRow(name, backend, [], REJECTED, f"{UNREAD}: the user's copy lacks the photograph")


def _elsewhere(row: DensityLabelRow) -> DensityLabelRow:
    """Return the label of a photograph that the release itself shows as one that is not shown here."""
    return row if row.table != PHOTOGRAPHS or row.status != OK else rejected(row, SHOWN_THERE)


def _pair(fields: Mapping[str, Any], recipes: Recipes) -> RankedPairRow:
    """Return the row of table ranked_pairs behind a recipe."""
    own = {name: fields[name] for name in (field.name for field in dataclasses.fields(RankedPairRow)) if name in fields}
    for side in ("more", "fewer"):
        edit = recipes.edits.get(fields[f"{side}_id"])
        own[f"{side}_source"] = RESULTS if edit else fields["parent_source"]
        own[f"{side}_path"] = edit.path if edit else fields["parent_path"]
    return RankedPairRow(**own)


def _parts(recipes: Recipes, name: str, rows: list[Any], folder: Path) -> Iterable[Path]:
    """Write a table in as many parts as there are footers, each row with the footer that is its own."""
    table, _ = TABLES[name]
    for number, footer in enumerate(recipes.index["made_by"].get(name, [])):
        if name in DIVIDED:
            whose, stage = DIVIDED[name]
            mine = [row for row in rows if getattr(row, whose) == footer["config"][stage]["name"]]
        else:
            mine = rows if number == 0 else []
        path = folder / f"{name}-{number:03d}.parquet"
        write_table(path, table, mine, _provenance(_asked(name, footer, len(mine))))
        yield path


def _asked(name: str, footer: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
    """Return a sampler's footer with as many images asked for as there are rows: what was withdrawn no longer is."""
    if name != "gan_samples":
        return footer
    return {**footer, "model": {**footer["model"], "asked": str(rows)}}


def _provenance(footer: Mapping[str, Any]) -> Provenance:
    known = [field.name for field in dataclasses.fields(Provenance)]
    return Provenance(**{name: footer[name] for name in known if name in footer})
