"""What a run of many images takes, and into how many chunks it should be divided, from measured throughputs."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from throng.operations.planned import Stage
from throng.operations.throughput import CHUNKED, OF_RUN, Throughput

OVERHEAD = 0.02  # most of a job's time that may be engine, imports, models and tables
MOST_CHUNKS = 2_048  # of one stage, which keeps the graph at some ten thousand jobs
OWN_ROWS = ("detect", "remove", "count_synthetic")  # whose jobs make objects of their own rows alone
SHARE_OF_LIMIT = 0.5  # of the time limit that a job is planned to fill
FAR = 1_000  # times the images of the largest measured job, beyond which a plan says that it is a guess
SCRATCH_FILES = 2  # per image of a running job: its row, its pixels


@dataclasses.dataclass(frozen=True)
class Machines:
    """What a run may use: GPUs, processor cores, and the seconds that a job may take."""

    gpus: int
    cpus: int
    limit: float


@dataclasses.dataclass(frozen=True)
class Reading:
    """What every job pays besides: seconds and MB for rows of whole tables, the engine's seconds, bytes it notes.

    ``chunk`` is seconds per row where only the chunk's rows become objects, ``rows`` where all do, ``rows_mb`` their
    memory; ``engine`` is what Snakemake's starts in a Slurm job take (benchmarks/engine_overhead.py); a job has
    ``log_files`` of ``log_bytes`` together, Snakemake a record of ``record_bytes`` for every output.
    """

    chunk: float
    rows: float
    rows_mb: float
    engine: float
    log_bytes: float
    log_files: float
    record_bytes: float


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one stage takes with so many chunks. Seconds are of each core that a job holds, or of one GPU's clock.

    None: nobody knows.
    """

    stage: Stage
    figures: Throughput | None
    chunks: int
    source: str
    fixed: float | None
    job_seconds: float | None
    machine_seconds: float | None
    wall_seconds: float | None
    memory_mb: float | None
    bytes: float
    inodes: int
    scratch_bytes: float
    scratch_inodes: int
    notes: tuple[str, ...] = ()

    @property
    def overhead(self) -> float | None:
        """The share of a job's time that is no image's."""
        return self.fixed / self.job_seconds if self.fixed is not None and self.job_seconds else None


def cost(stage: Stage, chunks: int, figures: Throughput | None, reading: Reading, machines: Machines) -> Cost:
    """Return what a stage takes when it is divided into ``chunks``."""
    share = stage.images / chunks
    files = figures.files if figures else 1.0
    inodes = chunks * (files + reading.log_files + files)
    left = chunks * (reading.log_bytes + files * reading.record_bytes)
    if figures is None:
        said = f"no figure for {stage.key}"
        return Cost(stage, None, chunks, said, None, None, None, None, None, left, round(inodes), 0, 0)
    fixed = fixed_seconds(stage, figures, reading)
    seconds = fixed + figures.per_image * share
    at_once = min(slots(stage, machines), chunks)
    job_wall = seconds / (1 if stage.gpu else stage.threads)
    kept = stage.images * (figures.table_bytes + figures.pixel_bytes) + chunks * figures.job_bytes
    objects = share if stage.stage in OWN_ROWS else max(stage.scans, share)
    return Cost(
        stage=stage,
        figures=figures,
        chunks=chunks,
        source=_source(stage, figures),
        fixed=fixed,
        job_seconds=seconds,
        machine_seconds=chunks * seconds,
        wall_seconds=job_wall * chunks / at_once,
        memory_mb=figures.peak_mb + objects * reading.rows_mb,
        bytes=kept + left,
        inodes=round(inodes),
        scratch_bytes=at_once * share * figures.pixel_bytes if stage.stage in CHUNKED else 0.0,
        scratch_inodes=math.ceil(at_once * share * SCRATCH_FILES) if stage.stage in CHUNKED else 0,
        notes=_notes(stage, chunks, figures, job_wall, machines),
    )


def fixed_seconds(stage: Stage, figures: Throughput, reading: Reading) -> float:
    """Return what a job takes besides its own images: engine, imports, models, and rows of whole tables.

    One core does it while a job's other cores wait, so it counts for each of them.
    """
    held = 1 if stage.gpu else stage.threads
    if stage.stage not in CHUNKED and stage.stage not in OF_RUN:  # whose figures per image hold it
        return held * (figures.fixed + reading.engine)
    per_row = reading.chunk if stage.stage in OWN_ROWS else reading.rows
    return held * (figures.fixed + reading.engine + stage.scans * per_row)


