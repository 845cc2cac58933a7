"""What watching costs: the share of a job's time that measuring it takes, and how long a look at 10,000 jobs lasts.

    python benchmarks/observe.py [--jobs 10000] [--children 0 16 64] [--rounds 5]

A job is watched by a thread that looks at the memory and CPU time of its process and children. CPU seconds of a look
are taken for a process with so many children, and divided by the pause that follows it; the file that is written every
minute is counted in. A results folder of a plan with ``--jobs`` jobs in four stages is then made, half of them done,
200 running and the rest waiting, and ``throng status`` and ``throng jobs`` look at it: CPU seconds of the first look,
of one more as ``--watch`` takes it, and of the table. Clock seconds are given beside them; other work on the machine
changes those. Figures go to standard output and to benchmarks/results/observe.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.operations.costs import costs_of
from throng.operations.counted import Counted
from throng.operations.jobs import Looker
from throng.operations.measuring import BEAT_SECONDS, LOOK_SECONDS, LOOK_SHARE, Meter, measured_of
from throng.operations.plan import Plan, Planned
from throng.progress import said

RESULTS = Path(__file__).parent / "results"
STAGES = ("detect", "remove", "synthesize", "count_synthetic")
RUNNING = 200
SLEEPER = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--children", type=int, nargs="+", default=[0, 16, 64])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = {
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "load before": os.getloadavg()[0],
            "python": platform.python_version(),
            "meter": [measured_job(folder, children, options.rounds) for children in options.children],
            "looks": looked(folder / "results", options.jobs, options.rounds),
        }
    print(json.dumps(report, indent=1))
    (RESULTS / "observe.json").write_text(json.dumps(report, indent=1) + "\n")


def taken(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median CPU and clock seconds of some work."""
    cpu, wall = [], []
    for _ in range(rounds):
        before = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    return statistics.median(cpu), statistics.median(wall)


def job_of(folder: Path, stage: str, part: str) -> dict[str, Any]:
    log = folder / "logs" / stage / f"{part}.log"
    outputs = {"table": [str(folder / stage / f"{part}.parquet")]}
    return {"stage": stage, "wildcards": {"part": part}, "threads": 1, "outputs": outputs, "log": str(log)}


def measured_job(folder: Path, children: int, rounds: int) -> dict[str, Any]:
    """Return what one look and one writing cost with so many children, and the share of a job's time that it is."""
    sleepers = [subprocess.Popen(SLEEPER, stdin=subprocess.PIPE) for _ in range(children)]
    meter = Meter(job_of(folder, "detect", "a"), Counted())
    look, _ = taken(meter._look, 20 * rounds)
    write, _ = taken(lambda: meter._write("running", ""), 20 * rounds)
    meter.end("done")
    for sleeper in sleepers:
        sleeper.communicate()
    share = look / max(LOOK_SECONDS, LOOK_SHARE * look) + write / BEAT_SECONDS
    return {"children": children, "look_cpu_s": look, "write_cpu_s": write, "share_percent": 100 * share}


def looked(results: Path, jobs: int, rounds: int) -> dict[str, Any]:
    """Return how long the first look, another look, and the table of costs take."""
    make(results, jobs)
    first, looker = taken(lambda: Looker(results).look(), rounds), Looker(results)
    looker.look()
    again = taken(looker.look, rounds)
    table = taken(lambda: costs_of(results), rounds)
    figures = {"throng status": first, "throng status --watch, each more": again, "throng jobs": table}
    return {"jobs": jobs} | {name: {"cpu_s": cpu, "wall_s": wall} for name, (cpu, wall) in figures.items()}


def make(results: Path, jobs: int) -> None:
    """Write the plan and what its jobs leave: half done, some running, the rest not begun."""
    each, planned = jobs // len(STAGES), []
    counted = Counted()
    counted.came_in("detect", 100)
    counted.went_out("detections", {"ok": 90, "rejected: unreadable": 10})
    meter = Meter(job_of(results, "detect", "template"), counted)
    meter.end("done")
    record = json.loads(meter.path.read_text())
    meter.path.unlink()
    for stage in STAGES:
        for index in range(each):
            part = f"part-{index:05d}-of-{each:05d}"
            log = results / "logs" / stage / f"{part}.log"
            planned.append(Planned(stage, {"part": part}, log, 3, True, 60.0))
            number = len(planned)
            if number <= jobs // 2 + RUNNING:
                state = "done" if number <= jobs // 2 else "running"
                leave(log, record | {"stage": stage, "wildcards": {"part": part}, "state": state})
    folder = str(Path.cwd())
    Plan(time.time(), "login", 1, folder, str(results), ["snakemake"], [], [], planned).write(results)


def leave(log: Path, record: dict[str, Any]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    measured_of(log).write_text(json.dumps(record, indent=1) + "\n")
    log.write_text(f"2026-01-01 00:00:00,000 INFO throng.workdir: {said('detect', 30, 100, 1.5)}\n" * 100)
    Path(f"{log}.job.json").write_text("{}")


if __name__ == "__main__":
    main()
