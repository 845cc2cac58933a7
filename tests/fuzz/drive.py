"""Run a reader on changed files for a while: ``python -m tests.fuzz.drive --seconds 60 [TARGET...]`` prints a table.

Each target has a process of its own with bounded memory; a call has ten seconds. What is neither accepted nor refused
in a sentence is a finding, and its file is kept.
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, Target
from throng.errors import ThrongError

CALL_SECONDS = 10  # of the processor, so that a busy machine finds nothing more
WAIT_SECONDS = 120  # by the clock: something that waits for ever
MEMORY = 1 << 30  # bytes above what the process has when it begins


class Hung(BaseException):
    """A call that took longer than it may; no library's ``except Exception`` can catch it."""


@dataclasses.dataclass
class Report:
    """What came of one target's calls."""

    target: str
    executions: int = 0
    accepted: int = 0
    refused: int = 0
    peak_mb: int = 0
    findings: dict[str, str] = dataclasses.field(default_factory=dict[str, str])


def drive(target: Target, seconds: float, seed: int, kept: Path) -> Report:
    """Call a reader in a process of its own until the time is over; what it does not survive is a finding too."""
    kept.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(TARGETS.index(target), seconds, seed, kept, theirs))
    child.start()
    theirs.close()
    report = Report(target.name)
    while True:
        try:
            report = ours.recv()
        except EOFError:
            break
    child.join()
    if child.exitcode:
        report.findings[f"the process died with code {child.exitcode}"] = str(kept / "last")
    return report


def _child(number: int, seconds: float, seed: int, kept: Path, pipe: object) -> None:
    logging.disable(logging.CRITICAL)
    os.dup2(os.open(kept / "stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)  # decoders write there what they think
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    signal.signal(signal.SIGALRM, _hung)
    signal.signal(signal.SIGPROF, _hung)
    target, rng = TARGETS[number], random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        base.mkdir()
        seeds = target.seeds(base)
        report = Report(target.name)
        for data in seeds:
            _call(target, data, base, Path(scratch) / "whole", report, kept)
        assert report.accepted, f"{target.name}: none of its seeds is accepted: {report.findings}"
        report = Report(target.name)
        bound = _resident() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (_virtual() + MEMORY, resource.RLIM_INFINITY))
        deadline, spoken = time.monotonic() + seconds, 0.0
        while time.monotonic() < deadline:
            data = _changed(target, seeds, rng)
            (kept / "last").write_bytes(data)
            _call(target, data, base, Path(scratch) / "changed", report, kept)
            report.peak_mb = max(report.peak_mb, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
            if time.monotonic() - spoken > 1:
                spoken = time.monotonic()
                pipe.send(report)  # pyright: ignore[reportAttributeAccessIssue]
        if report.peak_mb * (1 << 20) > bound:
            report.findings[f"memory grew to {report.peak_mb} MB"] = str(kept)
        pipe.send(report)  # pyright: ignore[reportAttributeAccessIssue]


def _changed(target: Target, seeds: list[bytes], rng: random.Random) -> bytes:
    if target.change is None or rng.random() < 0.5:
        return mutated(seeds, rng)
    return target.change(rng.choice(seeds), rng)


def _call(target: Target, data: bytes, base: Path, folder: Path, report: Report, kept: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    path = folder / target.file
    path.write_bytes(data)
    report.executions += 1
    signal.setitimer(signal.ITIMER_PROF, CALL_SECONDS)
    signal.alarm(WAIT_SECONDS)
    try:
        accepted = target.read(path)
        report.accepted += bool(accepted)
        report.refused += not accepted
    except ThrongError as refusal:
        report.refused += 1
        if "\n" in str(refusal).strip() and target.name != "config":
            _found(report, f"more than a sentence: {str(refusal)[:80]!r}", data, kept)
    except (Exception, Hung) as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "/throng/" in frame.filename]
        at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        _found(report, f"{type(error).__name__} at {at}: {str(error)[:100]}", data, kept)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)


def _found(report: Report, finding: str, data: bytes, kept: Path) -> None:
    kind = finding.split(": ", maxsplit=1)[0]
    if kind not in {known.split(": ")[0] for known in report.findings}:
        path = kept / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        report.findings[finding] = str(path)


def _hung(_number: int, _frame: FrameType | None) -> None:
    raise Hung(f"no answer within {CALL_SECONDS} s")


def _virtual() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main() -> None:
    """Drive the named targets, or all, and print what came of it; exits with 1 when there are findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where the figures go")
    asked = parser.parse_args()
    kept = Path(tempfile.gettempdir()) / "throng-fuzz"
    reports = []
    for target in TARGETS:
        if asked.targets and target.name not in asked.targets:
            continue
        report = drive(target, asked.seconds, asked.seed, kept / target.name)
        reports.append(report)
        print(
            f"{report.target:10} {report.executions:7} executions, {report.accepted:6} accepted, "
            f"{report.refused:6} refused, peak {report.peak_mb} MB, {len(report.findings)} findings",
            flush=True,
        )
        for finding, path in report.findings.items():
            print(f"    {finding}\n      {path}")
    if asked.json:
        asked.json.write_text(json.dumps([dataclasses.asdict(report) for report in reports], indent=1) + "\n")
    sys.exit(int(any(report.findings for report in reports)))


if __name__ == "__main__":
    main()
