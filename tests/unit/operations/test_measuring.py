"""What a job costs is written beside its log however it ends, and its numbers are those of an independent count."""

import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from tests.jobs import SCRIPTS
from throng.operations import measuring
from throng.operations.counted import Counted
from throng.operations.gpus import Gpus
from throng.operations.measuring import Meter, Tree, measured_of


def job(folder: Path, **more) -> dict:
    basis = {"stage": "detect", "wildcards": {"part": "part-000-of-002"}, "threads": 1, "outputs": {"table": ["t"]}}
    return basis | {"log": str(folder / "job.log")} | more


def record(folder: Path) -> dict:
    return json.loads(measured_of(folder / "job.log").read_text())


def run_job(folder: Path, body: str, **more) -> subprocess.Popen[str]:
    """Start a job of stage ``report`` whose work is ``body``."""
    from tests.unit.test_stage import job_file

    path = job_file(folder, "report", {}, {"page": "p.html"}, {})
    path.write_text(json.dumps(json.loads(path.read_text()) | {"log": str(folder / "job.log")} | more))
    program = (
        "import time\nfrom throng.errors import ThrongError\nfrom throng.sections.report import Report\n"
        f"from throng.stage import main\ndef run(*_):\n    {body}\nmain(run, Report, None)\n"
    )
    command = [sys.executable, "-c", program, "--job", path.name]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def begun(folder: Path) -> None:
    deadline = time.monotonic() + 60
    log = folder / "job.log"
    while not log.exists() or "INFO throng: begun" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


SLEEP = "import logging; logging.getLogger('throng').info('begun'); time.sleep(60)"


def test_a_job_that_fails_says_why_and_what_it_cost(tmp_path):
    process = run_job(tmp_path, "raise ThrongError('no such crowd')")
    process.communicate(timeout=60)
    found = record(tmp_path)
    assert (found["state"], found["reason"]) == ("failed", "no such crowd")
    assert found["ended"] >= found["began"] and found["memory_peak_bytes"] > 1e7


def test_a_stopped_job_says_so_and_its_next_attempt_remembers_a_killed_one(tmp_path):
    process = run_job(tmp_path, SLEEP)
    begun(tmp_path)
    assert record(tmp_path)["state"] == "running"
    process.kill()
    process.communicate(timeout=60)
    assert record(tmp_path)["state"] == "running", "a killed job cannot say so"
    (tmp_path / "job.log").unlink()  # as Snakemake does before it sends a job again
    process = run_job(tmp_path, SLEEP, attempt=2)
    begun(tmp_path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    found = record(tmp_path)
    assert found["state"] == "stopped" and "terminated" in found["reason"]
    assert [(one["attempt"], one["state"]) for one in found["earlier"]] == [(1, "killed")]
    assert "attempt 1" in (tmp_path / "job.log.attempt-1").read_text()
    assert "attempt 2" in (tmp_path / "job.log").read_text()


def test_memory_and_cpu_time_of_children_count(tmp_path):
    tree = Tree()
    child = subprocess.Popen(
        [sys.executable, "-c", "held = b'x' * 200_000_000\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout
    child.stdout.readline()
    tree.look()
    living = tree.cpu_seconds()
    child.communicate(b"\n")
    used = os.times()
    tree.look()
    assert tree.memory_peak() > 200_000_000
    assert living > 0 and abs(tree.cpu_seconds() - living) < 1.0, "counted once, before and after it ended"
    assert tree.cpu_seconds() <= used.user + used.system + used.children_user + used.children_system + 1.0


def test_bytes_that_a_job_writes_and_reads_are_told(tmp_path):
    tree = Tree()
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    (tmp_path / "file").read_bytes()
    moved = tree.transferred()
    assert all(number is not None and 3_000_000 <= number < 3_500_000 for number in moved.values())


def test_rows_are_those_that_the_stage_counts(tmp_path):
    counted = Counted()
    counted.came_in("remove", 5)
    counted.came_in("detect", 7)
    counted.went_on([{"rows": [1, 2, 3]}, {"id": "one"}])
    counted.went_out("detections", {"ok": 5, "rejected: unreadable": 2})
    counted.loaded_model()
    Meter(job(tmp_path), counted).end("done")
    found = record(tmp_path)
    assert (found["rows_in"], found["rows_kept"], found["rows_rejected"]) == (7, 5, {"unreadable": 2})
    assert (found["rows_resumed"], found["models_loaded"]) == (4, 1)
    assert found["rows_per_second"] == pytest.approx(3 / found["wall_seconds"])


def test_what_is_measured_never_fails_a_job(tmp_path):
    (tmp_path / "log").write_text("a file where a folder is wanted")
    meter = Meter(job(tmp_path / "log"), Counted())
    meter.end("done")
    assert (tmp_path / "log").read_text() == "a file where a folder is wanted"


class NvmlError(Exception):
    pass


def fake_nvml(busy: list[int]) -> types.ModuleType:
    """Three devices: the second counts no energy; the first is as busy as ``busy`` says, look by look."""
    nvml = types.ModuleType("pynvml")
    joules = iter(range(1_000_000, 10**9, 5000))

    def energy(handle):
        if handle == 1:
            raise NvmlError
        return next(joules)

    vars(nvml).update(
        NVMLError=NvmlError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 3,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetHandleByUUID=["GPU-a", "GPU-b", "GPU-c"].index,
        nvmlDeviceGetName=lambda handle: f"device {handle}",
        nvmlDeviceGetUtilizationRates=lambda handle: types.SimpleNamespace(gpu=busy.pop(0) if handle == 0 else 7),
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=1000 + len(busy)),
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )
    return nvml


def test_the_sampling_thread_sees_the_gpus_of_the_job(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml([20, 90, 40, *[50] * 100]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(measuring, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(measuring, "LOOK_SHARE", 0.0)
    meter = Meter(job(tmp_path, gpus=1), Counted())
    assert meter._gpus
    deadline = time.monotonic() + 20
    while len(meter._gpus.devices[0].busy) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    meter.end("done")
    (seen,) = record(tmp_path)["gpus"]
    assert seen["device"] == "device 0" and seen["utilisation_max"] == 90 and 20 < seen["utilisation_mean"] < 90
    assert seen["memory_peak_bytes"] == 1102 and seen["energy_joules"] >= 10


@pytest.mark.parametrize(
    ("shown", "devices"),
    [(None, [0, 1, 2]), ("2,GPU-b", [2, 1]), ("1,-1,2", [1]), ("", [])],
)
def test_only_devices_that_cuda_shows_are_looked_at(monkeypatch, shown, devices):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml([1] * 9))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if shown is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    gpus = Gpus()
    gpus.look()
    assert [seen["device"] for seen in gpus.seen()] == [f"device {index}" for index in devices]
    assert all((seen["energy_joules"] is None) == (seen["device"] == "device 1") for seen in gpus.seen())


def test_a_machine_without_a_gpu_has_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Gpus().seen() == []