def slots(stage: Stage, machines: Machines) -> int:
    """Return how many jobs of a stage run at once; a machine smaller than its job still runs one."""
    return max(1, machines.gpus if stage.gpu else machines.cpus // stage.threads)


def _source(stage: Stage, figures: Throughput) -> str:
    if stage.gpu and not figures.gpu:
        return f"measured on a CPU ({figures.hardware}); no GPU figure"
    return f"{figures.hardware}; {figures.how}"


def _notes(stage: Stage, chunks: int, figures: Throughput, job_wall: float, machines: Machines) -> tuple[str, ...]:
    said = (
        [f"a job takes {job_wall / 3600:.1f} h of {machines.limit / 3600:.1f} h"] if job_wall > machines.limit else []
    )
    if stage.path and chunks < slots(stage, machines):
        said.append(f"{chunks} jobs leave some of {slots(stage, machines)} places empty")
    if figures.most and stage.images / chunks > FAR * figures.most:
        said.append(f"reckoned in proportion from a job of {figures.most} images, which is far: measure a larger run")
    return tuple(said)


def recommended(
    stages: Sequence[Stage], figures: Mapping[str, Throughput], reading: Reading, machines: Machines
) -> dict[str, int]:
    """Return the chunks of every stage that has some: a power of two, so that parts of one stage hold those of another.

    As many as keep engine, imports, models and tables within 2 % of a job, since small jobs fill machines evenly and
    lose little; no more than the graph bears; and so many that a job stays within half of the time limit, even where
    that costs more than 2 %. The number of machines decides nothing, so that more of them never make a run slower.
    """
    found: dict[str, int] = {}
    for stage in stages:
        if stage.path is None and stage.stage != "count_synthetic":
            continue
        if stage.stage == "count_synthetic":  # divided as its maker is
            found[stage.name] = found[f"synthesize/{stage.name.partition('/')[2]}"]
            continue
        known = figures.get(stage.name)
        found[stage.name] = _chunks(stage, known, reading, machines) if known else stage.chunks
    return found


def _chunks(stage: Stage, figures: Throughput, reading: Reading, machines: Machines) -> int:
    work = stage.images * figures.per_image
    fixed = fixed_seconds(stage, figures, reading)
    allowed = work * OVERHEAD / (1 - OVERHEAD) / fixed if fixed else MOST_CHUNKS
    wanted = _power_below(max(1.0, min(allowed, MOST_CHUNKS, stage.images)))
    room = machines.limit * SHARE_OF_LIMIT * (1 if stage.gpu else stage.threads) - fixed
    needed = _power_above(work / room) if room > 0 and work > 0 else 1
    return min(max(wanted, needed), 65_536)


def _power_below(number: float) -> int:
    return 1 << int(math.log2(number))


def _power_above(number: float) -> int:
    return 1 << max(0, math.ceil(math.log2(number)))


@dataclasses.dataclass(frozen=True)
class Total:
    """A whole run: jobs, core and GPU seconds, and between which wall seconds it ends."""

    jobs: int
    core_seconds: float
    gpu_seconds: float
    least_wall: float
    most_wall: float
    bytes: float
    inodes: int
    unknown: tuple[str, ...]


def total(costs: Sequence[Cost], machines: Machines) -> Total:
    """Return what a run takes as a whole.

    It ends no sooner than its longest chain of stages, nor than all its work shared out evenly; and, whatever the order
    in which jobs are sent, no later than its longest chain of single jobs and all work of cores and of GPUs together
    (Graham 1969). Stages without figures count nothing.
    """
    cores = sum(one.machine_seconds or 0.0 for one in costs if not one.stage.gpu)
    gpus = sum(one.machine_seconds or 0.0 for one in costs if one.stage.gpu)
    shared = [cores / machines.cpus, gpus / max(machines.gpus, 1)]
    single = {one.stage.name: (one.job_seconds or 0.0) / (1 if one.stage.gpu else one.stage.threads) for one in costs}
    walls = {one.stage.name: one.wall_seconds or 0.0 for one in costs}
    least = max(longest(costs, walls), *shared)
    return Total(
        jobs=sum(one.chunks for one in costs),
        core_seconds=cores,
        gpu_seconds=gpus,
        least_wall=least,
        most_wall=max(least, longest(costs, single) + sum(shared)),  # threads may leave cores over
        bytes=sum(one.bytes for one in costs),
        inodes=sum(one.inodes for one in costs),
        unknown=tuple(one.stage.name for one in costs if one.figures is None),
    )


def longest(costs: Sequence[Cost], seconds: Mapping[str, float]) -> float:
    """Return the longest chain of stages that wait for one another; stages stand behind what they wait for."""
    ends: dict[str, float] = {}
    for one in costs:
        ends[one.stage.name] = seconds[one.stage.name] + max(
            (ends.get(name, 0.0) for name in one.stage.after), default=0
        )
    return max(ends.values())
