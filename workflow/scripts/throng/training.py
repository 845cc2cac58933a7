"""One training loop for every network: resumable to the bit, readable from top to bottom.

What makes the resume exact is how little there is to restore. Batches are a pure function of their number, the learning
rate of the step, and torch is seeded anew at every step from (seed, step, process); so a checkpoint holds weights,
optimiser moments, their average, the best so far and the rows logged, and nothing else can drift.
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import nn

from throng.errors import ThrongError
from throng.schedules import Schedule

PARTS = ("progress", "model", "optimizer", "average", "best")
KEPT_CHECKPOINTS = 2
QUIET_SECONDS = 10.0

Batch = Any
Stats = Mapping[str, torch.Tensor]
LossOf = Callable[[nn.Module, Batch], tuple[torch.Tensor, Stats]]


@dataclass(frozen=True)
class LoopOptions:
    """What a run's result depends on; ``precision`` is fp32, bf16 or fp16 (GPU only), ``ema_decay`` 0 is off."""

    steps: int
    optimizer: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: Literal["constant", "cosine"] | Schedule = "cosine"
    warmup_steps: int = 0
    accumulate: int = 1
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    val_every: int = 0
    log_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "log_every"):
            if getattr(self, name) < 1:
                raise ThrongError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ThrongError(f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")


class Stateful(Protocol):
    """Anything beside the network whose state must survive a kill."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and plain values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        ...


@dataclass
class Progress:
    """How far a run is, and the sums of the log interval that is open."""

    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float | torch.Tensor] = field(default_factory=dict)
    best_step: int = 0
    best_score: float = math.inf


class TrainingStoppedError(ThrongError):
    """A signal asked the run to stop; its checkpoint is complete and running again goes on from there."""


def train(
    model: nn.Module,
    batch_at: Callable[[int], Batch],
    loss_of: LossOf,
    options: LoopOptions,
    work: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    select: str | None = "mae",
    watch: Mapping[str, Stateful] | None = None,
    on_log: Callable[[int, Mapping[str, float]], None] | None = None,
    before_step: Callable[[int], None] | None = None,
    identity: Mapping[str, Any] | None = None,
    workers: int = 1,
    patience: int = 0,
    checkpoint_seconds: float = 60.0,
    title: str = "training",
) -> Progress:
    """Train ``model`` in place and return the run's progress with its history, one row per log and per validation.

    ``batch_at(n)`` returns the n-th micro-batch and must depend on n alone (each of several processes gets its own n);
    ``loss_of(model, batch)`` returns the scalar loss and named 0-d statistics, averaged over ``log_every`` steps.
    ``validate(model)`` returns metrics, of which the lowest ``select`` chooses the weights that the model ends with;
    without either the model ends with its last weights (their moving average, if on). ``patience`` validations without
    a lower one end the run (0: never). ``on_log`` sees every logged row
    and may raise. ``before_step(step)`` runs when the step's gradients are complete and not yet clipped; a parameter
    whose gradient it drops (None) stays as it is, its moments too. ``watch`` names further state to checkpoint.
    Checkpoints, ``log.jsonl`` and TensorBoard events go to ``work``; a run that finds a checkpoint of the same options
    and ``identity`` there goes on from it, and refuses one of others. SIGTERM checkpoints and raises
    :class:`TrainingStoppedError`. Raises ThrongError on a loss that is not finite.

    In a torch.distributed group every process calls this alike: gradients and logged rows are means over the
    processes, all of them validate the same weights, and the first alone writes.
    """
    accelerator = _accelerator(device, options.precision)
    rank, world = accelerator.process_index, accelerator.num_processes
    average = copy.deepcopy(model).to(accelerator.device) if options.ema_decay else None
    network, optimizer = accelerator.prepare(model, _optimizer(model, options))
    bare = accelerator.unwrap_model(network)
    run = {"options": asdict(options), "identity": dict(identity or {}), "processes": world, "patience": patience}
    saved = _Checkpoints(work / "checkpoints", json.loads(json.dumps(run, sort_keys=True)))
    states = _States(bare, optimizer, average, accelerator.scaler, dict(watch or {}))
    progress = states.restore(saved.load()) if saved.exists() else Progress()
    numbers = iter(range(progress.step * options.accumulate, options.steps * options.accumulate))
    batches = Prefetched(lambda n: batch_at(n * world + rank), numbers, workers)
    checkpointed = time.monotonic()

    with _Log(work, progress, options.steps, title, accelerator.is_main_process) as log, _Stop() as stop:
        while not _finished(progress, options, patience):
            progress.step += 1
            _seed_step(options.seed, progress.step, rank)
            _set_rate(optimizer, rate_at(progress.step, options))
            stats = _backward(network, batches, loss_of, options=options, accelerator=accelerator)
            if before_step is not None:
                before_step(progress.step)
            stats |= _clipped(network, options, accelerator)
            _add(progress.sums, _averaged(stats, accelerator), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if average is not None:
                _move_average(average, bare, options.ema_decay, progress.step)

            log.tick(progress.step, batches.waited)
            if progress.step % options.log_every == 0 or progress.step == options.steps:
                row = _close_interval(progress, options)
                log.write(row)
                if on_log is not None:
                    on_log(progress.step, row)
            if validate is not None and _validation_due(progress.step, options):
                candidate = average if average is not None else bare
                metrics = _validated(candidate, validate, accelerator)
                log.write({"step": progress.step, **{f"val_{name}": value for name, value in metrics.items()}})
                if select is not None:
                    states.compare(candidate, metrics[select], progress)
            ended = _finished(progress, options, patience)
            stopping = _any(stop.asked, accelerator) and not ended
            if ended or stopping or time.monotonic() - checkpointed >= checkpoint_seconds:
                if accelerator.is_main_process:
                    saved.save(progress.step, states.parts(progress))
                checkpointed = time.monotonic()
            if stopping:
                accelerator.wait_for_everyone()
                raise TrainingStoppedError(
                    f"{title} was asked to stop after step {progress.step} of {options.steps}; "
                    f"run it again to go on from there"
                )

    accelerator.unwrap_model(network, keep_fp32_wrapper=False)
    states.settle()
    return progress


def _backward(
    network: nn.Module, batches: Iterator[Batch], loss_of: LossOf, *, options: LoopOptions, accelerator: Any
) -> dict[str, Any]:
    """Leave the step's gradient in the network and return its loss and statistics, means over the micro-batches."""
    network.train()
    means: dict[str, Any] = {}
    for micro in range(options.accumulate):
        last = micro == options.accumulate - 1
        with contextlib.nullcontext() if last else accelerator.no_sync(network):
            with accelerator.autocast():
                loss, stats = loss_of(network, _to_device(next(batches), accelerator.device))
            accelerator.backward(loss / options.accumulate)
        _add(means, {"loss": loss, **stats}, 1 / options.accumulate)
    return means


def _clipped(network: nn.Module, options: LoopOptions, accelerator: Any) -> dict[str, torch.Tensor]:
    if not options.clip_norm:
        return {}
    norm = accelerator.clip_grad_norm_(network.parameters(), options.clip_norm)
    return {"grad_norm": torch.as_tensor(norm)}


def _averaged(stats: dict[str, Any], accelerator: Any) -> dict[str, torch.Tensor]:
    """Return the means over all processes, so that every process logs, judges and fails alike."""
    if accelerator.num_processes == 1:
        return stats
    means = accelerator.reduce(torch.stack([value.detach().double() for value in stats.values()]), "mean")
    return dict(zip(stats, means, strict=True))


def _any(asked: bool, accelerator: Any) -> bool:
    """Return whether any process was asked: they all stop after the same step, or none could finish the next."""
    if accelerator.num_processes == 1:
        return asked
    return bool(accelerator.reduce(torch.tensor(float(asked), device=accelerator.device), "sum"))


def in_turns(measure: Callable[[int], float], number: int) -> list[float]:
    """Return ``measure(0)`` to ``measure(number - 1)``, each made by one process of the group and known to all."""
    group = torch.distributed
    if not (group.is_available() and group.is_initialized()):
        return [measure(index) for index in range(number)]
    world = group.get_world_size()
    parts: list[Any] = [None] * world
    group.all_gather_object(parts, [measure(index) for index in range(group.get_rank(), number, world)])
    return [parts[index % world][index // world] for index in range(number)]


def rate_at(step: int, options: LoopOptions) -> float:
    """Return the learning rate of a step (1..steps): linear warm-up, then the schedule; the cosine ends at zero."""
    if step <= options.warmup_steps:
        return options.learning_rate * step / options.warmup_steps
    if options.schedule == "constant":
        return options.learning_rate
    done, steps = step - 1 - options.warmup_steps, options.steps - options.warmup_steps
    if not isinstance(options.schedule, str):
        return options.schedule.rate(options.learning_rate, done, steps)
    share = done / max(1, steps)
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * share))


def _accelerator(device: str, precision: str) -> Any:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if device == "cpu" and precision == "fp16":
        raise ThrongError("fp16 training needs a GPU: choose bf16 or fp32 on the CPU")
    if device != "cpu" and not torch.cuda.is_available():
        raise ThrongError(f"device {device!r} was asked for but no GPU is usable: choose device cpu")
    if "LOCAL_RANK" not in os.environ:
        # Accelerate remembers the first precision and device of a process; a second run may want others.
        AcceleratorState._reset_state(reset_partial_state=True)
        if torch.device(device).index is not None:
            torch.cuda.set_device(device)
    return Accelerator(cpu=device == "cpu", mixed_precision="no" if precision == "fp32" else precision)


def _optimizer(model: nn.Module, options: LoopOptions) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer]
    trainable = [p for p in model.parameters() if p.requires_grad]
    return kind(trainable, lr=options.learning_rate, weight_decay=options.weight_decay)


