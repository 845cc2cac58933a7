"""A finished run of the whole workflow, and copies of it in which one thing goes wrong and is then set right."""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.workflow.conftest import PARTS, ROOT, Project, checkout

HERE = Path(__file__).parent
RESULTS = Path("results") / "tiny"
OVERLAY = ("--configfile", "config/tiny.yaml", "drill.yaml")
CODE = "drilled.json"
PIN = "resources/models/pinned/model.onnx"
TARGETS = (
    "all",
    *(f"{RESULTS}/{name}" for name in ("ladder/ladder.html", "probe/probe.json", "train_detector/detector.onnx")),
    *(f"{RESULTS}/{name}" for name in ("evaluate_gan/crowds/seed-1/gan.html", "train_demo_diffusion/figures.json")),
    PIN,
)
# what says when and how a job ran, and what only makes a later run shorter
TOLD = ("logs", "benchmarks", "stats.jsonl", ".kept")
# another user than root, who may look into root's folders, where Python lies, but write nowhere
READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
NOBODY = (
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
    *READS,
    "env",
    "USER=nobody",
    "LOGNAME=nobody",
)
STEPS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)


def rules() -> list[str]:
    """Return the names of the workflow's rules that do work."""
    files = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    names = [name for file in files for name in re.findall(r"^rule (\w+):", file.read_text(), re.MULTILINE)]
    return [name for name in names if name != "all"]


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a run of Snakemake ended: exit code, what it printed, and the jobs that it set out to do by rule."""

    code: int
    text: str

    @property
    def jobs(self) -> dict[str, int]:
        table = self.text.partition("Job stats:")[2].partition("total")[0]
        return {rule: int(count) for rule, count in STEPS.findall(table) if rule != "all"}

    def sentence(self, stage: str) -> str:
        """Return what the user is told of a stage: its error, or else that it was killed."""
        told = re.findall(rf"^throng {stage}: (.*)$", self.text, re.MULTILINE)
        refused = re.findall(r"^WorkflowError in file.*\n(.*)$", self.text, re.MULTILINE)
        return (told or refused or [f"Error in rule {stage}" if f"Error in rule {stage}" in self.text else ""])[-1]


class Drill(Project):
    """A checkout with a finished run, and what the run made."""

    def __init__(self, folder: Path, hub: str) -> None:
        super().__init__(folder)
        self._hub = hub

    @property
    def results(self) -> Path:
        return self.folder / RESULTS

    @contextmanager
    def start(
        self, *arguments: str, faults: Iterable[Mapping[str, Any]] = (), user: Sequence[str] = (), **more: str
    ) -> Iterator[subprocess.Popen[str]]:
        """Start Snakemake on one core, jobs of some stages meeting faults; ``more`` is environment.

        ``user`` is a command that starts another as somebody else. When the block fails Snakemake is killed, with all
        its workers.
        """
        unset = ("THRONG_DATA", "SNAKEMAKE_PROFILE", "PYTHONPATH")
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"OMP_NUM_THREADS": "1", "HF_ENDPOINT": self._hub, **more}
        if listed := list(faults):
            environment |= {"THRONG_FAULTS": json.dumps(listed), "THRONG_FAULTS_LOG": str(self.folder / "faults.log")}
            environment["PYTHONPATH"] = str(HERE / "shim")
        command = [*user, sys.executable, "-m", "snakemake", *arguments, *OVERLAY, "--cores", "1"]
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=self.folder, env=environment, start_new_session=True, **pipe) as process:
            try:
                yield process
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise

    def ran(
        self, *arguments: str, faults: Iterable[Mapping[str, Any]] = (), user: Sequence[str] = (), **more: str
    ) -> Ran:
        """Run Snakemake to its end."""
        with self.start(*arguments, faults=faults, user=user, **more) as process:
            text, _ = process.communicate(timeout=3000)
        return Ran(process.returncode, text)

    def met(self) -> list[dict[str, Any]]:
        """Return what the faults did, and how the jobs that could meet one ended."""
        path = self.folder / "faults.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def jobs(self, stage: str) -> list[dict[str, Any]]:
        """Return the stage's jobs as they were written before they began, in the order of their logs."""
        files = [*self.folder.glob(f"{RESULTS}/logs/{stage}.log.job.json")]
        files += self.folder.glob(f"{RESULTS}/logs/{stage}/**/*.job.json")
        files += self.folder.glob(f"resources/logs/{stage}/**/*.job.json")
        return [json.loads(file.read_text()) for file in sorted(files)]

    def outputs(self, stage: str) -> list[Path]:
        """Return the outputs of the stage's first job, relative to the checkout."""
        return [Path(path) for named in self.jobs(stage)[0]["outputs"].values() for path in named]

    def delete(self, stage: str) -> list[Path]:
        """Delete the outputs of the stage's first job, and what is kept of it so that it need not be made again."""
        for path in self.outputs(stage):
            whole = self.folder / path
            shutil.rmtree(whole) if whole.is_dir() else whole.unlink()
        shutil.rmtree(self.results / ".kept" / stage, ignore_errors=True)
        if stage == "release":
            shutil.rmtree(self.results / stage)
        (self.folder / "faults.log").unlink(missing_ok=True)
        return self.outputs(stage)

    def log(self, stage: str) -> str:
        """Return what the stage's first job has said so far."""
        log = self.folder / self.jobs(stage)[0]["log"]
        return log.read_text(errors="replace") if log.exists() else ""

    def files(self) -> dict[str, str]:
        """Return the digest of every file that the workflow made, hidden ones too, but logs and measurements."""
        found = {}
        for top in (RESULTS, Path("resources")):
            for path in sorted((self.folder / top).rglob("*")):
                place = path.relative_to(self.folder)
                if path.is_file() and not {*place.parts} & {*TOLD}:
                    found[place.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def _commit() -> str:
    """Return the commit of the checkout, with a plus where what is copied of it is not as committed."""
    ask = {"cwd": ROOT, "capture_output": True, "text": True, "check": True}
    named = subprocess.run(("git", "rev-parse", "--short", "HEAD"), **ask).stdout.strip()
    changed = subprocess.run(("git", "status", "--porcelain", "--", *PARTS), **ask).stdout
    return f"{named}+" if changed else named


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what is gone, new or other, a line each; nothing when both runs made the same."""
    changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return [
        *(f"gone: {name}" for name in sorted(before.keys() - after.keys())),
        *(f"left over: {name}" for name in sorted(after.keys() - before.keys())),
        *(f"other bytes: {name}" for name in sorted(changed)),
    ]


class Undisturbed:
    """The run that nothing happened to, made once, and the bytes that every other run has to end with."""

    def __init__(self, folder: Path, hub: str, pin: str) -> None:
        self.drill = Drill(folder, hub)
        if not folder.is_dir():
            building = folder.with_name(folder.name + ".building")
            building.mkdir()
            checkout(building)
            (building / CODE).write_text(json.dumps({"day": f"{date.today()}", "commit": _commit()}))
            (building / "drill.yaml").write_text((HERE / "drill.yaml").read_text() + pin)
            first = self._made(building, hub)
            shutil.rmtree(building / "results")
            shutil.rmtree(building / "resources")
            (building / "faults.log").unlink()
            # without a fault the bytes are always the same; and what is compiled at the first call costs nothing now
            assert differences(first, self._made(building, hub)) == []
            building.rename(folder)

    @staticmethod
    def _made(folder: Path, hub: str) -> dict[str, str]:
        drill = Drill(folder, hub)
        made = drill.ran(*TARGETS, faults=[{"stage": name, "kind": "none"} for name in rules()])
        assert made.code == 0, made.text
        return drill.files()

    @property
    def code(self) -> dict[str, str]:
        """Return the ``commit`` that is drilled and the ``day`` on which it was copied."""
        return json.loads((self.drill.folder / CODE).read_text())

    @cached_property
    def files(self) -> dict[str, str]:
        return self.drill.files()

    @cached_property
    def cost(self) -> dict[str, dict[str, Any]]:
        """Return what every job did, by its log: ``commits`` to scratch, ``outputs`` that appeared, ``cpu`` seconds."""
        return {record["log"]: record for record in self.drill.met()}

    def commits(self, drill: Drill, stage: str) -> int:
        """Return how many commits a stage's first job makes when nothing happens to it."""
        return self.cost[drill.jobs(stage)[0]["log"]]["commits"]

    def redone(self, drill: Drill, stage: str) -> dict[str, Any]:
        """Return the CPU-seconds and commits that a stage's first job did more often than here, and how many here."""
        job = drill.jobs(stage)[0]["log"]
        once = self.cost[job]
        last = {event["pid"]: event for event in drill.met() if event["log"] == job}.values()
        cpu, commits = (sum(event[name] for event in last) - once[name] for name in ("cpu", "commits"))
        return {
            "redone_seconds": round(max(0.0, cpu), 1),
            "redone_commits": max(0, commits),
            "job_seconds": round(once["cpu"], 1),
            "job_commits": once["commits"],
        }

    def copy(self, folder: Path) -> Drill:
        shutil.copytree(self.drill.folder, folder, symlinks=True)
        return Drill(folder, self.drill._hub)


@contextmanager
def stopped_worker(drill: Drill) -> Iterator[int]:
    """Wait for the worker that stops itself and yield its number; it does not outlive the block."""
    wait_until(lambda: any(e["event"] == "SIGSTOP" for e in drill.met()), "the worker to stop")
    number = next(e["pid"] for e in drill.met() if e["event"] == "SIGSTOP")
    try:
        yield number
    finally:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def wait_until(true, what: str, seconds: float = 3000.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.05)
