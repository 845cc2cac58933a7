"""The disk of the results is full in the middle of a write; space is freed, and the run goes on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.faults.drill import Drill, Undisturbed
from tests.workflow.faults.report import Fault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting file systems of its own takes root"),
]


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_disk(drill: Drill, free: int) -> Iterator[Path]:
    """Keep the results on a file system of their own with ``free`` bytes left, and yield what may be deleted."""
    kept = drill.folder / "kept"
    drill.results.rename(kept)
    drill.results.mkdir()
    with mounted(drill.results, "-t", "tmpfs", "-o", "size=256m", "tmpfs"):
        shutil.copytree(kept, drill.results, symlinks=True, dirs_exist_ok=True)
        space = os.statvfs(drill.results)
        ballast = drill.results / "logs" / "ballast"
        ballast.write_bytes(b"\0" * (space.f_bavail * space.f_bsize - free))
        yield ballast


# kilobytes that are left: for some rows, a checkpoint, some shards
@pytest.mark.parametrize(("stage", "free"), [("remove", 160), ("train_counter", 20_000), ("release", 60_000)])
def test_a_full_disk_is_one_sentence_and_costs_nothing(
    stage: str, free: int, drill: Drill, undisturbed: Undisturbed, unharmed, record
):
    target = str(drill.delete(stage)[0])
    counted = [{"stage": stage, "kind": "none"}]
    with small_disk(drill, free * 1024) as ballast:
        full = drill.ran(target, faults=counted)
        assert full.code != 0
        assert "no space is left on the disk of the results; free some and run again" in full.text, full.text
        assert not (drill.folder / target).exists()
        (hit,) = drill.met()
        assert hit["commits"] > 0, "the disk is full in the middle of the work"
        ballast.unlink()
        again = drill.ran(target, faults=counted)
        assert again.code == 0, again.text
        unharmed(drill)
        redone = undisturbed.redone(drill, stage)
        record(
            Fault(
                fault="disk full",
                stage=stage,
                done=f"{free} kB left, enough for {hit['commits']} of {undisturbed.commits(drill, stage)} commits",
                told=full.sentence(stage),
                rows_lost=0,
                equal=True,
                **redone,
            )
        )


@pytest.mark.parametrize("folder", ["", "remove"])
def test_a_folder_that_cannot_be_written_is_named(folder, drill, unharmed, record):
    target = str(drill.delete("remove")[0])
    place = drill.results / folder
    with mounted(place, "--bind", "-o", "ro", str(place)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        refused = drill.ran(target)
    assert refused.code != 0
    assert f"{Path('results/tiny') / folder}" in refused.sentence("remove"), refused.text
    assert "Traceback" not in refused.text
    again = drill.ran(target)
    assert again.code == 0, again.text
    unharmed(drill)
    record(
        Fault(
            fault=f"{folder or 'results'} folder is read-only",
            stage="remove",
            done="mounted read-only",
            told=refused.sentence("remove"),
            rows_lost=0,
            equal=True,
        )
    )
