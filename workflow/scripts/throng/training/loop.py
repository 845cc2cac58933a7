"""The loop of one network and one loss."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from throng.errors import ThrongError
from throng.training.accelerator import accelerator_of, any_asked, averaged, seed_step, to_device
from throng.training.batches import Batch, Prefetched
from throng.training.checkpoints import Checkpoints
from throng.training.log import Log
from throng.training.options import LoopOptions, rate_at
from throng.training.progress import Progress, Stateful
from throng.training.states import States
from throng.training.stop import LookEndedError, Stop, stopped

Stats = Mapping[str, torch.Tensor]
LossOf = Callable[[nn.Module, Batch], tuple[torch.Tensor, Stats]]


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
    :class:`TrainingStoppedError`, after the step that is being made; a validation is left and made anew when the run
    goes on. Raises ThrongError on a loss that is not finite.

    In a torch.distributed group every process calls this alike: gradients and logged rows are means over the
    processes, all of them validate the same weights, and the first alone writes.
    """
    accelerator = accelerator_of(device, options.precision)
    rank, world = accelerator.process_index, accelerator.num_processes
    average = copy.deepcopy(model).to(accelerator.device) if options.ema_decay else None
    network, optimizer = accelerator.prepare(model, _optimizer(model, options))
    bare = accelerator.unwrap_model(network)
    run = {"options": asdict(options), "identity": dict(identity or {}), "processes": world, "patience": patience}
    saved = Checkpoints(
        work / "checkpoints", json.loads(json.dumps(run, sort_keys=True)), writes=accelerator.is_main_process
    )
    states = States(bare, optimizer, average, accelerator.scaler, dict(watch or {}))
    progress = states.restore(saved.load()) if saved.exists() else Progress()
    numbers = iter(range(progress.step * options.accumulate, options.steps * options.accumulate))
    batches = Prefetched(lambda n: batch_at(n * world + rank), numbers, workers)

    with Log(work, progress, options.steps, title, accelerator.is_main_process) as log, Stop() as stop:
        while True:
            if validate is not None and _validation_due(progress, options):
                candidate = average if average is not None else bare
                if (metrics := _validated(candidate, validate, accelerator, stop)) is not None:
                    progress.validated = progress.step
                    log.write({"step": progress.step, **{f"val_{name}": value for name, value in metrics.items()}})
                    if select is not None:
                        states.compare(candidate, metrics[select], progress)
            ended = _finished(progress, options, patience) and (
                validate is None or not _validation_due(progress, options)
            )
            stopping = any_asked(stop.asked, accelerator) and not ended
            if ended or stopping or saved.age() >= checkpoint_seconds:
                saved.save(progress.step, states.parts(progress))
            if stopping:
                accelerator.wait_for_everyone()
                raise stopped(title, progress.step, options.steps)
            if ended:
                break
            progress.step += 1
            seed_step(options.seed, progress.step, rank)
            _set_rate(optimizer, rate_at(progress.step, options))
            stats = _backward(network, batches, loss_of, options=options, accelerator=accelerator)
            if before_step is not None:
                before_step(progress.step)
            stats |= _clipped(network, options, accelerator)
            _add(progress.sums, averaged(stats, accelerator), 1.0)
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
                loss, stats = loss_of(network, to_device(next(batches), accelerator.device))
            accelerator.backward(loss / options.accumulate)
        _add(means, {"loss": loss, **stats}, 1 / options.accumulate)
    return means


def _clipped(network: nn.Module, options: LoopOptions, accelerator: Any) -> dict[str, torch.Tensor]:
    if not options.clip_norm:
        return {}
    norm = accelerator.clip_grad_norm_(network.parameters(), options.clip_norm)
    return {"grad_norm": torch.as_tensor(norm)}


def _optimizer(model: nn.Module, options: LoopOptions) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options.optimizer]
    trainable = [p for p in model.parameters() if p.requires_grad]
    return kind(trainable, lr=options.learning_rate, weight_decay=options.weight_decay)


def _set_rate(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


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


def _validation_due(progress: Progress, options: LoopOptions) -> bool:
    step = progress.step
    due = step == options.steps or (options.val_every > 0 and step % options.val_every == 0)
    return due and progress.validated < step


def _validated(
    model: nn.Module, validate: Callable[[nn.Module], Mapping[str, float]], accelerator: Any, stop: Stop
) -> dict[str, float] | None:
    """Return what ``validate`` finds; None when a stop is asked for meanwhile."""
    alone = accelerator.num_processes == 1
    model.eval()
    if not alone:
        # Running statistics are each process's own; those of the first are what is saved.
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)
    try:
        with stop.ends_look() if alone else contextlib.nullcontext(), torch.no_grad(), accelerator.autocast():
            return dict(validate(model))
    except LookEndedError:
        return None
