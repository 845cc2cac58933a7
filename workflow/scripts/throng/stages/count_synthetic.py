"""Stage ``count_synthetic``: who is seen in the synthesised images of one maker and part, and what they look like."""

import dataclasses
import itertools
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from throng import detectors
from throng.calibration import features
from throng.calibration.looking import Observer, TrainedCounter, models_of, rejected
from throng.calibration.subjects import Subject, batches, reference_photographs, synthetic_subject
from throng.detectors.protocol import Detector
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.manifest import OK, check_conserved, read_rows, tally, write_table
from throng.provenance import canonical_json, digest
from throng.sections.count_synthetic import CountSynthetic
from throng.stage import Context, Files
from throng.tables import synthetic, synthetic_counts
from throng.tables.synthetic import SyntheticRow
from throng.tables.synthetic_counts import SyntheticCountRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: CountSynthetic, context: Context) -> None:
    """Write a row for every synthesised image of a part, made or not, and for its share of the photographs."""
    os.environ.setdefault("OMP_NUM_THREADS", str(context.threads))
    maker = context.wildcards["maker"]
    shown, unmade = read_subjects(inputs, config, context)
    scratch = context.workdir()
    detector = _detector(inputs, config, scratch)
    counter = _counter(inputs, config, context.threads)
    described = features.load(config.features, inputs.many("features_model"), config.device)
    models = models_of(detector, counter, described)
    work = Workdir(scratch.path / digest(canonical_json(models))[:16])
    with ThreadPoolExecutor(max(1, context.threads)) as pool:
        observer = Observer(maker, ImageStore(context.roots), pool, detector, counter, described)

        def look(subjects: Sequence[Subject]) -> Made:
            return {"rows": [dataclasses.asdict(row) for row in observer.look(subjects)]}, {}

        items = batches(shown, detector.batch if detector and detector.reads_pixels else config.batch)
        # one batch at a time: a network spreads it over the job's threads
        made = process(work, items, look, threads=1, stage="count_synthetic")
    rows = [SyntheticCountRow(**row) for batch in made.values() for row in batch["rows"]]
    rows += [rejected(subject, maker, subject.row.reason) for subject in unmade]
    check_conserved("count_synthetic", map(_key, [*shown, *unmade]), (f"{row.origin}/{row.id}" for row in rows))
    backend = config.detector.backend if config.detector else None
    provenance = context.provenance(backend=backend, model=models)
    write_table(outputs.one("table"), synthetic_counts.TABLE, rows, provenance)
    scratch.remove()
    for origin, some in itertools.groupby(sorted(rows, key=lambda row: row.origin), key=lambda row: row.origin):
        log.info("count_synthetic, %s: %s: %s", maker, origin, tally(some))


def read_subjects(inputs: Files, config: CountSynthetic, context: Context) -> tuple[list[Subject], list[Subject]]:
    """Return what is looked at, the part's share of the photographs included, and the images that were never made."""
    maker, part = context.wildcards["maker"], context.wildcards["part"]
    made = read_rows(inputs.one("synthetic"), synthetic.TABLE, SyntheticRow)
    foreign = sorted({row.maker for row in made} - {maker})
    if foreign:
        raise ThrongError(f"{inputs.one('synthetic')}: holds images of maker {foreign[0]!r}, expected {maker!r} alone")
    subjects = [synthetic_subject(row) for row in made]
    photographs: list[Subject] = []
    if config.reference:
        photographs = reference_photographs(inputs.one("images"), config.reference, part, context.seed)
    shown = [subject for subject in subjects if subject.row.status == OK]
    return [*shown, *photographs], [subject for subject in subjects if subject.row.status != OK]


def _key(subject: Subject) -> str:
    return f"{subject.origin}/{subject.row.id}"


def _detector(inputs: Files, config: CountSynthetic, scratch: Workdir) -> Detector | None:
    if config.detector is None:
        return None
    return detectors.load(config.detector, next(iter(inputs.many("model")), None), scratch.path / "library")


def _counter(inputs: Files, config: CountSynthetic, threads: int) -> TrainedCounter | None:
    if config.counter is None:
        return None
    import torch

    torch.set_num_threads(threads)
    return TrainedCounter(inputs.one("counter"), config.counter.scheme, config.device)
