"""``throng plan``: what a run of many images takes, and into how many chunks to divide it, before it is begun."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from throng.errors import ThrongError
from throng.files import write_text
from throng.operations.planning import Cost, Machines, Reading, Total

ROOT = Path(__file__).parents[3]
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}
CORES_PER_GPU = 8
Images = Annotated[str, typer.Option(help="photographs: 1200, 1.2k, 10M")]
Synthetic = Annotated[str | None, typer.Option(help="prompts of synthesised images; default: those of section prompt")]
Gpus = Annotated[int, typer.Option(help="GPUs that jobs share", min=0)]
Cpus = Annotated[int | None, typer.Option(help="processor cores that jobs share; default: 8, or 8 for each GPU", min=1)]
Configs = Annotated[list[Path] | None, typer.Option(help="overlay of config.yaml, as for --configfile; several")]
Measured = Annotated[list[Path] | None, typer.Option(help="results folder of a finished run to measure; several")]
Figures = Annotated[list[Path] | None, typer.Option(help="figures that --record wrote, later files win; several")]
Given = Annotated[
    list[str] | None, typer.Option("--seconds-per-image", help="STAGE=SECONDS, in place of measured; several")
]
Limit = Annotated[float, typer.Option(help="hours that the partition lets a job run")]
Keep = Annotated[bool, typer.Option("--keep-chunks", help="plan with the chunks of the configuration")]
Overlay = Annotated[Path | None, typer.Option(help="write the recommended chunks here, for --configfile")]
Record = Annotated[Path | None, typer.Option(help="write what --measured runs took here, for --figures elsewhere")]
Hardware = Annotated[str, typer.Option(help="name of the machine that --measured runs ran on")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Profile = Annotated[Path, typer.Option(help="profile whose set-threads jobs have")]


def plan(
    images: Images = "1M",
    synthetic: Synthetic = None,
    gpus: Gpus = 0,
    cpus: Cpus = None,
    config: Configs = None,
    measured: Measured = None,
    figures: Figures = None,
    given: Given = None,
    time_limit: Limit = 4.0,
    keep_chunks: Keep = False,
    overlay: Overlay = None,
    record: Record = None,
    hardware: Hardware = "the machine of the measured run",
    as_json: AsJson = False,
    profile: Profile = ROOT / "profiles" / "slurm" / "config.yaml",
) -> None:
    """Say what a run takes, stage by stage, and recommend chunks: time, memory, bytes and files, from measurements.

    Time is of finished runs (--measured), of figures from elsewhere (--figures), or of those shipped with throng. Core
    seconds are processor time: waiting for a slow file system is not in them.
    """
    from throng.config import load
    from throng.operations.plan_config import merged, threads_of
    from throng.operations.plan_config import overlay as overlay_text
    from throng.operations.planned import stages_of
    from throng.operations.planning import cost, recommended, total
    from throng.operations.throughput import SHIPPED, Run, measure, read, write

    known, reading_raw = read(SHIPPED)
    for path in figures or []:
        other, reading_raw = read(path)
        known |= other
    own = measure([Run(folder) for folder in measured or []], hardware) if measured else {}
    if record:
        if not own:
            raise ThrongError("--record writes what finished runs took; name one or more with --measured RESULTS")
        write(record, own, reading_raw)
    reading = Reading(**reading_raw)
    machines = Machines(gpus, cpus or max(1, gpus) * CORES_PER_GPU, _hours(time_limit))
    raw = merged([ROOT / "config.yaml", *(config or [])])
    stages = stages_of(load(raw), number(images), number(synthetic) if synthetic else None, threads_of(profile))
    of = {stage.name: found for stage in stages if (found := (known | own).get(stage.key))}
    of = _with_given(of, given or [], stages)
    chunks = {stage.name: stage.chunks for stage in stages}
    chunks |= {} if keep_chunks else recommended(stages, of, reading, machines)
    costs = [cost(stage, chunks[stage.name], of.get(stage.name), reading, machines) for stage in stages]
    text = overlay_text(raw, stages, chunks)
    if overlay:
        write_text(overlay, text)
    whole = total(costs, machines)
    if as_json:
        typer.echo(json.dumps(_plain(costs, whole, text), indent=1, sort_keys=True))
    else:
        _show(costs, whole, machines, text)


def number(text: str) -> int:
    """Return a number of images written by people: 1200, 1.2k, 10M; raises ThrongError for other text."""
    unit = text[-1:] if text[-1:] in UNITS and text[-1:] else ""
    try:
        value = float(text.removesuffix(unit).replace("_", "")) * UNITS[unit]
        whole = round(value)
    except (ValueError, OverflowError) as error:
        raise ThrongError(f"{text!r} is no number of images; expected something like 1200, 1.2k or 10M") from error
    if whole < 1 or not math.isclose(whole, value):
        raise ThrongError(f"{text!r} is no number of images; expected a whole number above 0, like 1200, 1.2k or 10M")
    return whole


def short(value: float | None) -> str:
    """Return a number as people say it: 950, 1.2k, 10M; ? for None."""
    if value is None:
        return "?"
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _hours(hours: float) -> float:
    if not hours > 0 or math.isinf(hours):
        raise ThrongError(f"--time-limit is {hours}; expected hours above 0")
    return hours * 3600


def _with_given(found: Mapping[str, Any], given: Sequence[str], stages: Sequence[Any]) -> dict[str, Any]:
    """Put seconds per image that the user gives in place of measured ones, for a stage or one maker's share of it."""
    from throng.operations.throughput import Throughput

    changed = dict(found)
    for one in given:
        name, _, text = one.partition("=")
        mine = [stage for stage in stages if name in (stage.name, stage.stage)]
        if not mine:
            names = ", ".join(dict.fromkeys(stage.stage for stage in stages))
            raise ThrongError(f"--seconds-per-image {one}: there is no stage {name!r} in this run; there are {names}")
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < math.inf:
            raise ThrongError(f"--seconds-per-image {one}: expected seconds above 0, as in {name}=0.02")
        unknown = Throughput("", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, True, 0, 0, 0, "", "")
        said = {"per_image": seconds, "gpu": True, "how": "seconds per image", "hardware": "given"}
        changed |= {stage.name: dataclasses.replace(changed.get(stage.name, unknown), **said) for stage in mine}
    return changed


