"""A generator against a discriminator, step by step: resumable to the bit, on the parts of ``throng.training``.

Alternating steps: Goodfellow et al. (2014), algorithm 1; lazy penalties and the average: Karras et al. (2020,
StyleGAN2), appendix B; augmentation with a probability that adapts: Karras et al. (2020, ADA). What a step shows is a
function of its number, and torch is seeded anew for every piece of it, so a checkpoint holds weights, moments, the
average, the probability and what was logged, and nothing else can drift.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from throng.errors import ThrongError
from throng.gan.augmentation.strength import Strength
from throng.gan.average import average_beta, update_average
from throng.gan.collapse import difference, signs_of_collapse, variety
from throng.gan.log import GanLog
from throng.gan.losses import clean_gradients, lazy_adam
from throng.gan.options import GanOptions
from throng.gan.pieces import Piece, Pieces
from throng.gan.pixels import to_images
from throng.gan.stats import Clock, Sums
from throng.gan.steps import Half, discriminator_half, generator_half, penalty_half
from throng.training.accelerator import accelerator_of, any_asked, to_device
from throng.training.batches import Prefetched
from throng.training.checkpoints import Checkpoints
from throng.training.stop import LookEndedError, Stop, stopped

log = logging.getLogger(__name__)
GENERATOR, DISCRIMINATOR, PENALTY = "Gboth", "Dmain", "Dreg"
PHASES = 3
BETA1 = 0.0
EPSILON = 1e-8
Seen = Callable[[Tensor, float, float], Tensor]


@dataclass
class GanProgress:
    """How far a run is: steps done, the history (one row per tick), the lines of stats.jsonl, and seconds taken.

    ``looked_at`` is the last step whose tick, measurement and snapshot are made: a run that is stopped meanwhile owes
    them.
    """

    step: int = 0
    looked_at: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Networks:
    """The two networks, the generator's average, and what moves them."""

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    moving_generator: torch.optim.Adam
    moving_discriminator: torch.optim.Adam

    @classmethod
    def of(cls, generator: nn.Module, discriminator: nn.Module, device: torch.device) -> Networks:
        """Return the networks on a device, the average a copy of the generator."""
        generator, discriminator = generator.to(device).train(), discriminator.to(device).train()
        average = copy.deepcopy(generator).eval().requires_grad_(False)
        adams = [
            torch.optim.Adam(list(network.parameters()), betas=(BETA1, 0.99), eps=EPSILON)
            for network in (generator, discriminator)
        ]
        return cls(generator, discriminator, average, *adams)

    def set_rates(self, options: GanOptions, kimg: float) -> None:
        """Give both optimisers their learning rate and momentum after so many thousand images."""
        betas = (BETA1, options.beta2.at(kimg))
        for group in self.moving_generator.param_groups:
            group.update(lr=options.generator_rate.at(kimg), betas=betas)
        rate = options.discriminator_rate.at(kimg)
        if options.penalty_every > 1:
            rate, betas = lazy_adam(rate, betas, options.penalty_every)
        for group in self.moving_discriminator.param_groups:
            group.update(lr=rate, betas=betas)

    def learns(self, which: str) -> None:
        """Ask gradients of the weights of one network alone."""
        for name in ("generator", "discriminator"):
            getattr(self, name).requires_grad_(name == which)

    def state_dict(self) -> dict[str, Any]:
        """Return every network's and optimiser's state by name."""
        return {name: part.state_dict() for name, part in vars(self).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, part in vars(self).items():
            part.load_state_dict(state[name])


def train_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    pieces: Pieces,
    options: GanOptions,
    work: Path,
    *,
    strength: Strength,
    seen: Seen,
    device: str = "cpu",
    identity: Mapping[str, Any] | None = None,
    on_snapshot: Callable[[nn.Module, float], None] | None = None,
    measure: Callable[[nn.Module], Mapping[str, float]] | None = None,
    workers: int = 1,
    checkpoint_seconds: float = 60.0,
    title: str = "training a generator",
) -> tuple[Networks, GanProgress]:
    """Train both networks and return them with the average, and the run's progress.

    ``seen(images, p, kimg)`` is how the discriminator sees images (B, 3, R, R), augmented with the probability p of
    ``strength`` and blurred, in a way that can be differentiated twice. ``on_snapshot(average, kimg)`` is called
    every ``snapshot_kimg``, ``measure(average)`` every ``measure_kimg``, in the first process alone; what it returns
    joins the tick's row. Checkpoints, ``stats.jsonl``, ``history.jsonl`` and TensorBoard events go to ``work``; a run
    that finds a checkpoint of the same options and ``identity`` there goes on from it and refuses one of others.
    SIGTERM checkpoints and raises :class:`throng.training.TrainingStoppedError`, after the step that is being made;
    what ``measure`` and ``on_snapshot`` do is left, and done anew when the run goes on. Raises ThrongError when a loss
    is not finite.

    In a torch.distributed group every process calls this alike; each works on every so-manyth piece of a step,
    gradients and observations are means over the processes, and the first alone writes. The pieces, and what is drawn
    at random for each, are the same for any number of processes.
    """
    accelerator = accelerator_of(device, "fp32")
    rank, world = accelerator.process_index, accelerator.num_processes
    if options.pieces % world:
        raise ThrongError(
            f"{options.pieces} pieces of {options.at_once} images cannot be shared by {world} processes: lower at_once"
        )
    _exact(accelerator.device)
    networks = Networks.of(generator, discriminator, accelerator.device)
    run = Run(networks, options, strength, seen, accelerator.device, rank, world)
    main = accelerator.is_main_process
    said = {"options": _plain(asdict(options)), "identity": _plain(identity or {})}
    saved = Checkpoints(work / "checkpoints", said, writes=main)
    progress = run.restore(saved.load()) if saved.exists() else GanProgress()
    batches = Prefetched(pieces, _numbers(progress.step, options, rank, world), workers)
    watch = Watch.of(pieces)
    clock = Clock(progress.seconds)
    looks = Looks(run, watch, accelerator, measure, on_snapshot)

    with GanLog(work, progress, options, title, main) as told, Stop() as stop:
        while True:
            if progress.looked_at < progress.step:
                looks.take(progress, told, stop, clock)
            ended = progress.looked_at == options.steps
            stopping = any_asked(stop.asked, accelerator) and not ended
            if ended or stopping or any_asked(saved.age() >= checkpoint_seconds, accelerator):
                progress.seconds = clock.total()
                saved.save(progress.step, run.parts(progress))
            if stopping:
                accelerator.wait_for_everyone()
                raise stopped(title, progress.step, options.steps)
            if ended:
                break
            progress.step += 1
            run.step(progress.step, batches, clock)
            told.tick(progress.step, strength.p, batches.waited)
    return networks, progress


