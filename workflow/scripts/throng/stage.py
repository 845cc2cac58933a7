"""From a Snakemake job, or a saved job file, to ``run(inputs, outputs, config, context)``: logging and exit codes.

Every job first writes ``<log>.job.json``; ``python workflow/scripts/<rule>.py --job FILE`` does it again anywhere.
"""

import argparse
import contextlib
import dataclasses
import errno
import glob
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from pydantic import TypeAdapter

from throng import retrying
from throng.errors import ThrongError, first_line
from throng.files import DISK_FAILED, sha256_file, write_text
from throng.operations.alone import alone
from throng.operations.measuring import Meter
from throng.provenance import Provenance, canonical_json, digest, libraries
from throng.roots import RESULTS, results_folder, source_roots
from throng.sections.base import of_job, output_slice
from throng.workdir import Workdir

log = logging.getLogger("throng")
Config = TypeVar("Config")
Run = Callable[["Files", "Files", Any, "Context"], None]

GRACE_SECONDS = 60  # for rows under way, after SIGTERM
SECTIONS = {"gather_material": "synthesize"}  # of rules that have none of their own
TABLES = (".parquet", ".csv", ".json", ".odgt")
# set before any stage imports the library that reads it
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "MPLBACKEND": "Agg",
    "TOKENIZERS_PARALLELISM": "false",
    # torch's threads spin while they wait: on cores shared with another job that costs ten times the time
    "OMP_WAIT_POLICY": "PASSIVE",
}


class Files:
    """A job's named inputs or outputs."""

    def __init__(self, named: Mapping[str, list[str]]) -> None:
        self._named = {name: [Path(path) for path in paths] for name, paths in named.items()}

    def one(self, name: str) -> Path:
        """Return the only file of that name."""
        (path,) = self._named[name]
        return path

    def many(self, name: str) -> list[Path]:
        """Return all files of that name, none when the rule gave none."""
        return self._named.get(name, [])

    def all(self) -> Iterable[tuple[str, Path]]:
        """Yield (name, path) of every file."""
        return ((name, path) for name, paths in self._named.items() for path in paths)


@dataclasses.dataclass(frozen=True)
class Context:
    """What a stage may know of its job beside files and configuration."""

    stage: str
    seed: int
    threads: int
    wildcards: Mapping[str, str]
    roots: Mapping[str, Path]
    config: Mapping[str, Any]
    code: str
    parents: Mapping[str, str]

    def provenance(self, backend: str | None = None, model: Mapping[str, str] | None = None) -> Provenance:
        """Return the footer content of what this job writes."""
        return Provenance(self.stage, self.config, self.code, self.seed, self.parents, backend, model, libraries())

    def workdir(self) -> Workdir:
        """Return this job's scratch folder."""
        return Workdir(self.scratch())

    def scratch(self) -> Path:
        """Return where that folder is, keyed by configuration, code, inputs and wildcards."""
        key = digest(
            canonical_json(self.config),
            self.code,
            canonical_json(self.parents),
            canonical_json(self.wildcards),
        )
        return self.roots[RESULTS] / ".work" / self.stage / key[:20]


def main(run: Run, section: Any, snakemake: Any | None) -> None:
    """Do the job given by Snakemake's script object, or the one named by ``--job`` on the command line."""
    if snakemake is not None:
        job = _job_of(snakemake)
    else:
        parser = argparse.ArgumentParser(description="Replay a job of the workflow from its job file.")
        parser.add_argument("--job", type=Path, required=True, help="the <log>.job.json that the job wrote")
        job = json.loads(parser.parse_args().job.read_text())
    _begin(job)
    started, meter = time.monotonic(), Meter(job)
    try:
        if snakemake is not None:
            write_text(Path(job["log"] + ".job.json"), json.dumps(job, indent=1, sort_keys=True) + "\n")
        _work(run, section, job)
        log.info("%s finished in %.1f s: %s", job["stage"], time.monotonic() - started, meter.end("done"))
        _attempt_log(job).unlink(missing_ok=True)
    except SystemExit as stop:
        log.error("stopped: %s", stop.code)
        meter.end("stopped", str(stop.code))
        raise
    except KeyboardInterrupt:
        log.error("stopped: interrupted from the keyboard; finished rows are kept")
        meter.end("stopped", "interrupted from the keyboard")
        raise
    except Exception as error:
        sentence = str(error) if isinstance(error, ThrongError) else _of_the_disk(error)
        said = sentence or f"{type(error).__name__}: {first_line(error)}"
        retrying.end(Path(job["log"]), error, said)
        meter.end("failed", said)
        if sentence is None:
            log.exception("unexpected failure in stage %s; replay it with --job %s.job.json", job["stage"], job["log"])
            raise
        log.error("%s", sentence)
        sys.exit(f"throng {job['stage']}: {sentence}\n  log: {job['log']}")


def _begin(job: Mapping[str, Any]) -> None:
    """End a job that is sent again although its first attempt could not be cured, and leave that one's log alone."""
    try:
        retrying.begin(Path(job["log"]), job.get("attempt", 1))
    except ThrongError as refused:
        _take_back_log(job)
        log.error("%s", refused)
        sys.exit(f"throng {job['stage']}: {refused}\n  log: {job['log']}")


