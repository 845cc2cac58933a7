"""What Snakemake costs beside the work: a real stage through the engine, and what the same jobs take by themselves.

    python benchmarks/engine_overhead.py [--reading] [--recommended] [--no-slurm] [--folder /tmp/engine]

Stage synthesize with maker ``rendered`` (512 x 384), on one core: 8 minutes on a busy machine, 25 with --recommended.

On one machine: so many jobs by ``snakemake --cores 1`` in a copy of this checkout, and the same jobs by ``python
workflow/scripts/synthesize.py --job``; the engine's cost of a job is the slope of the difference over the number of
jobs, its start what is left. On Slurm (tests/slurm/cluster.py with accounting; as root, or with Slurm installed) jobs
of several sizes go through profiles/slurm: the engine's cost of a job is what ``sacct`` says of it less what the job
says of itself, the same run of the same job, so that other work on the machine spoils little of it. How many images
a job needs is what `throng plan` would say of these figures; --recommended makes one job of that size as well.

Figures go to standard output and to benchmarks/results/engine_overhead.json; --reading writes the seconds of a Slurm
job into the table that `throng plan` reads.
"""

import argparse
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from slurm import ROOT, jobs_of, seconds
from slurm import snakemake as on_slurm

sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from cluster import Cluster, UnavailableError  # pyright: ignore[reportMissingImports]

from throng.chunks import part_name
from throng.operations import throughput
from throng.operations.measuring import measured_of
from throng.operations.planning import OVERHEAD
from throng.operations.took import took