@dataclass
class Run:
    """One process's share of a training: what a step does, and what must be kept of it."""

    networks: Networks
    options: GanOptions
    strength: Strength
    seen: Seen
    device: torch.device
    rank: int
    world: int
    sums: Sums = field(default_factory=Sums)

    def step(self, step: int, batches: Iterator[Piece], clock: Clock) -> None:
        """Do one step: the generator, the discriminator, where it is due the penalty, and the average."""
        options, networks = self.options, self.networks
        mine = range(self.rank, options.pieces, self.world)
        kimg = options.kimg_at(step - 1)
        networks.set_rates(options, kimg)
        half = Half(
            networks.generator,
            networks.discriminator,
            lambda images: self.seen(images, self.strength.p, kimg),
            options,
            options.gamma.at(kimg),
            1 / len(mine),
        )
        pieces = [to_device(next(batches), self.device) for _ in mine]
        now = time.monotonic()

        networks.learns("generator")
        made: list[Tensor] = []
        for number, piece in zip(mine, pieces, strict=True):
            self._seed(step, 0, number)
            observed, images = generator_half(half, piece)
            self.sums.add(observed)
            made.append(images)
        self._move(networks.moving_generator)
        now = clock.spend(GENERATOR, now)

        networks.learns("discriminator")
        for number, piece, images in zip(mine, pieces, made, strict=True):
            self._seed(step, 1, number)
            observed, logits = discriminator_half(half, piece, None if options.fresh_fakes else images)
            self.sums.add(observed)
            self.strength.observe(self._gathered(logits))
        self._move(networks.moving_discriminator)
        now = clock.spend(DISCRIMINATOR, now)

        if options.penalty_every > 1 and (step - 1) % options.penalty_every == 0:
            for number, piece in zip(mine, pieces, strict=True):
                self._seed(step, 2, number)
                self.sums.add(penalty_half(half, piece))
            self._move(networks.moving_discriminator)
            clock.spend(PENALTY, now)

        half_life = options.average_kimg.at(kimg) * 1000
        beta = average_beta(options.batch, (step - 1) * options.batch, half_life, options.average_ramp)
        update_average(networks.average, networks.generator, beta)
        self.strength.advance(options.batch)

    def _seed(self, step: int, phase: int, piece: int) -> None:
        number = (step * PHASES + phase) * self.options.pieces + piece
        torch.manual_seed((self.options.seed * 1_000_003 + number) % 2**63)

    def _move(self, adam: torch.optim.Adam) -> None:
        """Take one optimiser's step along the mean gradient of all processes."""
        moved = [parameter for group in adam.param_groups for parameter in group["params"]]
        learning = [parameter for parameter in moved if parameter.grad is not None]
        if self.world > 1:
            flat = torch.cat([parameter.grad.flatten() for parameter in learning])
            torch.distributed.all_reduce(flat)
            parts = (flat / self.world).split([parameter.numel() for parameter in learning])
            for parameter, part in zip(learning, parts, strict=True):
                parameter.grad = part.view_as(parameter).clone()
        clean_gradients(learning)
        adam.step()
        adam.zero_grad(set_to_none=True)

    def _gathered(self, logits: Tensor) -> Tensor:
        """Return the logits of all processes, so that each adapts alike."""
        if self.world == 1:
            return logits
        parts = [torch.empty_like(logits) for _ in range(self.world)]
        torch.distributed.all_gather(parts, logits.detach().contiguous())
        return torch.cat(parts)

    def parts(self, progress: GanProgress) -> dict[str, Any]:
        """Return the parts of a checkpoint by name, with the open sums of every process: all of them call this."""
        sums: list[Any] = [self.sums.state_dict()]
        if self.world > 1:
            sums = [None] * self.world
            torch.distributed.all_gather_object(sums, self.sums.state_dict())
        rest = {"progress": asdict(progress), "sums": sums, "strength": self.strength.state_dict()}
        return {**self.networks.state_dict(), "rest": rest}

    def restore(self, parts: Mapping[str, Any]) -> GanProgress:
        """Load the parts and return the progress they were saved at."""
        self.networks.load_state_dict(parts)
        rest = parts["rest"]
        # with other processes than saved them, the first takes all
        shares = rest["sums"] if len(rest["sums"]) == self.world else [_added(rest["sums"]), *[{}] * (self.world - 1)]
        self.sums.load_state_dict(shares[self.rank], self.device)
        self.strength.load_state_dict(rest["strength"])
        return GanProgress(**rest["progress"])


