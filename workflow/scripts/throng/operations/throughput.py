"""What a stage takes per image, and per job besides, measured from the files that a finished run leaves behind."""

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.files import write_text
from throng.operations.measuring import measured_of
from throng.operations.took import took

SHIPPED = Path(__file__).with_name("throughput.json")
CHUNKED = ("detect", "remove", "synthesize", "count_synthetic", "sample_gan")
PEOPLE_MADE = ("synthesize", "count_synthetic", "sample_gan")  # go over synthesised images, not photographs
BOTH = (
    "calibrate_counts",
    "label_density",
    "audit_density",
    "convert_dataset",
    "audit_leakage",
    "release",
    "report",
)
IN_FOLDERS = ("remove", "synthesize", "sample_gan", "convert_dataset", "release", "report")  # pixels: grow with images
OF_RUN = ("gather_material", "train_counter", "evaluate")  # take what their settings say, however many images there are
SPREAD = 1.8  # largest over smallest job of a stage, from which on fixed and per-image cost can be told apart
NEEDED = ("stage", "log", "outputs", "params", "section", "wildcards")


@dataclasses.dataclass(frozen=True)
class Taken:
    """One finished job: images it went over, seconds of one core (of the clock on a GPU), and what it left behind."""

    key: str
    images: int
    seconds: float
    started: float
    peak_mb: float
    gpu: bool
    table_bytes: int
    other_bytes: int
    files: int


@dataclasses.dataclass(frozen=True)
class Throughput:
    """What a stage takes: seconds per job and per image, peak memory, bytes of tables and of pixels per image.

    ``job_bytes`` is what else a job leaves whatever its size (pages, weights), ``files`` how many files it makes.
    """

    key: str
    per_image: float
    fixed: float
    peak_mb: float
    table_bytes: float
    pixel_bytes: float
    job_bytes: float
    files: float
    gpu: bool
    jobs: int
    least: int
    most: int
    how: str
    hardware: str

    def seconds(self, images: float) -> float:
        """Return the seconds of a job with that many images."""
        return self.fixed + self.per_image * images


def key_of(stage: str, section: Any) -> str:
    """Return the name under which a stage's figures are kept: its backend's too, since that decides most of them."""
    values: dict[str, Any] = section if isinstance(section, dict) else {}
    if stage == "count_synthetic":
        looks = cast("dict[str, Any] | None", values.get("detector"))
        return f"{stage}:{looks['backend'] if looks else 'none'}"
    if stage == "remove":
        checked = "+check" if values.get("check") else ""
        return f"{stage}:{values['backend']}{checked}"
    if stage == "train_counter":
        return f"{stage}:{values['model']}"
    return f"{stage}:{values['backend']}" if "backend" in values else stage


class Run:
    """A results folder, read for what its jobs took. Raises ThrongError when it holds no finished job."""

    def __init__(self, results: Path) -> None:
        self.results = results
        logs = results / "logs"
        self._jobs = [_read_job(path, logs) for path in sorted(logs.rglob("*.job.json"))] if logs.is_dir() else []
        self.taken = [taken for job in self._jobs if (taken := self._taken(job)) is not None]
        if not self.taken:
            raise ThrongError(
                f"{results}: holds no finished job, done in one attempt, with its tables and what it took beside its "
                f"log; name the folder of config key results of a run that went through"
            )

    @cached_property
    def photographs(self) -> int:
        """Rows of table images."""
        return _rows(self.results / "ingest" / "images.parquet")

    @cached_property
    def made(self) -> int:
        """Rows of the tables of synthesised images."""
        return sum(map(_rows, (self.results / "synthesize").glob("*/*.parquet")))

    def _taken(self, job: Mapping[str, Any]) -> Taken | None:
        place = Path(job["place"])
        own = self.results / "logs" / place
        spent = took(measured_of(own))
        made_in = Path(job["log"].removesuffix(f"logs/{job['place']}"))
        outputs = [self._moved(Path(path), made_in) for named in job["outputs"].values() for path in named]
        if spent is None or not spent.whole or not all(path.exists() for path in outputs):
            return None
        tables = [path for path in outputs if path.suffix == ".parquet"]
        stage, gpu = job["stage"], _on_gpu(job)
        folders = [path.parent for path in outputs] if stage == "release" else outputs
        others = [file for path in folders if path not in tables for file in _files(path)]
        return Taken(
            key=key_of(stage, json.loads(job["params"]["config"])[stage]),
            images=self._images(stage, tables),
            seconds=spent.seconds if gpu else spent.cpu_seconds,
            started=spent.started,
            peak_mb=spent.peak_mb,
            gpu=gpu,
            table_bytes=sum(path.stat().st_size for path in tables),
            other_bytes=sum(path.stat().st_size for path in others),
            files=len(tables) + len(others),
        )

    def _moved(self, output: Path, made_in: Path) -> Path:
        """Return where an output lies, be the results folder where the job made it or copied elsewhere."""
        return self.results / output.relative_to(made_in) if output.is_relative_to(made_in) else output

    def _images(self, stage: str, tables: Sequence[Path]) -> int:
        if stage in OF_RUN:
            return 1
        if stage == "remove":
            return sum(_different(path, "parent_id") for path in tables)
        if stage in CHUNKED or stage in ("ingest", "prompt", "render"):
            return sum(map(_rows, tables))
        return self.photographs + (self.made if stage in BOTH else 0)


