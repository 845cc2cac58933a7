"""The whole demo in a fresh clone: wall time, CPU seconds, what every job took, the longest chain, when a core is idle.

    python benchmarks/whole.py [--cores 1 2] [--label after] [--folder /tmp/whole]
    python benchmarks/whole.py --read FOLDER --cores 2 --label before --wall 440.6 --cpu 690.1

Each number of cores gets a clone of its own of the committed state, so that nothing is compiled before: the bytecode of
Python and the machine code of numba are made in the run, as a new user makes them. CPU seconds are those of Snakemake
and all its jobs, as the kernel counts them. Jobs are known by their logs' ``.measured.json``; where a run has none, by
Snakemake's benchmark files, whose CPU time is left out for jobs above 15 seconds: from there it is sampled twice a
minute, without the end. --read takes a run that was made before, with the figures of a clock from outside.

Chain: the jobs, each made of what the one before it made, whose wall times add up to most; no number of cores makes the
run faster. Alone: the seconds in which one job ran, which had one thread, while another core was idle. A run in which
other work shares the machine says nothing of wall times: the mean load before each run is noted. Figures go to
standard output and to benchmarks/results/whole.json, where a run takes the place of one of its label and cores.
"""

import argparse
import csv
import dataclasses
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "whole.json"
LOGS, BENCHMARKS = Path("results") / "logs", Path("results") / "benchmarks"
JOB, MEASURED = ".log.job.json", ".log.measured.json"
SAMPLED_WELL = 15.0  # seconds
# what a user's shell may hold that makes another run of it
UNSET = ("THRONG_DATA", "SNAKEMAKE_PROFILE", "OMP_NUM_THREADS", "NUMBA_CACHE_DIR", "PYTHONPATH")


@dataclasses.dataclass(frozen=True)
class Job:
    """A finished job: what it read and wrote, when it ran by the clock, and what it cost."""

    name: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    threads: int
    began: float
    wall: float
    cpu: float | None

    @property
    def ended(self) -> float:
        """Return when it ended, in seconds since the epoch."""
        return self.began + self.wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--label", default="after", help="what the figures are called: before, after")
    parser.add_argument("--folder", type=Path, help="where clones are made and left; default: a temporary folder")
    parser.add_argument("--read", type=Path, help="a finished run to take in; wants --wall and --cpu")
    parser.add_argument("--wall", type=float, help="seconds that the run of --read took")
    parser.add_argument("--cpu", type=float, help="CPU seconds that the run of --read took")
    options = parser.parse_args()
    if options.read:
        if options.wall is None or options.cpu is None or len(options.cores) != 1:
            parser.error("--read wants --wall, --cpu and one number of --cores")
        keep(figures(options.read, options.label, options.cores[0], options.wall, options.cpu))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        for cores in options.cores:
            keep(run(folder / f"{options.label}-{cores}-cores", options.label, cores))


def run(folder: Path, label: str, cores: int) -> dict[str, Any]:
    """Run the demo in a new clone and return what that took."""
    if folder.exists():
        sys.exit(f"{folder} is there already; remove it, or name another --folder")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    waiting = os.getloadavg()[0]
    cpu, started = children_cpu(), time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--quiet", "all"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    wall, cpu = time.perf_counter() - started, children_cpu() - cpu
    return figures(folder, label, cores, wall, cpu) | {"processes waiting before": round(waiting, 1)}


def figures(folder: Path, label: str, cores: int, wall: float, cpu: float) -> dict[str, Any]:
    """Return the figures of a finished run: the whole, every job, the longest chain, and what ran alone."""
    jobs = jobs_of(folder)
    if not jobs:
        sys.exit(f"{folder} holds no finished run: no {LOGS}/**/*{JOB}")
    chain = longest_chain(jobs)
    first = min(job.began for job in jobs)
    one_thread = alone(jobs) if cores > 1 else {}
    return {
        "label": label,
        "cores": cores,
        "wall seconds": round(wall, 1),
        "CPU seconds": round(cpu, 1),
        "utilisation": round(cpu / (wall * cores), 3),
        "seconds of jobs": round(sum(job.wall for job in jobs), 1),
        "longest chain": {"seconds": round(sum(job.wall for job in chain), 1), "jobs": [job.name for job in chain]},
        "alone with one thread": {"seconds": round(sum(one_thread.values()), 1), "jobs": one_thread},
        "jobs": {
            job.name: {
                "start": round(job.began - first, 1),
                "seconds": round(job.wall, 1),
                "CPU seconds": None if job.cpu is None else round(job.cpu, 1),
                "threads": job.threads,
            }
            for job in sorted(jobs, key=lambda job: job.began)
        },
    }


