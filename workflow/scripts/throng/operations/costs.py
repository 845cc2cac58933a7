"""What the jobs of a results folder cost, as one table: a row for every attempt of every job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throng.operations.jobs import Job, Looker

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
# name, kind, meaning; seconds since the epoch where it says moment
COLUMNS = (
    ("stage", "string", "rule"),
    ("wildcards", "string", "name=value, by commas"),
    ("attempt", "int32", "in its run, counted from 1"),
    ("state", "string", "done, failed, stopped, killed, running or silent"),
    ("reason", "string", "why it did not end well"),
    ("host", "string", "node"),
    ("slurm_job", "string", "id, null outside Slurm"),
    ("threads", "int32", "that it was given"),
    ("began", "float64", "moment"),
    ("ended", "float64", "moment, null while it runs or when it was killed"),
    ("wall_seconds", "float64", "until it ended, or last said that it lives"),
    ("cpu_seconds", "float64", "of the process and its children"),
    ("mean_load", "float64", "CPU seconds per wall second"),
    ("memory_peak_bytes", "int64", "resident, of the process and its children"),
    ("bytes_read", "int64", "through system calls"),
    ("bytes_written", "int64", "through system calls"),
    ("rows_in", "int64", "that the stage's conservation check was given"),
    ("rows_kept", "int64", "of the tables that it wrote"),
    ("rows_rejected", "int64", "of the tables that it wrote"),
    ("rejected_by_reason", "string", "JSON"),
    ("rows_resumed", "int64", "finished by an earlier attempt"),
    ("rows_per_second", "float64", "made by this attempt"),
    ("images_read", "int64", "files"),
    ("images_written", "int64", "files"),
    ("images_per_second", "float64", "written, or read where none is written"),
    ("models_loaded", "int32", "times that weights were loaded"),
    ("gpu", "string", "device names"),
    ("gpu_utilisation_mean", "float64", "percent, over its devices"),
    ("gpu_utilisation_max", "float64", "percent"),
    ("gpu_memory_peak_bytes", "int64", "of the fullest device"),
    ("gpu_energy_joules", "float64", "of all its devices"),
    ("log", "string", "file"),
)


def costs_of(results: Path) -> list[Row]:
    """Return a row for every attempt of which a job in the folder left a record; works while jobs run.

    Raises ThrongError when the folder holds no logs.
    """
    looker = Looker(results, everything=True)
    rows: list[Row] = []
    for job in looker.look().jobs:
        record = looker.record(job.log)
        for one in [*record.get("earlier", []), record] if record else []:
            rows.append(_row(job, one, newest=one is record))
    return rows


def _row(job: Job, record: Mapping[str, Any], *, newest: bool) -> Row:
    state = record["state"]
    if newest and state == "running":  # what others know of it counts for more
        state = {"failed": "killed", "retry": "killed"}.get(job.state, job.state)
    row: Row = {name: record.get(name) for name, _, _ in COLUMNS}
    rejected: Mapping[str, int] = record.get("rows_rejected") or {}
    return row | {
        "wildcards": ",".join(f"{name}={value}" for name, value in record["wildcards"].items()),
        "state": state,
        "rows_rejected": None if record.get("rows_kept") is None else sum(rejected.values()),
        "rejected_by_reason": json.dumps(rejected, sort_keys=True),
        "log": str(job.log),
        **_gpu(record.get("gpus") or []),
    }


def _gpu(devices: Sequence[Mapping[str, Any]]) -> Row:
    def told(name: str) -> list[float]:
        return [device[name] for device in devices if device.get(name) is not None]

    means, energy = told("utilisation_mean"), told("energy_joules")
    return {
        "gpu": ", ".join(device["device"] for device in devices) or None,
        "gpu_utilisation_mean": sum(means) / len(means) if means else None,
        "gpu_utilisation_max": max(told("utilisation_max"), default=None),
        "gpu_memory_peak_bytes": max(told("memory_peak_bytes"), default=None),
        "gpu_energy_joules": sum(energy) if energy else None,
    }


def totals(rows: Iterable[Row]) -> list[Row]:
    """Return a row for every stage: sums over its attempts, the longest, the most memory, and rates of the sums."""
    stages: dict[str, list[Row]] = {}
    for row in rows:
        stages.setdefault(row["stage"], []).append(row)
    return [_total(stage, mine) for stage, mine in stages.items()]


def _total(stage: str, rows: Sequence[Row]) -> Row:
    def told(name: str) -> list[Any]:
        return [row[name] for row in rows if row[name] is not None]

    def summed(name: str) -> Any:
        return sum(told(name)) if told(name) else None

    wall, images = summed("wall_seconds") or 0.0, (summed("images_written") or summed("images_read") or 0)
    busy = told("gpu_utilisation_mean")
    return {
        "stage": stage,
        "jobs": len({row["log"] for row in rows}),
        "attempts": len(rows),
        "wall_seconds": wall,
        "longest_seconds": max(told("wall_seconds"), default=0.0),
        "mean_load": (summed("cpu_seconds") or 0.0) / wall if wall else None,
        "memory_peak_bytes": max(told("memory_peak_bytes"), default=None),
        "images_per_second": images / wall if wall and images else None,
        "gpu_utilisation_mean": sum(busy) / len(busy) if busy else None,
        **{name: summed(name) for name in SUMMED},
    }


SUMMED = (
    *("cpu_seconds", "rows_in", "rows_kept", "rows_rejected", "rows_resumed"),
    *("bytes_read", "bytes_written", "models_loaded", "gpu_energy_joules"),
)


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Return the rows as a table whose columns say what they mean and have the same types whatever is in them."""
    import pyarrow as pa

    fields = [
        pa.field(name, pa.type_for_alias(kind), metadata={"description": meaning}) for name, kind, meaning in COLUMNS
    ]
    return pa.Table.from_pylist(list(rows), pa.schema(fields))
