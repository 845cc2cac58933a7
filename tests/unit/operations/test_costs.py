"""The table of what jobs cost: a row for every attempt, sums for every stage, the same columns in every format."""

import json
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from throng.cli import app
from throng.operations.costs import COLUMNS, costs_of, totals
from throng.operations.counted import Counted
from throng.operations.measuring import Meter, measured_of


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three jobs: one of two attempts, the first of which was killed, one that runs."""
    results = tmp_path / "results"
    for part, attempts in (("a", 1), ("b", 2)):
        for attempt in range(1, attempts + 1):
            meter = Meter(job(results, "detect", part, attempt), counted(attempt))
            if attempt == attempts:
                meter.end("done")
    Meter(job(results, "remove", "a", 1), counted(1))
    gpu = {"device": "H", "utilisation_mean": 50.0, "utilisation_max": 90.0, "memory_peak_bytes": 8, "energy_joules": 3}
    path = measured_of(results / "logs" / "detect" / "a.log")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gpus": [gpu, gpu | {"utilisation_mean": 70.0}]}))
    return results


def job(results: Path, stage: str, part: str, attempt: int) -> dict:
    log = results / "logs" / stage / f"{part}.log"
    return {
        "stage": stage,
        "wildcards": {"part": part},
        "attempt": attempt,
        "threads": 1,
        "outputs": {"table": [str(results)]},
        "log": str(log),
    }


def counted(rows: int) -> Counted:
    made = Counted()
    made.came_in("detect", rows + 1)
    made.went_out("detections", {"ok": rows, "rejected: unreadable": 1})
    return made


def test_every_attempt_has_a_row_and_every_stage_its_sums(results: Path):
    rows = costs_of(results)
    seen = [(row["stage"], row["wildcards"], row["attempt"], row["state"]) for row in rows]
    assert sorted(seen) == [
        ("detect", "part=a", 1, "done"),
        ("detect", "part=b", 1, "killed"),
        ("detect", "part=b", 2, "done"),
        ("remove", "part=a", 1, "running"),
    ]
    detect = next(total for total in totals(rows) if total["stage"] == "detect")
    mine = [row for row in rows if row["stage"] == "detect"]
    assert (detect["jobs"], detect["attempts"]) == (2, 3)
    for name in ("wall_seconds", "cpu_seconds", "rows_in", "rows_kept", "rows_rejected", "bytes_read"):
        assert detect[name] == sum(row[name] for row in mine), name
    assert detect["memory_peak_bytes"] == max(row["memory_peak_bytes"] for row in mine)
    assert (mine[0]["gpu_utilisation_mean"], mine[0]["gpu_energy_joules"], mine[0]["gpu"]) == (60.0, 6, "H, H")
    assert mine[-1]["gpu"] is None


def test_csv_parquet_and_json_hold_the_same_rows(results: Path, tmp_path: Path):
    files = {name: tmp_path / f"jobs.{name}" for name in ("csv", "parquet", "json")}
    options = [text for name, file in files.items() for text in (f"--{name}", str(file))]
    assert CliRunner().invoke(app, ["jobs", str(results), *options]).exit_code == 0
    parquet = pq.read_table(files["parquet"])
    names = [name for name, _, _ in COLUMNS]
    assert parquet.column_names == names == pyarrow.csv.read_csv(files["csv"]).column_names
    records = json.loads(files["json"].read_text())["jobs"]
    assert [[row[name] for name in names] for row in records] == [list(row.values()) for row in parquet.to_pylist()]


def test_the_terminal_shows_stages_or_attempts(results: Path):
    by_stage = CliRunner().invoke(app, ["jobs", str(results)]).stdout
    each = CliRunner().invoke(app, ["jobs", str(results), "--each", "--stage", "detect"]).stdout
    assert "detect" in by_stage and "remove" in by_stage and "attempts" in by_stage
    assert each.count("part=b") == 2 and "remove" not in each and "killed" in each


def test_a_log_is_named_by_what_tells_its_job_from_others(results: Path):
    (results / "logs" / "detect" / "b.log").write_text("what b said\n")
    assert CliRunner().invoke(app, ["log", "detect", "b", "--results", str(results), "-f"]).stdout == "what b said\n"
    for words, sentence in ((["detect"], "name one of a, b"), (["ingest"], "stages: detect, remove")):
        refused = CliRunner().invoke(app, ["log", *words, "--results", str(results)])
        assert sentence in str(refused.exception)
