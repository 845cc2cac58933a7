"""Slurm on this machine (tests/slurm/cluster.py, two nodes of four CPUs, with accounting): short jobs, and a whole run.

    python benchmarks/slurm.py [short] [run]          both when neither is named; as root, or with Slurm installed

``short``: 24 jobs of one second each, sent one by one, as an array, and grouped by eight: seconds until Snakemake ends
and CPU seconds of all jobs, by ``sacct``. To benchmarks/results/slurm_short.json.
``run``: config/tiny.yaml in a clone of the last commit, planned and sent as the README says; what ``sacct`` says of
each job. To benchmarks/results/slurm_run.json and, as a table, to docs/slurm_runs.md. Where other work shares the
machine, the seconds say little and the rest holds.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "slurm"))

from cluster import Cluster  # noqa: E402  # pyright: ignore[reportMissingImports]

SHORT = """
rule all:
    input: expand("done/{i}", i=range(24))

rule short:
    output: "done/{i}"
    resources: mem_mb=500, runtime=5
    shell: "sleep 1; touch {output}"
"""
WAYS = {
    "one by one": (),
    "array": ("--slurm-array-jobs", "short"),
    "groups of 8": ("--groups", "short=few", "--group-components", "few=8", "--cores", "4"),
}
FIELDS = ("JobIDRaw", "JobID", "Comment", "State", "NodeList", "AllocCPUS", "ReqMem", "MaxRSS", "TotalCPU", "Elapsed")
COLUMNS = ("job", "rule", "state", "node", "CPUs", "memory asked", "memory used", "CPU time", "elapsed")
TABLE_STARTS = "<!-- the table below is written by benchmarks/slurm.py -->\n"


def snakemake(cluster: Cluster, folder: Path, *arguments: str) -> float:
    """Run snakemake with the Slurm profile and return its seconds by the clock."""
    home = folder.parent / "home"
    binaries = Path(sys.executable).parent
    environment = cluster.env()
    environment |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PATH": f"{binaries}{os.pathsep}{environment['PATH']}",
    }
    command = [str(binaries / "snakemake"), "--profile", str(ROOT / "profiles" / "slurm"), *arguments]
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"snakemake failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}")
    return time.monotonic() - began


def jobs_of(cluster: Cluster, folder: Path) -> list[dict[str, str]]:
    """Return what the accounting database knows of the jobs sent from ``folder``, its steps taken together."""
    fields: list[str] = ["WorkDir", *FIELDS]
    listed = cluster.run("sacct", "--parsable2", "--noheader", "--starttime=now-1day", f"--format={','.join(fields)}")
    found: dict[str, dict[str, str]] = {}
    for line in listed.splitlines():
        row = dict(zip(fields, line.split("|"), strict=True))
        job = row["JobID"].split(".")[0]
        if job == row["JobID"]:
            found[job] = row
        elif job in found and megabytes(row["MaxRSS"]) > megabytes(found[job]["MaxRSS"]):
            found[job]["MaxRSS"] = row["MaxRSS"]
    return [row for row in found.values() if row["WorkDir"] == str(folder)]


def megabytes(size: str) -> float:
    """Return what sacct writes of a size ("1234K", "8000M", "") in megabytes."""
    units = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
    return float(size[:-1]) * units[size[-1]] if size and size[-1] in units else 0.0


def seconds(duration: str) -> float:
    """Return what sacct writes of a duration ("1-02:03:04", "03:04.567") in seconds."""
    days, _, rest = duration.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part)
    return total + 86_400 * int(days or 0)


def measure_short(cluster: Cluster, work: Path) -> dict[str, Any]:
    """Return, for each way, seconds by the clock and CPU seconds of 24 jobs that sleep for one."""
    ways = {}
    for name, options in WAYS.items():
        folder = work / name.replace(" ", "-")
        folder.mkdir()
        (folder / "Snakefile").write_text(SHORT)
        wall = snakemake(cluster, folder, "--slurm-init-seconds-before-status-checks", "5", *options)
        jobs = jobs_of(cluster, folder)
        cpu = sum(seconds(job["TotalCPU"]) for job in jobs)
        ways[name] = {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "slurm_jobs": len(jobs)}
        print(name, ways[name])
    return {"jobs": 24, "ways": ways}


def measure_run(cluster: Cluster, work: Path) -> dict[str, Any]:
    """Return the jobs of the smallest whole run, typed as a new user types it."""
    folder = work / "checkout"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    plan = "plan --images 28 --config config/tiny.yaml --overlay chunks.yaml"
    throng = str(Path(sys.executable).parent / "throng")
    subprocess.run([throng, *plan.split()], cwd=folder, check=True, capture_output=True)
    wall = snakemake(cluster, folder, "all", "--configfile", "config/tiny.yaml", "chunks.yaml")
    jobs = told(cluster, folder)
    write_table(jobs)
    return {"seconds": round(wall), "jobs": jobs}


def told(cluster: Cluster, folder: Path) -> list[dict[str, Any]]:
    """Return what a table says of the jobs sent from ``folder``, in the order in which they were sent."""
    return [
        {
            "job": job["JobID"],
            "rule": job["Comment"].removeprefix("rule_").replace("_wildcards_", " "),
            "state": job["State"],
            "node": job["NodeList"],
            "CPUs": int(job["AllocCPUS"]),
            "memory asked": f"{megabytes(job['ReqMem']):.0f} MB",
            "memory used": f"{megabytes(job['MaxRSS']):.0f} MB",
            "CPU time": f"{seconds(job['TotalCPU']):.0f} s",
            "elapsed": f"{seconds(job['Elapsed']):.0f} s",
        }
        for job in sorted(jobs_of(cluster, folder), key=lambda job: int(job["JobIDRaw"]))
    ]


def write_table(jobs: list[dict[str, Any]]) -> None:
    """Replace the table at the end of docs/slurm_runs.md."""
    page = ROOT / "docs" / "slurm_runs.md"
    head = page.read_text().partition(TABLE_STARTS)[0]
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(tuple(job[column] for column in COLUMNS) for job in jobs)]
    table = "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    page.write_text(f"{head}{TABLE_STARTS}\n{table}")


def main() -> None:
    """Start a cluster, measure what is asked for, and delete the cluster."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help="short, run, or neither for both")
    measures = {"short": measure_short, "run": measure_run}
    parts = parser.parse_args().parts or list(measures)
    with tempfile.TemporaryDirectory(prefix="throng-") as folder:
        cluster = Cluster(Path(folder) / "cluster", accounting=True)
        try:
            cluster.start()
            for part in parts:
                report = {"machine": f"{platform.machine()}, {os.cpu_count()} cores"} | measures[part](
                    cluster, Path(folder)
                )
                file = ROOT / "benchmarks" / "results" / f"slurm_{part}.json"
                file.write_text(json.dumps(report, indent=1) + "\n")
        finally:
            cluster.purge()


if __name__ == "__main__":
    main()