def _set_rate(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _seed_step(seed: int, step: int, rank: int) -> None:
    torch.manual_seed(((seed * 1_000_003 + step) * 1_009 + rank) % 2**63)


def _to_device(batch: Batch, device: torch.device) -> Batch:
    from accelerate.utils import send_to_device

    return send_to_device(batch, device, non_blocking=True)


def _add(sums: dict[str, Any], stats: Stats, weight: float) -> None:
    """Add to the interval's sums without waiting for the device."""
    for name, value in stats.items():
        sums[name] = sums.get(name, 0.0) + value.detach().to(torch.float64) * weight


def _close_interval(progress: Progress, options: LoopOptions) -> dict[str, float]:
    steps = (progress.step - 1) % options.log_every + 1
    row = {"step": progress.step, "learning_rate": rate_at(progress.step, options)}
    row |= {name: float(total) / steps for name, total in progress.sums.items()}
    progress.sums.clear()
    if not math.isfinite(row["loss"]):
        raise ThrongError(
            f"the loss is not finite at step {progress.step}: look for NaN in the inputs, "
            f"lower the learning rate or train in fp32"
        )
    return row


@torch.no_grad()
def _move_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    # Early on the average must follow quickly, or it would keep the initial weights for 1 / (1 - decay) steps.
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, weight)
    for mean, value in zip(average.buffers(), model.buffers(), strict=True):
        mean.copy_(value)