def history_row(
    step: int, options: GanOptions, p: float, observed: Mapping[str, Mapping[str, float]], spreads: Mapping[str, float]
) -> dict[str, Any]:
    """Return a row of the history: means of a tick's observations, without anything that depends on the clock.

    ``spreads`` tell how different images are, see :class:`Watch`. Raises ThrongError when a loss is not finite.
    """
    means = {name: fields["mean"] for name, fields in observed.items()}
    for name in ("Loss/G/loss", "Loss/D/loss"):
        if not math.isfinite(means[name]):
            raise ThrongError(
                f"{name} is not finite by step {step}: look for NaN in the images, lower the learning rates, raise "
                f"gamma, or train in fp32"
            )
    wrong = signs_of_collapse(means, spreads["spread/fakes"], spreads["spread/reals"])
    for sentence in wrong:
        log.warning("by %g kimg %s", options.kimg_at(step), sentence)
    row = {"step": step, "kimg": options.kimg_at(step), "augment": p, "conditioned": options.conditioned(step)}
    return {**row, **dict(sorted(means.items())), **spreads, "collapse": "; ".join(wrong)}


@dataclass(frozen=True)
class Looks:
    """What is done after some steps: ticks in all processes, measurements and snapshots in the first alone."""

    run: Run
    watch: Watch
    accelerator: Any
    measure: Callable[[nn.Module], Mapping[str, float]] | None
    on_snapshot: Callable[[nn.Module, float], None] | None

    def take(self, progress: GanProgress, told: GanLog, stop: Stop, clock: Clock) -> None:
        """Do what is due after the step, all of it or, when a stop is asked for meanwhile, nothing that is kept."""
        run, options, step = self.run, self.run.options, progress.step
        row, observed = None, {}
        ticking = step == options.steps or options.due(step, options.tick_kimg)
        if ticking:
            observed = run.sums.totals()
            spreads = self.watch.spreads(run.networks.average)
            row = history_row(step, options, run.strength.p, observed, spreads)
        pausing = ticking or options.due(step, options.snapshot_kimg)
        if pausing and self._left(progress, row, stop):
            return
        if row is not None:
            run.sums.clear()
            told.write(row, observed, clock, run.device)
        progress.looked_at = step

    def _left(self, progress: GanProgress, row: dict[str, Any] | None, stop: Stop) -> bool:
        """Return, alike in all processes, whether the first left its measurement or snapshot to stop."""
        left = False
        if self.accelerator.is_main_process:
            try:
                with stop.ends_look():
                    self._long_ones(progress, row)
            except LookEndedError:
                left = True
        return any_asked(left, self.accelerator)

    def _long_ones(self, progress: GanProgress, row: dict[str, Any] | None) -> None:
        options, step, average = self.run.options, progress.step, self.run.networks.average
        since = progress.history[-1]["step"] if progress.history else 0
        due = step == options.steps or options.due(step, options.measure_kimg, since)
        if row is not None and self.measure is not None and due:
            row |= self.measure(average)
        if self.on_snapshot is not None and options.due(step, options.snapshot_kimg):
            self.on_snapshot(average, options.kimg_at(step))


