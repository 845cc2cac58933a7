"""Where a job's results are is read off its log, wherever Snakemake puts the job's files."""

from pathlib import Path

import pytest

from throng.roots import results_folder


@pytest.mark.parametrize(
    ("configured", "log", "found"),
    [
        ("results", "results/logs/ingest.log", "results"),
        ("results/tiny", "results/tiny/logs/remove/part-000-of-002.log", "results/tiny"),
        ("/data/results", "/data/results/logs/ingest.log", "/data/results"),
        (
            "results",
            ".snakemake/storage/s3/crowds/runs/results/logs/ingest.log",
            ".snakemake/storage/s3/crowds/runs/results",
        ),
        (
            "results",
            "/scratch/s3/results/logs/runs/results/logs/train_counter/logs/seed-1.log",
            "/scratch/s3/results/logs/runs/results",
        ),
        ("results", "resources/logs/fetch_models/name/file.log", "results"),
        ("results/tiny", "elsewhere/tiny/logs/ingest.log", "results/tiny"),
    ],
)
def test_results_are_beside_the_logs_of_their_jobs(configured: str, log: str, found: str):
    assert results_folder(Path(configured), Path(log)) == Path(found)
