"""Snakemake imported once and forked for every dry run, of which half the time would be that import."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
# no throng among them: a checkout imports its own
CONTEXT.set_forkserver_preload(
    ["snakemake.cli", "nbformat", "smart_open", "requests", "jsonschema", "yte", "numpy", "pydantic", "__main__"]
)
REPOSITORY = Path(__file__).parents[2]


def snakemake(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Return what ``python -m snakemake`` with these arguments would, run in a fork of a process that imported it."""
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(scratch) / "stdout", Path(scratch) / "stderr"]
        process = CONTEXT.Process(target=_main, args=(list(arguments), folder, dict(environment), *streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], timeout)
        said = [stream.read_text() if stream.exists() else "" for stream in streams]
        return subprocess.CompletedProcess(["snakemake", *arguments], process.exitcode, *said)


def _main(arguments: list[str], folder: Path, environment: dict[str, str], stdout: Path, stderr: Path) -> None:
    for stream, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # as `python -m` in that folder has it, without the throng of these tests
    sys.path[:] = [str(folder), *(path for path in sys.path if not Path(path).is_relative_to(REPOSITORY / "workflow"))]
    sys.argv = ["snakemake", *arguments]
    assert "throng" not in sys.modules, "the checkout's own throng would not be imported"
    from snakemake.cli import main

    try:
        main(arguments)
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