def _take_back_log(job: Mapping[str, Any]) -> None:
    """Give the first attempt's log the name that Snakemake took from it, and go on writing there."""
    path = Path(job["log"])
    first = path.with_name(f"{path.name}.attempt-1")
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        os.link(first, path)
    _log_to(path, job["log_level"], mode="a")


def _of_the_disk(error: Exception) -> str | None:
    if not isinstance(error, OSError):
        return None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        logging.raiseExceptions = False  # the log may be on the same disk
        return (
            "no space is left on the disk of the results; free some and run again: "
            "finished rows are kept and not redone"
        )
    if error.errno in DISK_FAILED:
        where = error.filename or "a file"
        return f"{where}: {error.strerror}; when the disk answers again, run again: finished rows are kept"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and error.filename:
        return f"{error.filename}: {error.strerror}; give yourself the right to it, or set results to another folder"
    return None


def _job_of(snakemake: Any) -> dict[str, Any]:
    def named(files: Any) -> dict[str, list[str]]:
        listed = {name: files.get(name) for name in files.keys()}  # noqa: SIM118 (a Namedlist iterates over values)
        return {name: [value] if isinstance(value, str) else list(value) for name, value in listed.items()}

    config = snakemake.config
    roots = source_roots(config)
    roots[RESULTS] = results_folder(roots[RESULTS], Path(snakemake.log[0]))
    return {
        "stage": snakemake.rule,
        "inputs": named(snakemake.input),
        "outputs": named(snakemake.output),
        "params": {"config": snakemake.params.config, "code": snakemake.params.code},
        "wildcards": dict(snakemake.wildcards.items()),
        "threads": snakemake.threads,
        "attempt": snakemake.resources.attempt,
        "gpus": snakemake.resources.get("gpu", 0),
        "log": str(snakemake.log[0]),
        "section": config.get(SECTIONS.get(snakemake.rule, snakemake.rule), {}),
        "roots": {name: str(path) for name, path in roots.items()},
        "log_level": config.get("log_level", "INFO"),
    }


def _work(run: Run, section: Any, job: Mapping[str, Any]) -> None:
    _configure_logging(job)
    signal.signal(signal.SIGTERM, _terminated)
    # else libraries take every core of the machine, of which the job holds these
    for name, value in {**ENVIRONMENT, "OMP_NUM_THREADS": str(job["threads"])}.items():
        os.environ.setdefault(name, value)
    config = of_job(TypeAdapter(section).validate_python(job["section"]), job["wildcards"])
    tracked = json.loads(job["params"]["config"])
    if output_slice(config) != tracked[job["stage"]]:
        raise ThrongError(
            f"the section {job['stage']!r} of this job is not the one its params name; run Snakemake again"
        )
    inputs = Files(job["inputs"])
    context = Context(
        stage=job["stage"],
        seed=tracked["seed"],
        threads=job["threads"],
        wildcards=job["wildcards"],
        roots={name: Path(path) for name, path in job["roots"].items()},
        config=tracked,
        code=job["params"]["code"],
        parents=_parents(inputs, Path(job["roots"][RESULTS])),
    )
    outputs = Files(job["outputs"])
    with alone(context.scratch().with_suffix(".lock"), [path for _, path in outputs.all()]) as to_be_done:
        if to_be_done:
            run(inputs, outputs, config, context)


def _terminated(_number: int, _frame: FrameType | None) -> None:
    # what is raised here may get lost, in a callback of the import system for one, and leave its lock held for good
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(GRACE_SECONDS)
    sys.exit("terminated by the scheduler; finished rows are kept")


def _parents(inputs: Files, results: Path) -> dict[str, str]:
    """Hash the tables among the inputs (their rows hold the hashes of pixels)."""
    tables = [path for _, path in inputs.all() if path.suffix in TABLES and path.is_file()]
    names = [path.relative_to(results).as_posix() if path.is_relative_to(results) else path.name for path in tables]
    return dict(sorted(zip(names, map(sha256_file, tables), strict=True)))


def _configure_logging(job: Mapping[str, Any]) -> None:
    path, attempt = Path(job["log"]), job.get("attempt", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    _log_to(path, job["log_level"], mode="w")
    _keep_log(job)
    name = " ".join([job["stage"], *job["wildcards"].values()])
    inputs = sum(map(len, job["inputs"].values()))
    where = f"on {socket.gethostname()}, process {os.getpid()}, {job['threads']} threads, {job.get('gpus', 0)} GPUs"
    log.info("%s: attempt %d %s; %d input files", name, attempt, where, inputs)


def _log_to(path: Path, level: str, *, mode: str) -> None:
    handler = logging.FileHandler(path, mode=mode)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _attempt_log(job: Mapping[str, Any]) -> Path:
    return Path(f"{job['log']}.attempt-{job.get('attempt', 1)}")


def _keep_log(job: Mapping[str, Any]) -> None:
    """Give the log a second name, as Snakemake deletes a failed attempt's log before it sends the job again."""
    if job.get("attempt", 1) == 1:
        for old in Path(job["log"]).parent.glob(f"{glob.escape(Path(job['log']).name)}.attempt-*"):
            old.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a file system without hard links
        _attempt_log(job).unlink(missing_ok=True)
        os.link(job["log"], _attempt_log(job))
