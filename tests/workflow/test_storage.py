"""Results in a bucket: the bytes of those on disk, a killed run taken up where it was, and no undeclared file."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Project, checkout

BUCKET = "crowds"
TINY = "results/tiny"
WANTED = (f"{TINY}/rank_pairs/ranked_pairs.parquet", "--configfile", "config/tiny.yaml")
STORAGE = ("--default-storage-provider", "s3", "--default-storage-prefix", f"s3://{BUCKET}/runs")
UNDECLARED = (".work", ".kept", "logs", "benchmarks")

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 store on this machine, named to Snakemake as a user names it, and its only bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint, key, secret = f"http://{host}:{port}", "key", "secret"
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", key)
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", secret)
    store = boto3.resource(
        "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
    )
    yield store.create_bucket(Bucket=BUCKET)
    server.stop()


def stored(bucket: Any) -> dict[str, bytes]:
    start = f"runs/{TINY}/"
    objects = {item.key: item.get()["Body"].read() for item in bucket.objects.all()}
    assert all(key.startswith(start) for key in objects), objects.keys()
    return {key.removeprefix(start): content for key, content in objects.items()}


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name.partition("/")[0] not in UNDECLARED and not name.startswith(".")
    }


def killed_while_it_edits(project: Project) -> None:
    """Start the run, and kill it and its jobs, without a word, once a photograph has been edited."""
    command = [sys.executable, "-m", "snakemake", *WANTED, *STORAGE, "--cores", "1", "--quiet", "all"]
    run = subprocess.Popen(command, cwd=project.folder, start_new_session=True)
    scratch = project.folder / ".snakemake" / "storage" / "s3" / BUCKET / "runs" / TINY / ".work" / "remove"
    while not any(scratch.rglob("rows/*.json")):
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def test_results_in_a_bucket_are_those_on_disk_though_the_run_was_killed(tmp_path: Path, bucket: Any):
    for name in ("local", "remote"):
        (tmp_path / name).mkdir()
    local = checkout(tmp_path / "local")
    local.run(*WANTED)
    folder = local.folder / TINY
    on_disk = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    remote = checkout(tmp_path / "remote")
    killed_while_it_edits(remote)
    assert not any("remove" in name for name in digests(stored(bucket))), (
        "an unfinished job leaves nothing in the bucket"
    )
    remote.run(*WANTED, *STORAGE)

    there = stored(bucket)
    assert digests(there) == digests(on_disk)
    assert "rank_pairs/ranked_pairs.parquet" in there
    logs = {name: content.decode() for name, content in there.items() if name.startswith("logs/remove/")}
    assert any("resuming, " in log for log in logs.values()), logs
    assert {Path(name).suffix for name in there if name.startswith("logs/")} == {".log"}
    assert remote.would_run(*WANTED, *STORAGE) == set()


@pytest.mark.parametrize("results", ["/somewhere/results", "../results"])
def test_results_that_no_prefix_can_hold_are_refused(tmp_path: Path, bucket: Any, results: str):
    project = checkout(tmp_path)
    done = project.snakemake("-n", *STORAGE, "--config", f"results={results}")
    assert done.returncode != 0
    assert "a path below the project folder" in done.stdout + done.stderr
