"""Photographs of crowds as they are published, changed as people change them."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.unit.likeness.pictures import COPIES
from throng.images import ImageStore, decode, encode_jpeg
from throng.likeness.comparing import Comparer
from throng.likeness.hashes import hashes_of, windows_of
from throng.likeness.looking import Looks
from throng.likeness.search import HeldOut
from throng.likeness.subjects import Subject
from throng.sections.audit_leakage import AuditLeakage
from throng.tables.near_duplicates import LEAK

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("THRONG_DATA" not in os.environ, reason="THRONG_DATA names no folder with shanghaitech/part_B"),
]
SECTION = AuditLeakage()
WINDOWS = windows_of(SECTION.crops)
TAKEN = 16


class Changed(ImageStore):
    """Photographs below a folder: source ``test`` as they are, any other changed as it says."""

    def read_bytes(self, source: str, path: str) -> bytes:
        data = super().read_bytes("test", path)
        return data if source == "test" else encode_jpeg(COPIES[source](decode(data)))


@pytest.fixture(scope="module")
def store() -> Changed:
    return Changed({"test": Path(os.environ["THRONG_DATA"]) / "shanghaitech" / "part_B" / "test_data" / "images"})


@pytest.fixture(scope="module")
def held_out(store: Changed) -> HeldOut:
    return HeldOut(looks(store, "test", "test"), SECTION.distance)


def looks(store: Changed, source: str, split: str) -> Looks:
    paths = [f"IMG_{number}.jpg" for number in range(1, 316, 316 // TAKEN)]
    hashes = [hashes_of(decode(store.read_bytes(source, path)), WINDOWS) for path in paths]
    subjects = [Subject("images", path, source, path, split, "", f"{source} {path}", False) for path in paths]
    stacked = np.stack([one for one in hashes if one is not None])
    assert len(stacked) == len(paths)
    return Looks(subjects, stacked, np.ones(len(paths), bool), np.zeros((len(paths), 0), np.float32))


@pytest.mark.parametrize("copy", COPIES)
def test_every_copy_is_found_and_no_other_photograph_is_taken_for_it(store: Changed, held_out: HeldOut, copy: str):
    comparer = Comparer(store, WINDOWS, SECTION.agreement)
    changed = looks(store, copy, "train")
    found = held_out.candidates(changed, SECTION.neighbours)
    rows = [row for subject, candidates in found for row in comparer.rows(subject, candidates)]
    pairs = {(row.path, row.other_path) for row in rows if row.verdict == LEAK}
    assert pairs == {(subject.path, subject.path) for subject in changed.subjects}
