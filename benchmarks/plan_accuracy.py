"""What a plan says of a run, from a smaller run's figures, against what that run took.

    python benchmarks/plan_accuracy.py SMALL_RESULTS LARGE_RESULTS [--name tiny]

Both are results folders of the workflow, of one configuration but for the number of images; finished jobs of the second
count. Core seconds of every stage: those that ``throng plan --measured SMALL_RESULTS`` reckons with for jobs of the
second run's sizes, and those that these took; and where the second run has several sizes of job, what a line through
both runs' jobs says is a job's own cost. Figures go to standard output and, under --name, to
benchmarks/results/plan_accuracy.json.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.operations.throughput import Run, measure

RESULT = Path(__file__).parent / "results" / "plan_accuracy.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("small", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--name", default="tiny")
    options = parser.parse_args()
    small, large = Run(options.small), Run(options.large)
    known, both = measure([small], "small"), measure([small, large], "both")
    figures: dict[str, Any] = {
        "machine": f"{processor()}, {os.cpu_count()} cores, one used",
        "processes waiting for a core, mean of 15 minutes": round(os.getloadavg()[2], 1),
        "photographs": [small.photographs, large.photographs],
        "stages": {},
    }
    for key, found in measure([large], "large").items():
        if key not in known:
            continue
        jobs = [taken for taken in large.taken if taken.key == key]
        actual, predicted = sum(job.seconds for job in jobs), sum(known[key].seconds(job.images) for job in jobs)
        figures["stages"][key] = {
            "images per job, small run": known[key].most,
            "images per job, large run": found.most,
            "core seconds predicted": round(predicted, 1),
            "core seconds taken": round(actual, 1),
            "predicted over taken": round(predicted / actual, 2),
            "of a job, by a line through both": round(both[key].fixed, 2),
            "of an image, by a line through both": round(both[key].per_image, 4),
        }
        print(key, json.dumps(figures["stages"][key]))
    told = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    RESULT.write_text(json.dumps(told | {options.name: figures}, indent=1, sort_keys=True) + "\n")


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
