"""Stage ``detect``: the people of one chunk of images, by the chosen detector."""

import dataclasses
import itertools
import logging
import os
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from throng import detectors
from throng.chunk_rows import read_chunk
from throng.chunks import members
from throng.detectors.protocol import Detector, Found, Photograph
from throng.errors import ThrongError
from throng.images import ImageStore, check_unchanged, decode
from throng.manifest import OK, REJECTED, check_conserved, tally, write_table
from throng.sections.detect import Detect
from throng.stage import Context, Files
from throng.tables import detections, images
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)
Decoded = Photograph | str
BATCHES_AHEAD = 2  # at least, beside the one in the network; more when the job has threads for more photographs


def run(inputs: Files, outputs: Files, config: Detect, context: Context) -> None:
    """Write one detections row for every ok image of the chunk ``context.wildcards["part"]``."""
    part = context.wildcards["part"]
    rows = members(read_chunk(inputs.one("images"), images.TABLE, ImageRow, part), part)
    os.environ.setdefault("OMP_NUM_THREADS", str(context.threads))
    scratch = context.workdir()
    detector = detectors.load(config, next(iter(inputs.many("model")), None), scratch.path / "library")
    work = Workdir(scratch.path / (detector.model or {}).get("sha256", "rows")[:16])
    with Ahead(detector, config.backend, make_batches(rows.values(), detector.batch), context) as ahead:
        made = process(work, {key: key for key in ahead.batches}, ahead.make, threads=1, stage="detect")
    found = [DetectionRow(**row) for batch in made.values() for row in batch["rows"]]
    check_conserved("detect", rows, [row.id for row in found])
    provenance = context.provenance(backend=config.backend, model=detector.model)
    write_table(outputs.one("table"), detections.TABLE, found, provenance)
    scratch.remove()
    log.info("detect: %s", tally(found))


def make_batches(rows: Iterable[ImageRow], size: int) -> dict[str, list[ImageRow]]:
    """Cut rows into batches of one image size; they depend on the rows alone, so a resumed job makes the same."""
    ordered = sorted(rows, key=lambda row: (row.height, row.width, row.id))
    batches: dict[str, list[ImageRow]] = {}
    for _, group in itertools.groupby(ordered, key=lambda row: (row.height, row.width)):
        same = list(group)
        for start in range(0, len(same), size):
            batches[f"{len(batches):06d}"] = same[start : start + size]
    return batches


class Ahead:
    """Runs the network on one batch while threads read, decode and prepare the next ones, a bounded number of them."""

    def __init__(
        self, detector: Detector, backend: str, batches: Mapping[str, list[ImageRow]], context: Context
    ) -> None:
        self.batches = batches
        self._detector, self._backend = detector, backend
        self._store = ImageStore(context.roots)
        self._waiting = deque(batches)
        self._decoding: dict[str, list[Future[Decoded]]] = {}
        self._photographs_ahead = 2 * context.threads
        self._pool = ThreadPoolExecutor(max(1, context.threads))

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def make(self, key: str) -> Made:
        """Return the rows of one batch, an unreadable image's rejected."""
        self._fill(key)
        decoded = [future.result() for future in self._decoding.pop(key)]
        readable = [photograph for photograph in decoded if isinstance(photograph, Photograph)]
        answers = iter(self._detector.detect(readable) if readable else [])
        found = [next(answers) if isinstance(item, Photograph) else Found([], item) for item in decoded]
        rows = [self._row(row, answer) for row, answer in zip(self.batches[key], found, strict=True)]
        return {"rows": [dataclasses.asdict(row) for row in rows]}, {}

    def _fill(self, key: str) -> None:
        """Start on the batch that is wanted now and on those after it, as far ahead as is allowed."""
        while self._waiting and (key not in self._decoding or self._has_room()):
            following = self._waiting.popleft()
            if following >= key:  # the ones before were committed by an earlier attempt
                self._decoding[following] = [self._pool.submit(self._decode, row) for row in self.batches[following]]

    def _has_room(self) -> bool:
        ahead = sum(map(len, self._decoding.values()))
        return len(self._decoding) <= BATCHES_AHEAD or ahead < self._photographs_ahead

    def _decode(self, row: ImageRow) -> Decoded:
        if not self._detector.reads_pixels:
            return Photograph(row, None)
        data = self._store.read_bytes(row.source, row.path)
        try:
            check_unchanged(data, row.sha256)
            pixels = decode(data)
        except ThrongError as error:
            return f"unreadable: {error}"
        if pixels.shape[:2] != (row.height, row.width):
            height, width = pixels.shape[:2]
            return f"size: decoded to {width}x{height}, ingestion saw {row.width}x{row.height}; run ingest again"
        return self._detector.prepare(Photograph(row, pixels))

    def _row(self, row: ImageRow, found: Found) -> DetectionRow:
        status = REJECTED if found.rejection else OK
        return DetectionRow(row.id, self._backend, found.people, status, found.rejection)
