"""How long Snakemake takes over throng's real workflow with 1,000, 10,000 and 100,000 jobs, beside a bare one.

    python benchmarks/scale_dag.py [--jobs 1000 10000] [--rounds 3] [--rerun] [--folder /tmp/dag]

The checkout that holds this file is copied and its demo divided into chunks until its graph has about so many jobs.
What is timed is ``snakemake -n``: parsing, the graph of jobs and the question what has to run. --rerun also asks again
when everything is there: every output exists with Snakemake's record of what made it, written by Snakemake's own touch
executor (without its tenth of a second of sleep per job), and nothing has to run. The bare workflow has as many jobs of
the same shape (chains of chunks, gathered by a few), rules without functions, and is asked alternately: what it takes
is Snakemake's own share. CPU seconds, of which the start of Snakemake is given apart, peak resident memory.

Figures go to standard output and to benchmarks/results/scale_dag.json.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
PARTS = ("Snakefile", "config.yaml", "config", "rules", "workflow", "profiles", "envs", "models")
MANY = 1_000_000  # cores
CHUNKED = 6  # jobs per chunk of the demo below: detect, remove, synthesize and count_synthetic of two makers
# Snakemake as a user starts it, saying afterwards what it took
MEASURED = """
import resource, sys, time
from snakemake.cli import main
if "--touch" in sys.argv:
    from snakemake.executors import touch
    touch.Executor.SLEEPING_TIME = 0
try:
    main()
except SystemExit as end:
    code = end.code
usage = resource.getrusage(resource.RUSAGE_SELF)
print(f"\\nMEASURED {usage.ru_utime + usage.ru_stime:.3f} {usage.ru_maxrss / 1024:.1f}", file=sys.stderr)
sys.exit(code)
"""
BARE = """
N = {chunks}
CHAIN = range({chain})
rule all:
    input: "out/release.txt", "out/report.txt"
rule source:
    output: "out/source.txt"
    shell: "touch {{output}}"
rule first:
    input: "out/source.txt"
    output: "out/0/part-{{part}}.txt"
    log: "logs/0/{{part}}.log"
    benchmark: "benchmarks/0/{{part}}.tsv"
    params: config="a", code="b"
    shell: "touch {{output}}"
rule next:
    input: "out/source.txt", lambda wildcards: f"out/{{int(wildcards.link) - 1}}/part-{{wildcards.part}}.txt"
    output: "out/{{link}}/part-{{part}}.txt"
    wildcard_constraints: link="[1-9]"
    log: "logs/{{link}}/{{part}}.log"
    benchmark: "benchmarks/{{link}}/{{part}}.tsv"
    params: config="a", code="b"
    shell: "touch {{output}}"
rule gather:
    input: [f"out/{{link}}/part-{{part}}.txt" for link in CHAIN for part in range(N)]
    output: "out/{{name}}.txt"
    wildcard_constraints: name="release|report"
    shell: "touch {{output}}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3, help="times that each is asked, ours and the bare one in turn")
    parser.add_argument("--rerun", action="store_true", help="also ask when everything is there")
    parser.add_argument("--folder", type=Path, help="where copies are made; default: a temporary folder")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for jobs in options.jobs:
            row = measure(Path(name) / str(jobs), jobs, options.rounds, rerun=options.rerun)
            row["rounds"] = options.rounds
            row["processes waiting for a core, mean of 15 minutes"] = round(os.getloadavg()[2], 1)
            print(json.dumps(row), flush=True)
            keep(row)


def keep(row: dict[str, Any]) -> None:
    """Write what has been measured, in the place of an earlier run of that size."""
    path = RESULTS / "scale_dag.json"
    known = json.loads(path.read_text())["runs"] if path.exists() else []
    runs = sorted([*(one for one in known if one["chunks"] != row["chunks"]), row], key=lambda one: one["chunks"])
    figures = {"machine": f"{processor()}, {os.cpu_count()} cores, one used", "runs": runs}
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(folder: Path, jobs: int, rounds: int, *, rerun: bool) -> dict[str, Any]:
    """Ask both workflows ``rounds`` times for about so many jobs, and return what that took per job."""
    chunks = max(1, round(jobs / CHUNKED))
    ours, bare = throng(folder / "throng", chunks), toy(folder / "bare", chunks)
    row: dict[str, Any] = {"chunks": chunks}
    begun = {which: start(folder, which) for which in ("throng", "bare")}
    jobs_of: dict[str, int] = {}
    for name, finished in {"build": False, **({"no-op rerun": True} if rerun else {})}.items():
        if finished:
            finish(ours)
            finish(bare)
        takes = [{"throng": ask(ours, finished), "bare": ask(bare, finished)} for _ in range(rounds)]
        jobs_of = jobs_of or {which: int(take["jobs"]) for which, take in takes[0].items()}
        row[name] = {which: summary([take[which] for take in takes], begun[which], jobs_of[which]) for which in begun}
    return row


