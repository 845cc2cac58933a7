"""Decoding ahead of the network: bounded, in other threads, and without any effect on the answers."""

import dataclasses
import hashlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_detectors import image_row
from throng.detectors.protocol import Found, Photograph
from throng.images import encode_png
from throng.stage import Context
from throng.stages.detect import BATCHES_AHEAD, Ahead, make_batches
from throng.workdir import Workdir, process

SIZE = (6, 8)


class Slow:
    """A detector that answers with each photograph's brightness and watches how far ahead of it others are."""

    reads_pixels, model = True, None

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.prepared, self.detected, self.furthest = 0, 0, 0
        self.threads: set[int] = set()
        self._lock = threading.Lock()

    def prepare(self, photograph: Photograph) -> Photograph:
        with self._lock:
            self.prepared += 1
            self.furthest = max(self.furthest, self.prepared - self.detected)
            self.threads.add(threading.get_ident())
        assert photograph.pixels is not None
        return Photograph(photograph.row, None, float(photograph.pixels.mean()))

    def detect(self, photographs: list[Photograph]) -> list[Found]:
        time.sleep(0.01)
        with self._lock:
            self.detected += len(photographs)
        return [
            Found([{"x": 0, "y": 0, "w": 1, "h": 1, "score": photograph.prepared / 255, "mask": None}])
            for photograph in photographs
        ]


def context(folder: Path, threads: int) -> Context:
    return Context("detect", 0, threads, {}, {"here": folder, "results": folder / "results"}, {}, "code", {})


@pytest.fixture
def photographs(tmp_path):
    rows = []
    for number in range(40):
        row = image_row(*SIZE, f"{number:016x}")
        data = encode_png(np.full((*SIZE, 3), 5 * number, np.uint8))
        (tmp_path / row.path).write_bytes(data)
        rows.append(dataclasses.replace(row, sha256=hashlib.sha256(data).hexdigest()))
    return rows


def detected(tmp_path, rows, *, batch: int, threads: int, work: Workdir | None = None):
    detector = Slow(batch)
    work = work or Workdir(tmp_path / f"work-{batch}-{threads}")
    with Ahead(detector, "slow", make_batches(rows, batch), context(tmp_path, threads)) as ahead:
        made = process(work, {key: key for key in ahead.batches}, ahead.make, threads=1, stage="detect")
    people = {row["id"]: row["people"][0]["score"] for made_of in made.values() for row in made_of["rows"]}
    return people, detector


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (1, 8), (4, 2), (4, 16), (64, 2)])
def test_answers_are_those_of_one_after_the_other_and_memory_is_bounded(tmp_path, photographs, batch, threads):
    people, detector = detected(tmp_path, photographs, batch=batch, threads=threads)
    assert people == {row.id: 5 * number / 255 for number, row in enumerate(photographs)}
    assert detector.furthest <= max((BATCHES_AHEAD + 1) * batch, 2 * threads + batch)
    assert threading.get_ident() not in detector.threads


def test_decoding_runs_ahead(tmp_path, photographs):
    _, detector = detected(tmp_path, photographs, batch=4, threads=2)
    assert detector.furthest > 4


def test_what_an_earlier_attempt_committed_is_not_decoded_again(tmp_path, photographs):
    work = Workdir(tmp_path / "resumed")
    first = {key: rows for key, rows in make_batches(photographs, 4).items() if key < "000006"}
    with Ahead(Slow(4), "slow", first, context(tmp_path, 2)) as ahead:
        process(work, {key: key for key in first}, ahead.make, threads=1, stage="detect")
    people, detector = detected(tmp_path, photographs, batch=4, threads=2, work=work)
    assert detector.prepared == detector.detected == 40 - 6 * 4
    assert people == {row.id: 5 * number / 255 for number, row in enumerate(photographs)}


def test_a_photograph_of_another_size_or_none_at_all_or_replaced_is_one_rejected_row(tmp_path, photographs):
    bad_files = {3: encode_png(np.zeros((9, 9, 3), np.uint8)), 5: b"\x89PNG no image"}
    for number, data in bad_files.items():
        (tmp_path / photographs[number].path).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        photographs[number] = dataclasses.replace(photographs[number], sha256=sha256)
    (tmp_path / photographs[7].path).write_bytes((tmp_path / photographs[8].path).read_bytes())
    with Ahead(Slow(4), "slow", make_batches(photographs, 4), context(tmp_path, 2)) as ahead:
        rows = [row for key in ahead.batches for row in ahead.make(key)[0]["rows"]]
    bad = {row["id"]: row["reason"] for row in rows if row["status"] == "rejected"}
    assert bad == {
        photographs[3].id: "size: decoded to 9x9, ingestion saw 8x6; run ingest again",
        photographs[5].id: "unreadable: the bytes are no image that can be decoded",
        photographs[7].id: "unreadable: the file is not the one that ingestion saw: restore it, or run ingest again",
    }
