"""Bytes and files that a finished run leaves, by stage and by kind, and per million images.

    python benchmarks/storage_footprint.py CHECKOUT/results [--name demo] [--reading]

Counts every file and folder below the results folder and Snakemake's records of it (.snakemake/metadata in a folder
above), by their place: tables (.parquet), pixels and pages, logs, benchmarks, kept chunks, scratch. Hard links count
once. Per million photographs and per million synthesised images, tables and pixels are the run's; logs and records are
per job, so what they come to per million depends on the images of a job: both are given. --reading writes the bytes and
files per job into the table of throughputs of ``throng plan``. Figures go to standard output and, under --name, to
benchmarks/results/storage_footprint.json.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.operations import throughput

RESULT = Path(__file__).parent / "results" / "storage_footprint.json"
NOTES = ("logs", "benchmarks")
PER_JOB = (100, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--name", default="demo")
    parser.add_argument("--reading", action="store_true", help="write what `throng plan` uses into its table")
    options = parser.parse_args()
    run = throughput.Run(options.results)
    kinds = counted(options.results)
    records = [path for path in records_of(options.results).iterdir() if path.is_file()]
    jobs = len(run.taken)
    notes = [kinds[name] for name in NOTES if name in kinds]
    each = {
        "log_bytes": sum(one["bytes"] for one in notes) / jobs,
        "log_files": sum(one["files"] for one in notes) / jobs,
        "record_bytes": sum(path.stat().st_size for path in records) / len(records),
    }
    figures: dict[str, Any] = {
        "photographs": run.photographs,
        "synthesised images": run.made,
        "finished jobs": jobs,
        "kinds": kinds,
        "of a job": {name: round(value, 1) for name, value in each.items()},
        "Snakemake's records": len(records),
        "per million": per_million(run, each),
    }
    print(json.dumps(figures, indent=1))
    told = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(told | {options.name: figures}, indent=1, sort_keys=True) + "\n")
    if options.reading:
        stages, reading = throughput.read(throughput.SHIPPED)
        throughput.write(throughput.SHIPPED, stages, reading | each)


def counted(results: Path) -> dict[str, dict[str, int]]:
    """Return bytes, files and folders by the first folder below the results, hard links once."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"bytes": 0, "files": 0, "folders": 0})
    seen: set[int] = set()
    for folder, names, files in os.walk(results):
        first = Path(folder).relative_to(results).parts[:1] or ("results",)
        found[first[0]]["folders"] += len(names)
        for name in files:
            status = (Path(folder) / name).stat()
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                found[first[0]]["files"] += 1
                found[first[0]]["bytes"] += status.st_size
    return dict(sorted(found.items()))


def records_of(results: Path) -> Path:
    """Return the folder of Snakemake's records for a results folder."""
    found = [folder / ".snakemake" / "metadata" for folder in results.resolve().parents]
    there = [folder for folder in found if folder.is_dir()]
    if not there:
        raise SystemExit(
            f"{results}: no .snakemake/metadata in a folder above; name the results of a run that is still in its place"
        )
    return there[0]


def per_million(run: throughput.Run, each: dict[str, float]) -> dict[str, Any]:
    """Return GB and files of each chunked stage for a million of its images, by the images of a job."""
    rows: dict[str, Any] = {}
    for key, one in throughput.measure([run], "").items():
        if key.partition(":")[0] not in throughput.CHUNKED:
            continue
        jobs = {size: 1_000_000 / size for size in PER_JOB}
        rows[key] = {
            "tables GB": round(one.table_bytes / 1000, 2),
            "pixels GB": round(one.pixel_bytes / 1000, 1),
            **{
                f"with {size:,} images a job": {
                    "files": round(number * (2 * one.files + each["log_files"])),
                    "logs and records GB": round(
                        number * (each["log_bytes"] + one.files * each["record_bytes"]) / 1e9, 3
                    ),
                }
                for size, number in jobs.items()
            },
        }
    return rows


if __name__ == "__main__":
    main()