def _plain(costs: Sequence[Cost], whole: Total, overlay: str) -> dict[str, Any]:
    stages = [
        {
            "name": one.stage.name,
            "images": one.stage.images,
            "jobs": one.chunks,
            "configured_jobs": one.stage.chunks,
            "gpu": one.stage.gpu,
            "seconds_per_image": one.figures.per_image if one.figures else None,
            "source": one.source,
            "fixed_seconds": one.fixed,
            "job_seconds": one.job_seconds,
            "machine_seconds": one.machine_seconds,
            "wall_seconds": one.wall_seconds,
            "overhead": one.overhead,
            "memory_mb": one.memory_mb,
            "bytes": one.bytes,
            "inodes": one.inodes,
            "scratch_bytes": one.scratch_bytes,
            "scratch_inodes": one.scratch_inodes,
            "notes": list(one.notes),
        }
        for one in costs
    ]
    return {"stages": stages, "total": dataclasses.asdict(whole), "overlay": overlay}


def _show(costs: Sequence[Cost], whole: Total, machines: Machines, overlay: str) -> None:
    console = Console(soft_wrap=True)
    rows = [("stage", *HEADINGS), *((one.stage.name, *_cells(one)) for one in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        aligned = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        console.print(f"{name.ljust(widths[0])}  {aligned}".rstrip(), highlight=False, markup=False)
    console.print()
    cores, gpus = short(whole.core_seconds / 3600), short(whole.gpu_seconds / 3600)
    console.print(f"{short(whole.jobs)} jobs, {cores} core hours, {gpus} GPU hours", highlight=False)
    wall = f"{whole.least_wall / 3600:.1f} to {whole.most_wall / 3600:.1f} h"
    console.print(f"on {machines.cpus} cores and {machines.gpus} GPUs: {wall}", highlight=False)
    console.print(f"kept: {short(whole.bytes)}B in {short(whole.inodes)} files", highlight=False)
    for source in dict.fromkeys(one.source for one in costs):
        names = ", ".join(one.stage.name for one in costs if one.source == source)
        console.print(f"{names}: {source}", highlight=False)
    for one in costs:
        for note in one.notes:
            console.print(f"{one.stage.name}: {note}", highlight=False, style="yellow")
    if whole.unknown:
        console.print(
            f"the sums leave out {', '.join(whole.unknown)}: measure a small run (--measured), or give "
            f"--seconds-per-image",
            highlight=False,
            style="yellow",
        )
    if overlay.strip() != "{}":
        console.print("\nrecommended, for --configfile:\n", highlight=False)
        console.print(overlay, highlight=False, markup=False)


HEADINGS = (
    "images",
    "jobs",
    "a job",
    "s/image",
    "core h",
    "GPU h",
    "wall h",
    "overhead",
    "MB/job",
    "bytes",
    "files",
    "scratch",
)


def _cells(one: Cost) -> list[str]:
    hours = None if one.machine_seconds is None else one.machine_seconds / 3600
    wall = None if one.wall_seconds is None else one.wall_seconds / 3600
    return [
        short(one.stage.images),
        short(one.chunks),
        short(one.stage.images / one.chunks),
        short(one.figures.per_image if one.figures else None),
        "" if one.stage.gpu else short(hours),
        short(hours) if one.stage.gpu else "",
        short(wall),
        "?" if one.overhead is None else f"{one.overhead:.1%}",
        short(one.memory_mb),
        f"{short(one.bytes)}B",
        short(one.inodes),
        f"{short(one.scratch_bytes)}B in {short(one.scratch_inodes)}" if one.scratch_inodes else "",
    ]