def _read_job(path: Path, logs: Path) -> dict[str, Any]:
    try:
        job: dict[str, Any] = json.loads(path.read_text())
        place = path.relative_to(logs).as_posix().removesuffix(".job.json")
        return {name: job[name] for name in NEEDED} | {"place": place}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ThrongError(
            f"{path}: no job file of throng ({first_line(error)}); delete it or run its job again"
        ) from error


def _on_gpu(job: Mapping[str, Any]) -> bool:
    section = cast("dict[str, Any]", job["section"])
    named = set(cast("dict[str, str]", job["wildcards"]).values())
    mine = [one for many in section.values() if isinstance(many, list) for one in _members(many, named)]
    return any(names_cuda(one) for one in (mine or [section]))


def _members(many: list[Any], named: set[str]) -> list[dict[str, Any]]:
    return [one for one in many if isinstance(one, dict) and cast("dict[str, Any]", one).get("name") in named]


def names_cuda(section: Any) -> bool:
    """Tell whether a section, or what is nested in it, names a CUDA device."""
    if isinstance(section, dict):
        values = cast("dict[str, Any]", section)
        return str(values.get("device", "")).startswith("cuda") or any(map(names_cuda, values.values()))
    return False


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def _rows(path: Path) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(f"{path}: not a readable Parquet file ({first_line(error)}); run its stage again") from error


def _different(path: Path, column: str) -> int:
    try:
        return len(pq.read_table(path, columns=[column])[column].unique())
    except (OSError, KeyError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: no table with column {column} ({first_line(error)}); run its stage again"
        ) from error


def measure(runs: Sequence[Run], hardware: str) -> dict[str, Throughput]:
    """Return what each stage took in one or several runs on the machine called ``hardware``."""
    found: dict[str, list[Taken]] = {}
    for taken in (taken for run in runs for taken in run.taken):
        found.setdefault(taken.key, []).append(taken)
    return {key: _fitted(key, jobs, hardware) for key, jobs in sorted(found.items())}


def _fitted(key: str, jobs: Sequence[Taken], hardware: str) -> Throughput:
    images = sum(job.images for job in jobs)
    others, grows = sum(job.other_bytes for job in jobs), key.partition(":")[0] in IN_FOLDERS
    fixed, per_image, how = split_cost([(job.images, job.seconds, job.started) for job in jobs])
    return Throughput(
        key=key,
        per_image=per_image,
        fixed=fixed,
        peak_mb=max(job.peak_mb for job in jobs),
        table_bytes=sum(job.table_bytes for job in jobs) / max(images, 1),
        pixel_bytes=others / max(images, 1) if grows else 0.0,
        job_bytes=0.0 if grows else others / len(jobs),
        files=statistics.mean(job.files for job in jobs),
        gpu=any(job.gpu for job in jobs),
        jobs=len(jobs),
        least=min(job.images for job in jobs),
        most=max(job.images for job in jobs),
        how=how,
        hardware=hardware,
    )


def split_cost(jobs: Sequence[tuple[int, float, float]]) -> tuple[float, float, str]:
    """Return fixed seconds, seconds per image and how they were told apart, of jobs as (images, seconds, start-up).

    Where the largest job has 1.8 times the images of the smallest, a line is fitted; else only what passed before the
    stage began (interpreter and imports) counts as fixed, and loading a model counts per image.
    """
    sizes, seconds, started = (np.array(column, float) for column in zip(*jobs, strict=True))
    total = max(float(sizes.sum()), 1.0)
    if len(jobs) > 1 and sizes.min() > 0 and sizes.max() >= SPREAD * sizes.min():
        slope, intercept = (float(value) for value in np.polyfit(sizes, seconds, 1))
        if slope > 0 and intercept > 0:
            return intercept, slope, "line through jobs of several sizes"
    fixed = float(started.mean())
    return fixed, max(float((seconds - started).sum()), 0.0) / total, "start-up as the jobs said, the rest per image"


def write(path: Path, found: Mapping[str, Throughput], reading: Mapping[str, float]) -> None:
    """Write figures as JSON for :func:`read`; ``reading`` is what the rows of whole tables take."""
    stages = {key: dataclasses.asdict(one) for key, one in sorted(found.items())}
    write_text(path, json.dumps({"reading": dict(reading), "stages": stages}, indent=1, sort_keys=True) + "\n")


def read(path: Path) -> tuple[dict[str, Throughput], dict[str, float]]:
    """Return what :func:`write` wrote, stages and reading; raises ThrongError for another file."""
    try:
        content = json.loads(path.read_text())
        return {key: Throughput(**one) for key, one in content["stages"].items()}, dict(content["reading"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ThrongError(
            f"{path}: no table of throughputs ({first_line(error)}); make one with throng plan --measured RESULTS "
            f"--record {path.name}"
        ) from error
