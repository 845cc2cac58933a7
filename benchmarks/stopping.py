"""How soon a training ends that is asked to stop, and what it has to do again.

    python benchmarks/stopping.py RESULTS [--stages train_counter ...] [--times 3]

RESULTS is the results folder of a run (config/tiny.yaml will do); run this in the folder that the run was started in.
The first job of each stage is done again in a folder of its own, made so long that it does not end; RESULTS is only
read. After its first checkpoint and a random while the job gets SIGTERM. Measured are the seconds until it has ended,
the steps made behind the newest checkpoint (which are made again), and whether it left a note that keeps another
attempt from being made. Seconds are by the clock: other work on the machine lengthens them, so its load is given.
Figures go to standard output and to benchmarks/results/stopping.json.
"""

import argparse
import json
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.config import Config
from throng.sections.base import of_job, output_slice

ROOT = Path(__file__).resolve().parents[1]
LONGER: dict[str, dict[str, Any]] = {
    "train_counter": {"steps": 1_000_000},
    "train_gan": {"kimg": 100_000.0},
    "pretrain_count": {"steps": 1_000_000},
    "pretrain_rank": {"steps": 1_000_000},
    "train_detector": {"epochs": 10_000},
    "train_demo_diffusion": {"autoencoder": {"steps": 1_000_000}},
}
MEMBERS = {"train_counter": "counters", "train_gan": "gans", "pretrain_count": "networks", "pretrain_rank": "encoders"}
CHECKPOINTS = ("checkpoints/step-*", "*/checkpoints/step-*", "*/checkpoint.pt")
PATIENCE_SECONDS = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--stages", nargs="+", choices=list(LONGER), default=list(LONGER))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    found: dict[str, Any] = {}
    for stage in options.stages:
        jobs = sorted((options.results / "logs" / stage).rglob("*.job.json"))
        if not jobs and not (jobs := sorted((options.results / "logs").glob(f"{stage}.log.job.json"))):
            print(f"{stage}: no job in {options.results}/logs, left out", file=sys.stderr)
            continue
        found[stage] = [stopped(stage, json.loads(jobs[0].read_text()), chance) for _ in range(options.times)]
        print(json.dumps({stage: found[stage]}, indent=1), flush=True)
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "stages": found,
    }
    (ROOT / "benchmarks" / "results" / "stopping.json").write_text(json.dumps(report, indent=1) + "\n")


def stopped(stage: str, job: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Start a job made longer, ask it to stop, and return what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "results").mkdir()
        for entry in Path(job["roots"]["results"]).resolve().iterdir():
            if entry.name != ".work":
                (folder / "results" / entry.name).symlink_to(entry)
        (folder / "job.json").write_text(json.dumps(longer(stage, job, folder)))
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "workflow" / "scripts" / f"{stage}.py"), "--job", str(folder / "job.json")],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not checkpoints(folder):
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    sys.exit(f"{stage} made no checkpoint: {process.communicate()[1][-2000:]}")
                time.sleep(0.1)
            time.sleep(chance.uniform(0, 10))
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
        step = re.search(r"was asked to stop after step (\d+)", said)
        newest = max((int(path.name[5:]) for path in checkpoints(folder) if path.is_dir()), default=None)
        return {
            "seconds until the end": round(time.monotonic() - asked, 2),
            "exit code": process.returncode,
            "steps made again": int(step[1]) - newest if step and newest is not None else None,
            "said": said.strip().splitlines()[-2:],
            "kept from another attempt": (folder / "job.log.incurable").exists(),
            "load of the machine": round(os.getloadavg()[0], 1),
        }


def longer(stage: str, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the job with its outputs, log and scratch in a folder of its own, its training lengthened."""
    section = job["section"]
    for member in section[MEMBERS[stage]] if stage in MEMBERS else [section]:
        for key, value in LONGER[stage].items():
            member[key] = member.get(key, {}) | value if isinstance(value, dict) else value
        member["checkpoint_seconds"] = 1.0
        if stage == "train_detector":
            del member["checkpoint_seconds"]
    kind: Any = Config.model_fields[stage].annotation
    mine = of_job(TypeAdapter(kind).validate_python(section), job["wildcards"])
    tracked = json.loads(job["params"]["config"]) | {stage: output_slice(mine)}
    return job | {
        "section": section,
        "params": job["params"] | {"config": json.dumps(tracked)},
        "outputs": {name: [str(folder / Path(path).name) for path in paths] for name, paths in job["outputs"].items()},
        "log": str(folder / "job.log"),
        "roots": job["roots"] | {"results": str(folder / "results")},
    }


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a job's scratch folder."""
    return [path for pattern in CHECKPOINTS for path in folder.glob(f"results/.work/*/*/{pattern}")]


if __name__ == "__main__":
    main()