RESULTS = Path(__file__).parent / "results"
PARTS = ("Snakefile", "config.yaml", "config", "rules", "workflow", "profiles", "envs", "models")
MAKER = "rendered"
PROMPTS = "results/prompt/prompts.parquet"
BARE = 'rule bare:\n    output: "bare"\n    shell: "touch {output}"\n'
ON_ONE_MACHINE = ((2, 4), (8, 4))  # jobs, and images of a job
ON_SLURM = ((4, 4), (1, 240), (1, 480))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the copy is made; default: a temporary folder")
    parser.add_argument("--no-slurm", action="store_true", help="one machine alone")
    parser.add_argument("--recommended", action="store_true", help="one Slurm job of the recommended size as well")
    parser.add_argument("--reading", action="store_true", help="write what `throng plan` uses into its table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="throng-", dir=options.folder) as name:
        folder = Path(name) / "checkout"
        copy(folder)
        figures: dict[str, Any] = {
            "machine": f"{processor()}, {os.cpu_count()} cores, one used",
            "processes waiting for a core, mean of 15 minutes": round(os.getloadavg()[2], 1),
            "start of Snakemake": starts(folder),
            "one machine": one_machine(folder),
        }
        if not options.no_slurm:
            figures["Slurm"] = slurm(folder, options.recommended)
    print(json.dumps(figures))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine_overhead.json").write_text(json.dumps(figures, indent=1) + "\n")
    if options.reading:
        stages, reading = throughput.read(throughput.SHIPPED)
        throughput.write(throughput.SHIPPED, stages, reading | {"engine": figures["Slurm"]["engine, seconds per job"]})


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def copy(folder: Path) -> None:
    """Copy this checkout."""
    folder.mkdir()
    for name in PARTS:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(source, folder)


def configure(folder: Path, jobs: int, images: int) -> list[str]:
    """Ask for so many jobs of so many images, make their prompts, and return the jobs' tables."""
    template = {"name": "square", "text": "a photograph of {people} on a public square", "counts": [20]}
    maker = {"name": MAKER, "backend": "rendered", "width": 512, "height": 384, "chunks": jobs}
    told = {
        "prompt": {"templates": [template], "wordings": ["words"], "repeats": jobs * images},
        "synthesize": {"makers": [maker]},
    }
    shutil.rmtree(folder / "results", ignore_errors=True)
    (folder / "overlay.yaml").write_text(yaml.safe_dump(told))
    timed(folder, *engine(PROMPTS))
    return [f"results/synthesize/{MAKER}/{part_name(index, jobs)}.parquet" for index in range(jobs)]


def log_of(table: str) -> str:
    """Return the log of the job that makes a table."""
    return table.replace("results/", "results/logs/").replace(".parquet", ".log")


def starts(folder: Path) -> dict[str, dict[str, float]]:
    """Return what one start of Snakemake takes, on throng's workflow and on one of a single rule."""
    configure(folder, 1, 1)
    (folder / "Bare").write_text(BARE)
    ways = {"throng": engine(PROMPTS, "--forcerun", "prompt"), "bare": engine("bare", "--snakefile", "Bare")}
    takes = {way: [timed(folder, *command, "-n") for _ in range(3)] for way, command in ways.items()}
    return {way: min(several, key=lambda take: take["CPU seconds"]) for way, several in takes.items()}


def engine(*arguments: str) -> list[str]:
    python = [sys.executable, "-m", "snakemake"]
    return [*python, *arguments, "--configfile", "overlay.yaml", "--cores", "1", "--quiet", "all"]


def one_machine(folder: Path) -> dict[str, Any]:
    """Return what the engine takes on one machine, from two numbers of jobs."""
    both_ways(folder, 1, 1)  # compiles the renderer, once for a checkout
    runs = [both_ways(folder, jobs, images) for jobs, images in ON_ONE_MACHINE]
    few, many = ({unit: run["engine"][unit] - run["direct"][unit] for unit in run["engine"]} for run in runs)
    more = runs[1]["jobs"] - runs[0]["jobs"]
    each = {unit: round((many[unit] - few[unit]) / more, 3) for unit in few}
    return {"runs": runs, "engine, per job": each}


def both_ways(folder: Path, jobs: int, images: int) -> dict[str, Any]:
    """Make the images through the engine and by direct calls of the same jobs."""
    tables = configure(folder, jobs, images)
    through = timed(folder, *engine(*tables))
    shutil.rmtree(folder / "results" / "synthesize")
    shutil.rmtree(folder / "results" / ".kept", ignore_errors=True)
    script = "workflow/scripts/synthesize.py"
    takes = [timed(folder, sys.executable, script, "--job", f"{log_of(table)}.job.json") for table in tables]
    if not all((folder / table).exists() for table in tables):
        raise SystemExit(f"{folder}: not every table was made by direct calls")
    direct = {unit: round(sum(take[unit] for take in takes), 2) for unit in takes[0]}
    return {"jobs": jobs, "images of a job": images, "engine": through, "direct": direct}


def slurm(folder: Path, recommended: bool) -> dict[str, Any]:
    """Return what the engine takes of Slurm jobs of several sizes, and how many images a job needs."""
    cluster = Cluster(folder.parent / "cluster", accounting=True)
    try:
        cluster.start()
        found = [job for jobs, images in ON_SLURM for job in through_slurm(cluster, folder, jobs, images)]
        cost = {unit: statistics.mean(job["engine"][unit] for job in found) for unit in found[0]["engine"]}
        each = max(cost.values())
        line = [(job["images"], job["CPU seconds of the stage"], 0.0) for job in found]
        fixed, per_image, how = throughput.split_cost(line)
        wanted = math.ceil((fixed + each) * (1 - OVERHEAD) / OVERHEAD / per_image)
        if recommended:
            found += through_slurm(cluster, folder, 1, wanted)
    except UnavailableError as reason:
        sys.exit(f"Slurm cannot be had: {reason}; --no-slurm measures one machine alone")
    finally:
        cluster.purge()
    return {
        "jobs": found,
        "engine, per job": {unit: round(value, 2) for unit, value in cost.items()},
        "engine, seconds per job": round(each, 2),
        "stage": {"CPU seconds of a job": round(fixed, 2), "of an image": round(per_image, 4), "how": how},
        "images of a job that `throng plan` recommends": wanted,
    }


def through_slurm(cluster: Cluster, folder: Path, jobs: int, images: int) -> list[dict[str, Any]]:
    """Make the images by Slurm jobs of one core, one at a time, and return what each one and its stage took."""
    tables = configure(folder, jobs, images)
    known = {job["JobID"] for job in jobs_of(cluster, folder)}
    one_core = ("--jobs", "1", "--set-threads", "synthesize=1", "--configfile", "overlay.yaml")
    on_slurm(cluster, folder, *tables, *one_core, "--slurm-init-seconds-before-status-checks", "5")
    sent = {job["JobID"]: job for job in jobs_of(cluster, folder) if job["JobID"] not in known}
    return [compared(folder, table, sent, images) for table in tables]


def compared(folder: Path, table: str, sent: dict[str, dict[str, str]], images: int) -> dict[str, Any]:
    """Hold what Slurm says of the job that made a table against what the job says of itself."""
    record = measured_of(folder / log_of(table))
    own = took(record)
    assert own is not None
    job = sent[json.loads(record.read_text())["slurm_job"]]
    elapsed, cpu = seconds(job["Elapsed"]), seconds(job["TotalCPU"])
    spent = {"wall seconds": round(elapsed - own.seconds, 2), "CPU seconds": round(cpu - own.cpu_seconds, 2)}
    return {
        "images": images,
        "seconds": elapsed,
        "CPU seconds": round(cpu, 2),
        "CPU seconds of the stage": round(own.cpu_seconds, 2),
        "engine": spent,
        "engine, share of wall time": round(spent["wall seconds"] / elapsed, 4),
        "engine and imports, share of wall time": round((spent["wall seconds"] + own.started) / elapsed, 4),
    }


def timed(folder: Path, *command: str) -> dict[str, float]:
    """Run a command in ``folder`` and return CPU seconds of it and its children, and wall seconds."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("THRONG_DATA", "SNAKEMAKE_PROFILE")
    }
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-4000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"CPU seconds": round(spent, 2), "wall seconds": round(time.perf_counter() - began, 2)}


if __name__ == "__main__":
    main()