def jobs_of(folder: Path) -> list[Job]:
    """Return the jobs of a finished run."""
    found: list[Job] = []
    for path in sorted((folder / LOGS).rglob(f"*{JOB}")):
        job = json.loads(path.read_text())
        name = path.relative_to(folder / LOGS).as_posix().removesuffix(JOB)
        began, wall, cpu = clocked(folder, name)
        files = [frozenset(itertools.chain.from_iterable(job[kind].values())) for kind in ("inputs", "outputs")]
        found.append(Job(name, *files, threads=job["threads"], began=began, wall=wall, cpu=cpu))
    return found


def clocked(folder: Path, name: str) -> tuple[float, float, float | None]:
    """Return when a job began, its wall time and its CPU time, which is None where nobody measured it well."""
    measured = folder / LOGS / f"{name}{MEASURED}"
    if measured.is_file():
        record = json.loads(measured.read_text())
        return record["began"], record["wall_seconds"], record["cpu_seconds"]
    path = folder / BENCHMARKS / f"{name}.tsv"
    with path.open(newline="") as handle:
        (row,) = csv.DictReader(handle, delimiter="\t")
    wall = float(row["s"])
    return path.stat().st_mtime - wall, wall, float(row["cpu_time"]) if wall < SAMPLED_WELL else None


def longest_chain(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs, each fed by the one before it, that take longest together."""
    makers = {file: job for job in jobs for file in job.outputs}
    longest: dict[str, list[Job]] = {}
    for job in sorted(jobs, key=lambda job: job.ended):  # whatever feeds a job ended before it
        before = [longest[makers[file].name] for file in job.inputs if file in makers]
        longest[job.name] = [*max(before, key=seconds, default=[]), job]
    return max(longest.values(), key=seconds)


def seconds(jobs: Sequence[Job]) -> float:
    """Return the wall times of jobs added up."""
    return sum(job.wall for job in jobs)


def alone(jobs: Sequence[Job]) -> dict[str, float]:
    """Return the seconds that each job of one thread ran with no other beside it, the longest first."""
    times = sorted({time for job in jobs for time in (job.began, job.ended)})
    idle: dict[str, float] = {}
    for start, end in itertools.pairwise(times):
        running = [job for job in jobs if job.began <= start and job.ended >= end]
        if len(running) == 1 and running[0].threads == 1:
            idle[running[0].name] = idle.get(running[0].name, 0.0) + end - start
    kept = {name: round(length, 1) for name, length in idle.items() if length >= 0.5}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))


def children_cpu() -> float:
    """Return the CPU seconds of all processes that this one has waited for, and that those have."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def keep(row: Mapping[str, Any]) -> None:
    """Print a run's figures, and put them in the place of an earlier run of that label and number of cores."""
    known = json.loads(RESULTS.read_text())["runs"] if RESULTS.is_file() else []
    others = [run for run in known if (run["label"], run["cores"]) != (row["label"], row["cores"])]
    runs = sorted([*others, dict(row)], key=lambda run: (run["label"] != "before", run["label"], run["cores"]))
    written = {"machine": f"{processor()}, {os.cpu_count()} cores", "runs": runs}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(written, indent=1) + "\n")
    print(f"{row['label']}, {row['cores']} cores: {row['wall seconds']} s, {row['CPU seconds']} CPU seconds,", end=" ")
    print(f"{row['utilisation']:.0%} busy, longest chain {row['longest chain']['seconds']} s")
    for name, job in row["jobs"].items():
        cpu = "" if job["CPU seconds"] is None else f"{job['CPU seconds']:8.1f}"
        print(f"{job['start']:8.1f} {job['seconds']:8.1f} {cpu:>8} {job['threads']:3d}  {name}")


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
