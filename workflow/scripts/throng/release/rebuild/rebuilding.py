"""From a release with recipes, and the user's own copy of its sources, to a release with pixels."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.folders import whole_folder
from throng.images import ImageStore
from throng.provenance import Provenance
from throng.release.build import build
from throng.release.corpus import Corpus
from throng.release.exclusions import Exclusions
from throng.release.finishing import Finisher
from throng.release.index import INDEX
from throng.release.pixels import Pixels
from throng.release.products import DENSITY_LABELLED, PRODUCTS, RANKED_PAIRS
from throng.release.rebuild.copies import Copies, read_copies
from throng.release.rebuild.drawing import redraw
from throng.release.rebuild.edits import remake_edits
from throng.release.rebuild.labels import UNLABELLED, labels_of
from throng.release.rebuild.making import composing, remake_images
from throng.release.rebuild.outcome import Outcome
from throng.release.rebuild.people import detections_of
from throng.release.rebuild.pins import Pins
from throng.release.rebuild.recipes import Recipes
from throng.release.rebuild.run import SHOWN_THERE, place_pixels, write_tables
from throng.release.rebuild.sealing import seal
from throng.release.records import RECORDS
from throng.release.verify import verify
from throng.roots import RESULTS
from throng.sections.synthesize import Composite
from throng.synthesizers.material import is_emptied, training_material
from throng.synthesizers.protocol import Material
from throng.synthesizers.rows import TRAIN
from throng.tables.detections import DetectionRow
from throng.workdir import Workdir


def rebuild(
    release: Path, given: Sequence[str], models: Sequence[Path], out: Path, *, threads: int = 1, device: str = "cpu"
) -> Outcome:
    """Make the pixels of a release's recipes again and write them as a release into ``out``, which it replaces.

    ``given`` are folders of sources, ``DIR`` or ``NAME=DIR``; ``models`` the files that the release pins. What was made
    before a kill is not made again. Raises ThrongError for a release that is damaged or has no recipes, for files that
    come out otherwise only when they are finished, and for what verification finds; ``out`` then stays as it was.
    """
    recipes = Recipes.read(release)
    _check_out(recipes, out)
    parts = Workdir(out.with_name(f".{out.name}.work") / sha256_file(release / INDEX)[:16])
    corpus, copies, faults = _run_again(recipes, given, Pins(models), parts, threads, device)
    outcome = _outcome(recipes, corpus, faults)
    if any(outcome.rebuilt.values()):
        with whole_folder(out) as folder:
            _write(recipes, corpus, copies, faults, parts.path / RESULTS, folder)
            _compare(recipes, folder)
            seal(recipes, outcome, folder)
            verify(folder, parts.path / "datasets", rebuilt=True)
    if outcome.complete:
        Workdir(parts.path.parent).remove()
    return outcome


def _check_out(recipes: Recipes, out: Path) -> None:
    if not any(recipes.samples.values()):
        raise ThrongError(f"{recipes.folder}: holds the pixels of all its samples; there is nothing to rebuild")
    if out.exists() and any(out.iterdir()) and not (out / INDEX).is_file():
        raise ThrongError(f"--out {out}: holds something else than a release; name a folder that may be replaced")
    if out.resolve() == recipes.folder.resolve():
        raise ThrongError(f"--out {out}: is the release itself; name another folder")


def _run_again(
    recipes: Recipes, given: Sequence[str], models: Pins, work: Workdir, threads: int, device: str
) -> tuple[Corpus, Copies, dict[str, str]]:
    """Make everything that the recipes show, and return the run's tables and what is wrong, by id of an image."""
    wanted, results = recipes.wanted, work.path / RESULTS
    training = {name for maker in composing(recipes, wanted.made) for name in _training(recipes, maker)}
    closed = {name for name, row in recipes.photographs.items() if not row.redistributable}
    copies = read_copies(recipes, closed | training | wanted.photographs, given, threads)
    found = detections_of(recipes, copies, work.path / "detector")
    emptied = {name for name, row in recipes.edits.items() if is_emptied(row) and row.parent_id in training}
    edits = Workdir(work.path / "edits")
    faults = dict(copies.faults)
    faults |= remake_edits(recipes, copies, found, wanted.edits | emptied, models, edits, threads, device)
    there = [recipes.edits[name] for name in sorted(wanted.edits | emptied) if name in recipes.edits]
    place_pixels(results, edits, there, faults)
    store = ImageStore({**copies.folders, RESULTS: results})

    def material(maker: Composite) -> Material | str:
        return _material(recipes, maker, copies, found, faults, store)

    made = Workdir(work.path / "made")
    faults |= remake_images(recipes, wanted.made, material, models, made, threads, device)
    place_pixels(results, made, [recipes.made[name] for name in sorted(wanted.made & recipes.made.keys())], faults)
    drawn = Workdir(work.path / "drawn")
    faults |= redraw(recipes, wanted.drawn, models, drawn, device)
    place_pixels(results, drawn, [row for row in recipes.tables["gan_samples"] if row.id in wanted.drawn], faults)
    labels = labels_of(recipes, copies, found)
    return write_tables(recipes, copies, found, labels, results), copies, faults


