"""Saved jobs of a stage in a folder of their own, done by the stage's script, and killed on the way."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from throng.sections.base import output_slice

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


def save_job(folder, stage, section, mine, *, inputs, outputs, wildcards, threads=1):
    """Write job.json: ``mine`` is the part of ``section`` that the job depends on, ``outputs`` file names by name."""
    saved = {
        "stage": stage,
        "inputs": {name: [str(path)] for name, path in inputs.items()},
        "outputs": {name: [str(folder / "results" / file)] for name, file in outputs.items()},
        "params": {"config": json.dumps({"seed": 7, stage: output_slice(mine)}), "code": "c0de"},
        "wildcards": wildcards,
        "threads": threads,
        "log": str(folder / "job.log"),
        "section": section.model_dump(mode="json"),
        "roots": {"source": str(folder), "results": str(folder / "results")},
        "log_level": "INFO",
    }
    (folder / "job.json").write_text(json.dumps(saved))
    return folder


def started(folder):
    stage = json.loads((folder / "job.json").read_text())["stage"]
    paths = [str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / f"{stage}.py"), "--job", str(folder / "job.json")],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )


def finished(folder):
    """Do the job to its end; return its files' bytes."""
    process = started(folder)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return [path.read_bytes() for path in made_by(folder)]


def interrupted(folder, at, kill):
    """Start the job, wait for a checkpoint of step ``at`` or later, ``kill(process)`` and return how it ended."""
    process = started(folder)
    deadline = time.monotonic() + 300
    while not any(int(p.name[5:]) >= at for p in folder.glob("results/.work/*/*/checkpoints/step-*")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    kill(process)
    _, said = process.communicate(timeout=100)
    assert not any(path.exists() for path in made_by(folder))
    return process.returncode, said


def made_by(folder):
    outputs = json.loads((folder / "job.json").read_text())["outputs"]
    return [Path(path) for paths in outputs.values() for path in paths]