def _finished(progress: Progress, options: LoopOptions, patience: int) -> bool:
    """Return whether no step is left: a function of what a checkpoint holds, so that a resumed run ends alike."""
    since_best = (progress.step - progress.best_step) // options.val_every if options.val_every else 0
    return progress.step >= options.steps or bool(patience and progress.best_step and since_best >= patience)


def _validation_due(step: int, options: LoopOptions) -> bool:
    return step == options.steps or (options.val_every > 0 and step % options.val_every == 0)


def _validated(model: nn.Module, validate: Callable[[nn.Module], Mapping[str, float]], accelerator: Any) -> Any:
    model.eval()
    if accelerator.num_processes > 1:
        # Running statistics are each process's own; those of the first are what is saved.
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
    with torch.no_grad(), accelerator.autocast():
        return dict(validate(model))


def _copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


class Prefetched:
    """Batches in order, made ``workers`` at a time in threads (0: as they are asked for).

    ``waited`` is for how many seconds they were waited for.
    """

    def __init__(self, batch_at: Callable[[int], Batch], numbers: Iterator[int], workers: int) -> None:
        self._made = _made_ahead(batch_at, numbers, workers) if workers else map(batch_at, numbers)
        self.waited = 0.0

    def __iter__(self) -> Prefetched:
        return self

    def __next__(self) -> Batch:
        started = time.monotonic()
        batch = next(self._made)
        self.waited += time.monotonic() - started
        return batch


def _made_ahead(batch_at: Callable[[int], Batch], numbers: Iterator[int], workers: int) -> Iterator[Batch]:
    with ThreadPoolExecutor(workers, thread_name_prefix="batch") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for number in numbers:
                waiting.append(pool.submit(batch_at, number))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@dataclass
