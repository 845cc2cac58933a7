"""What Snakemake costs beside the work: a real stage through the engine, and the same jobs called directly.

    python benchmarks/engine_overhead.py [--images 60] [--chunks 1 10] [--folder /tmp/engine] [--reading]

Stage synthesize with maker ``rendered`` (512 x 384) makes so many images in so many chunks, once by ``snakemake
--cores 1`` in a copy of this checkout, once by ``python workflow/scripts/synthesize.py --job`` for each job file.
CPU seconds of all processes and wall seconds; where other work shares the machine, CPU seconds count. The difference,
less one start of Snakemake, is the engine's cost per job on one machine. On Slurm every job starts Snakemake twice more
(docs/cluster.md): ``per Slurm job`` is that, and what docs/scale.md and `throng plan` reckon with; --reading writes it
into the table of throughputs. ``images for 2 %`` says how many images a job needs for the engine to be 2 % of it.
Figures go to standard output and to benchmarks/results/engine_overhead.json.
"""

import argparse
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.chunks import part_name
from throng.operations import throughput

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results"
PARTS = ("Snakefile", "config.yaml", "config", "rules", "workflow", "profiles", "envs", "models")
SHARE = 0.02
STARTS_ON_SLURM = 2
MAKER = "rendered"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--folder", type=Path, help="where the copy is made; default: a temporary folder")
    parser.add_argument("--reading", action="store_true", help="write what `throng plan` uses into its table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        copy(Path(name))
        begun = start(Path(name))
        rows = [measure(Path(name), options.images, chunks, begun) for chunks in options.chunks]
    figures: dict[str, Any] = {
        "machine": f"{processor()}, {os.cpu_count()} cores, one used",
        "processes waiting for a core, mean of 15 minutes": round(os.getloadavg()[2], 1),
        "start of Snakemake": begun,
        "per Slurm job, CPU seconds": round(STARTS_ON_SLURM * begun["CPU seconds"], 2),
        "runs": rows,
    }
    print(json.dumps(figures))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "engine_overhead.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    if options.reading:
        stages, reading = throughput.read(throughput.SHIPPED)
        throughput.write(throughput.SHIPPED, stages, reading | {"engine": figures["per Slurm job, CPU seconds"]})


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def copy(folder: Path) -> None:
    """Copy this checkout, and ask for prompts."""
    for name in PARTS:
        source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(source, folder)


def configure(folder: Path, images: int, chunks: int) -> None:
    template = {"name": "square", "text": "a photograph of {people} on a public square", "counts": [20]}
    told = {
        "prompt": {"templates": [template], "wordings": ["words"], "repeats": images},
        "synthesize": {
            "makers": [{"name": MAKER, "backend": "rendered", "width": 512, "height": 384, "chunks": chunks}]
        },
    }
    (folder / "overlay.yaml").write_text(yaml.safe_dump(told))


def start(folder: Path) -> dict[str, float]:
    """Return what one start of Snakemake on throng's workflow takes: parsing, and a graph of one job."""
    configure(folder, 1, 1)
    takes = [timed(folder, *engine(["results/prompt/prompts.parquet"]), "-n") for _ in range(2)]
    return min(takes, key=lambda take: take["CPU seconds"])


def engine(targets: list[str]) -> list[str]:
    return [
        sys.executable,
        "-m",
        "snakemake",
        *targets,
        "--configfile",
        "overlay.yaml",
        "--cores",
        "1",
        "--quiet",
        "all",
    ]


def measure(folder: Path, images: int, chunks: int, begun: dict[str, float]) -> dict[str, Any]:
    """Make the images through the engine and by direct calls of the same jobs."""
    configure(folder, images, chunks)
    parts = [part_name(index, chunks) for index in range(chunks)]
    timed(folder, *engine(["results/prompt/prompts.parquet"]))
    through = timed(folder, *engine([f"results/synthesize/{MAKER}/{part}.parquet" for part in parts]))
    shutil.rmtree(folder / "results" / "synthesize")
    shutil.rmtree(folder / "results" / ".kept", ignore_errors=True)
    script = "workflow/scripts/synthesize.py"
    jobs = [f"results/logs/synthesize/{MAKER}/{part}.log.job.json" for part in parts]
    takes = [timed(folder, sys.executable, script, "--job", job) for job in jobs]
    made = sum(len(list((folder / "results" / "synthesize").rglob(f"{part}.parquet"))) for part in parts)
    if made != chunks:
        raise SystemExit(f"{folder}: {made} of {chunks} tables were made by direct calls")
    shutil.rmtree(folder / "results")
    direct = {name: round(sum(take[name] for take in takes), 2) for name in takes[0]}
    each = (through["CPU seconds"] - direct["CPU seconds"] - begun["CPU seconds"]) / chunks
    per_image = direct["CPU seconds"] / images
    on_slurm = each + STARTS_ON_SLURM * begun["CPU seconds"]
    wanted = on_slurm * (1 - SHARE) / SHARE / per_image
    return {
        "chunks": chunks,
        "images per job": images / chunks,
        "engine": through,
        "direct": direct,
        "engine, CPU seconds per job": round(each, 3),
        "engine, share of CPU time on one machine": round(
            max(each, 0) / (per_image * images / chunks + max(each, 0)), 4
        ),
        "engine, share of CPU time on Slurm": round(on_slurm / (per_image * images / chunks + on_slurm), 4),
        "images for 2 %": math.ceil(wanted),
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
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"CPU seconds": round(seconds, 2), "wall seconds": round(time.perf_counter() - began, 2)}


if __name__ == "__main__":
    main()