def _training(recipes: Recipes, maker: Composite) -> set[str]:
    """Return the photographs that a maker may take cut-outs and places from."""
    return {
        name
        for name, row in recipes.photographs.items()
        if row.split == TRAIN and (maker.sources is None or row.source in maker.sources)
    }


def _material(
    recipes: Recipes,
    maker: Composite,
    copies: Copies,
    found: Mapping[str, DetectionRow],
    faults: Mapping[str, str],
    store: ImageStore,
) -> Material | str:
    """Return what composites are made of, or why that is not what it was."""
    training = _training(recipes, maker)
    emptied = {name for name, row in recipes.edits.items() if is_emptied(row) and row.parent_id in training}
    needed = training | emptied
    lacking = [faults[name] for name in sorted(needed) if name in faults]
    if lacking:
        return (
            f"material: of the {len(needed)} training photographs and emptied places that composites are made of, "
            f"{len(lacking)} are not there as they were; the first: {lacking[0]}"
        )
    rows = [copies.rows.get(row.id, row) for row in recipes.tables["images"]]
    return training_material(rows, found.values(), recipes.tables["removals"], store, maker.sources)


def _outcome(recipes: Recipes, corpus: Corpus, faults: Mapping[str, str]) -> Outcome:
    unlabelled = {row.id: row.reason for row in corpus.rows("density_labels") if row.reason.startswith(UNLABELLED)}
    wrong: dict[str, dict[str, str]] = {}
    for product, rows in recipes.samples.items():
        wrong[product] = {}
        for row in rows:
            reason = _fault(product, row, faults, unlabelled)
            if reason is not None:
                wrong[product][row["id"]] = reason
    done = {product: len(rows) - len(wrong[product]) for product, rows in recipes.samples.items()}
    return Outcome(done, wrong)


def _fault(
    product: str, row: Mapping[str, Any], faults: Mapping[str, str], unlabelled: Mapping[str, str]
) -> str | None:
    if product == RANKED_PAIRS.name:
        return faults.get(row["more_id"]) or faults.get(row["fewer_id"])
    photograph = product == DENSITY_LABELLED.name and row["table"] == "images"
    return faults.get(row["id"]) or (unlabelled.get(row["id"]) if photograph else None)


def _write(
    recipes: Recipes,
    corpus: Corpus,
    copies: Copies,
    faults: Mapping[str, str],
    results: Path,
    folder: Path,
) -> None:
    """Write the folder by the code that wrote the release, with the samples alone that it has no pixels of."""
    recipes_of = recipes.wanted
    shown = {row.id for row in corpus.rows("synthetic") if row.id not in recipes_of.made}
    shown |= {row.id for row in corpus.rows("gan_samples") if row.id not in recipes_of.drawn}
    exclusions = Exclusions({**dict.fromkeys(shown, SHOWN_THERE), **faults})
    config = recipes.config.model_copy(
        update={
            "version": recipes.index["version"],
            "previous": None,
            "products": [name for name in recipes.config.products if recipes.samples[name]],
        }
    )
    store = ImageStore({**copies.folders, RESULTS: results})
    pixels = Pixels(store, Finisher(config.privacy, config.marking))
    build(
        corpus,
        pixels,
        config,
        _provenance(recipes),
        folder,
        scratch=results.parent / "rows",
        exclusions=exclusions,
    )


def _provenance(recipes: Recipes) -> Provenance:
    footer = recipes.index["provenance"]
    known = [field.name for field in dataclasses.fields(Provenance)]
    return Provenance(**{name: footer[name] for name in known if name in footer})


def _compare(recipes: Recipes, folder: Path) -> None:
    """Raise ThrongError unless every sample written is the one that its recipe describes, by its digest or hash."""
    there = _records(recipes.folder)
    for (product, name), found in _records(folder).items():
        if product != DENSITY_LABELLED.name and there.get((PRODUCTS[product].recipes, name)) != found:
            raise _otherwise(product, name)
    hashes = {row["id"]: row["sha256"] for row in recipes.samples[DENSITY_LABELLED.name]}
    for path in sorted((folder / "data" / DENSITY_LABELLED.name).glob("*.parquet")):
        for row in pq.read_table(path, columns=["id", "sha256"]).to_pylist():
            if hashes.get(row["id"]) != row["sha256"]:
                raise _otherwise(DENSITY_LABELLED.name, row["id"])


def _otherwise(product: str, name: str) -> ThrongError:
    return ThrongError(
        f"{product}, sample {name}: its images are as the run made them, but come out otherwise when they are finished "
        f"for release; another version of throng, or of OpenCV, finished them then"
    )


def _records(folder: Path) -> dict[tuple[str, str], str]:
    rows = pq.read_table(folder / RECORDS).to_pylist()
    return {(row["product"], row["id"]): row["digest"] for row in rows}