class _States:
    """Everything a checkpoint holds beside the progress."""

    model: nn.Module
    optimizer: Any
    average: nn.Module | None
    scaler: Any
    watch: dict[str, Stateful]
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    def compare(self, candidate: nn.Module, score: float, progress: Progress) -> None:
        """Keep the candidate's weights when its score is the lowest so far."""
        if score < progress.best_score:
            progress.best_score, progress.best_step = score, progress.step
            self.best = _copied(candidate)

    def settle(self) -> None:
        """Give the model the best weights, or without validation its average."""
        if self.best:
            self.model.load_state_dict(self.best)
        elif self.average is not None:
            self.model.load_state_dict(self.average.state_dict())

    def parts(self, progress: Progress) -> dict[str, Any]:
        """Return the parts of a checkpoint by name."""
        return {
            "progress": {
                **asdict(progress),
                "sums": {name: float(total) for name, total in progress.sums.items()},
                "scaler": self.scaler.state_dict() if self.scaler is not None else {},
                "watch": {name: item.state_dict() for name, item in self.watch.items()},
            },
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "best": self.best,
        }

    def restore(self, parts: dict[str, Any]) -> Progress:
        """Load the parts and return the progress they were saved at."""
        rest = dict(parts["progress"])
        scaler, watch = rest.pop("scaler"), rest.pop("watch")
        self.model.load_state_dict(parts["model"])
        self.optimizer.load_state_dict(parts["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(parts["average"])
        if self.scaler is not None:
            self.scaler.load_state_dict(scaler)
        for name, item in self.watch.items():
            item.load_state_dict(watch[name])
        self.best = parts["best"]
        return Progress(**rest)


class _Checkpoints:
    """Folders ``step-<n>`` that appear whole by a rename; the last two stay."""

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self.run = run

    def exists(self) -> bool:
        return bool(self._complete())

    def _complete(self) -> list[Path]:
        return sorted(self.folder.glob("step-*")) if self.folder.exists() else []

    def load(self) -> dict[str, Any]:
        latest = self._complete()[-1]
        run = json.loads((latest / "run.json").read_text())
        if run != self.run:
            changed = sorted(
                f"{group}.{key}" if isinstance(run[group], dict) else group
                for group in run
                for key in (run[group] if isinstance(run[group], dict) else [group])
                if run[group] != self.run[group]
                and (not isinstance(run[group], dict) or run[group].get(key) != self.run[group].get(key))
            )
            raise ThrongError(
                f"{latest} is a checkpoint of another run (differs in {', '.join(changed) or 'options'}): "
                f"restore the options, or delete {self.folder} to start anew"
            )
        return {part: torch.load(latest / f"{part}.pt", map_location="cpu", weights_only=True) for part in PARTS}

    def save(self, step: int, parts: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(".tmp-*"):
            shutil.rmtree(leftover)
        temporary = self.folder / f".tmp-{step:08d}"
        temporary.mkdir()
        (temporary / "run.json").write_text(json.dumps(self.run, sort_keys=True, indent=1))
        for part in PARTS:
            with (temporary / f"{part}.pt").open("wb") as handle:
                torch.save(parts[part], handle)
                handle.flush()
                os.fsync(handle.fileno())
        final = self.folder / f"step-{step:08d}"
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        for old in self._complete()[:-KEPT_CHECKPOINTS]:
            shutil.rmtree(old)


class _Stop:
    """Turns SIGTERM into a flag while the loop runs, where signals can be had (the main thread)."""

    def __enter__(self) -> _Stop:
        self.asked = False
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGTERM, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        self.asked = True

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGTERM, self._before)


class _Log:
    """Rows to ``log.jsonl``, TensorBoard and the history; a progress bar, or a line now and then without a terminal."""

    def __init__(self, work: Path, progress: Progress, steps: int, title: str, main: bool) -> None:
        self.work, self.progress, self.steps, self.title, self.main = work, progress, steps, title, main
        self.started, self.first_step, self.spoken = time.monotonic(), progress.step, time.monotonic()
        self.newest = ""

    def __enter__(self) -> _Log:
        self.bar = None
        if not self.main:
            return self
        from torch.utils.tensorboard import SummaryWriter

        self.work.mkdir(parents=True, exist_ok=True)
        self.jsonl = (self.work / "log.jsonl").open("w", encoding="utf-8")
        self.jsonl.writelines(json.dumps(row) + "\n" for row in self.progress.history)
        self.board = SummaryWriter(str(self.work / "tensorboard"), purge_step=self.progress.step + 1)
        if sys.stderr.isatty():
            self._open_bar()
        return self

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[newest]}"),
            console=Console(stderr=True),
        )
        self.bar.start()
        self.task = self.bar.add_task(self.title, total=self.steps, completed=self.first_step, newest="")

    def write(self, row: dict[str, float]) -> None:
        self.progress.history.append(row)
        if not self.main:
            return
        self.jsonl.write(json.dumps(row) + "\n")
        self.jsonl.flush()
        for name, value in row.items():
            if name != "step":
                self.board.add_scalar(name, value, int(row["step"]))
        shown = {name: value for name, value in row.items() if name == "loss" or name.startswith("val_")}
        self.newest = " ".join(f"{name} {value:.4g}" for name, value in shown.items())

    def tick(self, step: int, waited: float) -> None:
        if not self.main:
            return
        # no artefact may hold what depends on the clock: this is told and forgotten
        share = waited / max(1e-9, time.monotonic() - self.started)
        newest = f"{self.newest} waiting for batches {share:.0%}"
        if self.bar is not None:
            self.bar.update(self.task, completed=step, newest=newest)
        elif time.monotonic() - self.spoken >= QUIET_SECONDS:
            self.spoken = time.monotonic()
            left = (self.spoken - self.started) / (step - self.first_step) * (self.steps - step)
            print(
                f"{self.title}: step {step}/{self.steps}, {left:.0f} s left, {newest}",
                file=sys.stderr,
                flush=True,
            )

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
        if self.main:
            self.jsonl.close()
            self.board.close()
