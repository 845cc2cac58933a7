"""Run a reader on changed files for a while: ``python -m tests.fuzz.drive --seconds 60 [TARGET...]`` prints a table.

Each target has a process of its own with bounded memory; a call has ten seconds. What is neither accepted nor refused
in a sentence is a finding, and its file is kept; the next run tries it again first. With ``--json`` the figures are
added to those of the file's earlier runs, and ``--page`` writes them into the table of a Markdown page.
"""

import argparse
import dataclasses
import hashlib
import json
import logging
import multiprocessing
import os
import random
import re
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
from typing import Any

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS, Target
from throng.errors import ThrongError

CALL_SECONDS = 10  # of the processor, so that a busy machine finds nothing more
BEGIN, END = "<!-- tests.fuzz.drive -->", "<!-- end -->"
KEPT = re.compile("[0-9a-f]{16}")
WAIT_SECONDS = 120  # by the clock: something that waits for ever
MEMORY = 1 << 30  # bytes above what the process has when it begins


class Hung(BaseException):
    """A call that took longer than it may; no library's ``except Exception`` can catch it."""


@dataclasses.dataclass
class Report:
    """What came of one target's calls; ``cured`` are files kept by earlier runs that are no finding any more."""

    target: str
    executions: int = 0
    seconds: float = 0.0
    cured: int = 0
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
        report = Report(target.name, cured=_cured(target, base, Path(scratch) / "kept", kept))
        bound = _resident() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (_virtual() + MEMORY, resource.RLIM_INFINITY))
        began, spoken = time.monotonic(), 0.0
        while time.monotonic() - began < seconds:
            data = _changed(target, seeds, rng)
            (kept / "last").write_bytes(data)
            _call(target, data, base, Path(scratch) / "changed", report, kept)
            report.peak_mb = max(report.peak_mb, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
            report.seconds = round(time.monotonic() - began, 1)
            if time.monotonic() - spoken > 1:
                spoken = time.monotonic()
                pipe.send(report)  # pyright: ignore[reportAttributeAccessIssue]
        if report.peak_mb * (1 << 20) > bound:
            report.findings[f"memory grew to {report.peak_mb} MB"] = str(kept)
        pipe.send(report)  # pyright: ignore[reportAttributeAccessIssue]


def _cured(target: Target, base: Path, folder: Path, kept: Path) -> int:
    """Return how many of the files that earlier runs kept make no finding now."""
    again = Report(target.name)
    for file in sorted(path for path in kept.iterdir() if KEPT.fullmatch(path.name)):
        _call(target, file.read_bytes(), base, folder, again, kept)
    return again.accepted + again.refused - sum("more than a sentence" in finding for finding in again.findings)


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


def added(path: Path, report: Report) -> dict[str, Any]:
    """Return the figures of a file with those of a run added; findings and cures are those of the latest run."""
    earlier = {one["target"]: one for one in json.loads(path.read_text())["targets"]} if path.exists() else {}
    one, before = dataclasses.asdict(report), earlier.get(report.target, {})
    for name in ("executions", "accepted", "refused", "seconds"):
        one[name] = round(one[name] + before.get(name, 0), 1)
    one["peak_mb"] = max(report.peak_mb, before.get("peak_mb", 0))
    one["findings"] = sorted(report.findings)
    earlier[report.target] = one
    rows = [earlier[target.name] for target in TARGETS if target.name in earlier]
    machine = f"{os.cpu_count()} CPU cores, shared with other work"
    return {"machine": machine, "call_seconds": CALL_SECONDS, "memory_mb": MEMORY >> 20, "targets": rows}


def with_table(page: str, figures: dict[str, Any]) -> str:
    """Return a page with the table between its two marks written anew."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = ["| target | seconds | executions | accepted | refused | peak MB | open findings | cured |"]
    lines += ["| --- " + "| ---: " * 7 + "|"]
    for one in figures["targets"]:
        numbers = (one["seconds"], one["executions"], one["accepted"], one["refused"], one["peak_mb"])
        cells = map(str, (one["target"], *numbers, len(one["findings"]), one["cured"]))
        lines.append(f"| {' | '.join(cells)} |")
    return f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}"


def main() -> None:
    """Drive the named targets, or all, and print what came of it; exits with 1 when there are findings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where the figures go, added to those that are there")
    parser.add_argument("--page", type=Path, help="Markdown page whose table is written from that file")
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
        if asked.json:  # after every target, so that a run that is stopped keeps what it did
            figures = added(asked.json, report)
            asked.json.write_text(json.dumps(figures, indent=1) + "\n")
            if asked.page:
                asked.page.write_text(with_table(asked.page.read_text(), figures))
    sys.exit(int(any(report.findings for report in reports)))


if __name__ == "__main__":
    main()