def throng(folder: Path, chunks: int) -> Path:
    """Copy this checkout, divided into chunks."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(source, folder)
    overlay = {
        "detect": {"chunks": chunks},
        "remove": {"chunks": chunks},
        "synthesize": {
            "makers": [
                {"name": "composite", "backend": "composite", "chunks": chunks},
                {"name": "rendered", "backend": "rendered", "chunks": chunks},
            ]
        },
    }
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    return folder


def toy(folder: Path, chunks: int) -> Path:
    """Write the bare workflow: chains of four chunks, gathered twice."""
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(BARE.format(chunks=chunks, chain=CHUNKED))
    return folder


def snakemake(folder: Path, *arguments: str, cores: int = 1) -> subprocess.CompletedProcess[str]:
    overlay = ("--configfile", "overlay.yaml") if (folder / "overlay.yaml").exists() else ()
    environment = {
        name: value for name, value in os.environ.items() if name not in ("THRONG_DATA", "SNAKEMAKE_PROFILE")
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments, *overlay, "--cores", str(cores)],
        cwd=folder,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{folder}: snakemake {' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return done


def ask(folder: Path, finished: bool) -> dict[str, float]:
    """Return CPU seconds, peak MB and jobs of a dry run; raises SystemExit when a finished one would run anything."""
    done = snakemake(folder, "all", "-n", "--quiet", "rules")
    text = done.stdout + done.stderr
    if ("Nothing to be done" in text) != finished:
        raise SystemExit(f"{folder}: expected {'nothing' if finished else 'everything'} to run:\n{text[-2000:]}")
    total = re.search(r"^total\s+(\d+)", text, re.MULTILINE)
    return taken(done) | {"jobs": int(total[1]) if total else 0}


def taken(done: subprocess.CompletedProcess[str]) -> dict[str, float]:
    seconds, megabytes = re.findall(r"^MEASURED (\S+) (\S+)$", done.stderr, re.MULTILINE)[-1]
    return {"CPU seconds": float(seconds), "peak MB": float(megabytes)}


def start(folder: Path, which: str) -> float:
    """Return the CPU seconds of a dry run with one chunk a stage, which is parsing and starting."""
    small = folder / f"{which}-start"
    if not small.exists():
        {"throng": throng, "bare": toy}[which](small, 1)
    return min(ask(small, False)["CPU seconds"] for _ in range(2))


def summary(takes: list[dict[str, float]], begun: float, jobs: int) -> dict[str, float]:
    """Return the median of several takes, and what a job adds to the start."""
    seconds = statistics.median(take["CPU seconds"] for take in takes)
    return {
        "jobs": jobs,
        "CPU seconds": round(seconds, 2),
        "of which start": round(begun, 2),
        "least": min(take["CPU seconds"] for take in takes),
        "peak MB": max(take["peak MB"] for take in takes),
        "CPU ms per job": round(1000 * (seconds - begun) / jobs, 3),
    }


def finish(folder: Path) -> None:
    """Write every output of a workflow, and let Snakemake record that it made them.

    All jobs that can run are touched at once: each time that one is chosen, the scheduler asks for the sizes of all
    inputs of all jobs that could run.
    """
    listed = snakemake(folder, "all", "--summary")
    rows = [line.split("\t") for line in listed.stdout.splitlines()[1:] if "\t" in line]
    for row in rows:
        path = folder / row[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if not path.suffix else path.write_text(row[0])
    snakemake(folder, "all", "--touch", "--quiet", "all", "--forceall", cores=MANY)


if __name__ == "__main__":
    main()
