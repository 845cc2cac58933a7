"""Stage ``audit_leakage``: near copies across splits and in known test sets."""

import importlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from throng.files import write_text
from throng.images import ImageStore
from throng.likeness import page
from throng.likeness.comparing import Comparer, as_record
from throng.likeness.figures import figures
from throng.likeness.hashes import windows_of
from throng.likeness.looking import Encoder, Looks, Observer, read
from throng.likeness.search import Candidate, HeldOut
from throng.likeness.subjects import RANKS, Subject, batches, gather, roots
from throng.manifest import write_table
from throng.provenance import canonical_json, digest
from throng.sections.audit_leakage import AuditLeakage
from throng.stage import Context, Files
from throng.tables.near_duplicates import TABLE, NearDuplicateRow
from throng.workdir import Workdir, process

log = logging.getLogger(__name__)
Unread = list[tuple[Subject, str]]


def run(inputs: Files, outputs: Files, config: AuditLeakage, context: Context) -> None:
    """Write a row for every pair that was compared, the figures as JSON, and the page."""
    test_sets = {one.name: folder for one, folder in zip(config.test_sets, inputs.many("test_sets"), strict=True)}
    subjects = gather(inputs.one("images"), inputs.many("synthetic"), inputs.many("gan_samples"), test_sets)
    store = ImageStore(roots(context.roots, test_sets))
    encoder, model = _encoder(inputs.many("encoder"), config.device)
    windows = windows_of(config.crops)
    work = context.workdir()
    looks, unread = look(subjects, Observer(store, windows, encoder), model, work, context.threads)
    pairs = search(looks, len(windows), (config.distance, config.neighbours), context.threads)
    rows = compare(pairs, Comparer(store, windows, config.agreement), work, context.threads)
    said = {name: getattr(config, name) for name in ("distance", "crops", "agreement", "neighbours")}
    found = figures([one for part in looks for one in part.subjects], unread, rows, said | {"encoder": model})
    write_table(outputs.one("table"), TABLE, rows, context.provenance(model=model))
    write_text(outputs.one("figures"), json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    chosen = page.shown(rows, config.pictures)
    closed = page.closed_sources({one.key: one for part in looks for one in part.subjects}, chosen)
    write_text(outputs.one("page"), page.render(config.title, found, chosen, closed, store, config.picture))
    store.close()
    work.remove()
    report(found)


def look(
    subjects: Sequence[Subject], observer: Observer, model: Mapping[str, str] | None, work: Workdir, threads: int
) -> tuple[list[Looks], Unread]:
    """Look at every image, in batches that are not looked at again after a kill."""
    wanted = batches(subjects, canonical_json(model))
    kept = Workdir(work.path / "looks")
    rows = process(
        kept, {key: key for key in wanted}, lambda key: observer.look(key, wanted[key]), threads=threads, stage="look"
    )
    looks, unread = [], []
    for key, batch in wanted.items():
        one, problems = read(kept, key, batch, rows[key])
        looks.append(one)
        unread += problems
    return looks, unread


def search(
    looks: Sequence[Looks], windows: int, reach: tuple[int, int], threads: int
) -> list[tuple[Subject, list[Candidate]]]:
    """Return every image that may show a held-out one again, with what it may show.

    ``windows`` is how many hashes are of windows, ``reach`` the most bits that differ and the most candidates of each.
    """
    found: list[tuple[Subject, list[Candidate]]] = []
    for rank in sorted(set(RANKS.values()))[:-1]:
        above = Looks.joined((part.among(_ranks(part) > rank) for part in looks), windows)
        if above.subjects:
            held_out = HeldOut(above, reach[0])
            mine = (part.among(_ranks(part) == rank) for part in looks)
            with ThreadPoolExecutor(max(1, threads)) as pool:
                for some in pool.map(lambda part, held=held_out: held.candidates(part, reach[1]), mine):
                    found += some
    return found


def compare(
    pairs: Iterable[tuple[Subject, list[Candidate]]], comparer: Comparer, work: Workdir, threads: int
) -> list[NearDuplicateRow]:
    """Lay every candidate over what it may show again, which is not done again after a kill."""
    items = {_pair_key(subject, candidates): (subject, candidates) for subject, candidates in pairs}
    made = process(
        Workdir(work.path / "pairs"),
        items,
        lambda item: ({"rows": [as_record(row) for row in comparer.rows(*item)]}, {}),
        threads=threads,
        stage="compare",
    )
    return [NearDuplicateRow(**record) for row in made.values() for record in row["rows"]]


def report(found: Mapping[str, Any]) -> None:
    """Log what was found."""
    log.info("looked at %s; compared %d pairs", found["looked_at"], found["pairs_compared"])
    for record in found["leaks"]["by"]:
        log.warning(
            "%d of the images of %s, split %s, were found again in %s, split %s",
            record["images"], record["table"], record["split"], record["found_in"], record["found_split"],
        )  # fmt: skip
    if found["not_looked_at"]:
        log.warning("%d images could not be read, so nobody knows whether they leak", len(found["not_looked_at"]))


def _encoder(files: Sequence[Path], device: str) -> tuple[Encoder | None, dict[str, str] | None]:
    if not files:
        return None, None
    return importlib.import_module("throng.likeness.features").load(files[0], device)


def _ranks(looks: Looks) -> np.ndarray:
    return np.array([one.rank for one in looks.subjects], np.int64)


def _pair_key(subject: Subject, candidates: Sequence[Candidate]) -> str:
    others = [[*one.other.key, one.other.sha256, one.similarity] for one in candidates]
    return digest(canonical_json([[*subject.key, subject.sha256], others]))[:24]
