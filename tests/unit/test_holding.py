"""Who holds a file: a living process keeps it, a dead one does not, one on another node keeps it while it breathes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from throng.errors import ThrongError
from throng.holding import SILENT_SECONDS, Hold, Holder, take
from throng.operations.occupancy import LOCK, check_writable, occupy

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
OTHER = {"user": "anna", "host": "login1", "pid": 4711, "since": "2026-01-02 03:04 UTC"}


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path / "lock" until it is killed."""
    program = "import sys, time; from pathlib import Path; from throng.holding import take\n"
    program += "held = take(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(SCRIPTS)}
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_what_a_living_process_holds_is_refused_with_its_name_and_a_dead_ones_is_taken(holder, tmp_path):
    found = take(tmp_path / "lock")
    assert isinstance(found, Holder)
    assert found.pid == holder.pid and found.since.endswith(" UTC")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "lock").read_text(), "a kill leaves the file"
    mine = take(tmp_path / "lock")
    assert isinstance(mine, Hold)
    mine.let_go()
    assert list(tmp_path.iterdir()) == []


def test_work_that_somebody_else_has_to_finish_leaves_an_empty_file(tmp_path):
    mine = take(tmp_path / "lock")
    assert isinstance(mine, Hold)
    mine.let_go(done=False)
    assert (tmp_path / "lock").read_text() == ""


@pytest.mark.parametrize(("silent", "taken"), [(0.0, False), (SILENT_SECONDS + 60, True)])
def test_a_holder_on_another_node_lives_as_long_as_it_touches_the_file(tmp_path, silent, taken):
    lock = tmp_path / "lock"
    lock.write_text(json.dumps(OTHER))
    now = lock.stat().st_mtime
    os.utime(lock, (now - silent, now - silent))
    found = take(lock)
    assert isinstance(found, Hold if taken else Holder)
    if isinstance(found, Hold):
        found.let_go()
    else:
        assert found == Holder(**OTHER)


def test_a_second_run_is_told_who_is_there(tmp_path):
    (tmp_path / LOCK).write_text(json.dumps(OTHER))
    with pytest.raises(ThrongError, match=r"user anna, host login1, process 4711, since 2026-01-02 03:04 UTC"):
        occupy([str(tmp_path)])


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ThrongError, match=r"file/results: cannot be written"):
        occupy([str(tmp_path / "file" / "results")])


def test_a_stages_folder_in_which_nothing_can_be_made_is_named(tmp_path):
    check_writable([str(tmp_path / "new" / "folder" / "table"), str(tmp_path / "table")])
    (tmp_path / "file").write_text("")
    with pytest.raises(ThrongError, match=r"/file: cannot be written; give yourself the right"):
        check_writable([str(tmp_path / "file" / "new" / "table")])