@dataclass(frozen=True)
class Watch:
    """What a tick looks at: the codes of the lowest and the highest label, and how different photographs are."""

    low: Tensor
    high: Tensor
    reals: float
    seed: int

    @classmethod
    def of(cls, pieces: Pieces) -> Watch:
        """Return the watch of a training set."""
        labels = pieces.images.labels
        ends = [int(labels.argmin()), int(labels.argmax())] if labels.ndim == 1 else [0, len(labels) - 1]
        low, high = pieces.encoding.encode(torch.from_numpy(labels[ends])).split(1)
        photographs = to_images(pieces(0).pixels)
        return cls(low, high, difference(photographs), pieces.options.seed)

    def spreads(self, generator: nn.Module) -> dict[str, float]:
        """Return mean absolute differences: between photographs, between images of one label, between two labels."""
        fakes, labels = variety(generator, self.low, self.high, self.seed)
        return {"spread/reals": self.reals, "spread/fakes": fakes, "spread/labels": labels}


def _numbers(done: int, options: GanOptions, rank: int, world: int) -> Iterator[int]:
    """Yield the numbers of a process's pieces from the step after ``done`` on."""
    for step in range(done, options.steps):
        yield from range(step * options.pieces + rank, (step + 1) * options.pieces, world)


def _added(tables: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the sums by name of tables that have the same names."""
    return {name: torch.stack([table[name] for table in tables]).sum(0) for name in tables[0]}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values, sort_keys=True))


def _exact(device: torch.device) -> None:
    # ten bits of mantissa are too few for styles that are divided by their own size
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
