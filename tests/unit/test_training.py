import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from throng.errors import ThrongError
from throng.schedules import ConstantThenLinear, Decay, Polynomial
from throng.training import LoopOptions, Prefetched, rate_at, train

OPTIONS = LoopOptions(steps=12, ema_decay=0.9, accumulate=2, val_every=5, log_every=5, warmup_steps=3, seed=2**63 - 1)

KILLED_RUN = """
import os, signal, sys
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
import test_training as t
def batch_at(n):
    if n >= 14:
        os.kill(os.getpid(), signal.SIGKILL)
    return t.batch_at(n)
t.run(Path(sys.argv[1]), batch_at=batch_at)
"""
STOPPED_RUN = """
import os, signal, sys
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
import test_training as t
from throng.training import TrainingStoppedError
def unheard(*_):
    raise AssertionError("SIGTERM came while nobody listened")
signal.signal(signal.SIGTERM, unheard)
def batch_at(n):
    if n == 9:
        os.kill(os.getpid(), signal.SIGTERM)
    return t.batch_at(n)
try:
    t.run(Path(sys.argv[1]), batch_at=batch_at)
except TrainingStoppedError as error:
    print(error)
print(signal.getsignal(signal.SIGTERM).__name__)
"""

LOOKING_RUN = """
import os, signal, sys, time
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
import test_training as t
from throng.training import TrainingStoppedError
def validate(model):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)
t.validate = validate
try:
    t.run(Path(sys.argv[1]))
except TrainingStoppedError as error:
    print(error)
"""


def of_its_own(code, folder):
    """Run code in a process of its own: signals that miss their handler would end the tests."""
    here = Path(__file__).parent
    library = str(here.parents[1] / "workflow" / "scripts")
    return subprocess.run([sys.executable, "-c", code, str(folder), library, str(here)], capture_output=True, text=True)


def batch_at(number):
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(8, 3, generator=generator)
    return x, x.sum(1, keepdim=True)


def loss_of(model, batch):
    predicted = model(batch[0])
    loss = ((predicted - batch[1]) ** 2).mean()
    return loss, {"spread": predicted.std()}


def validate(model):
    x, y = batch_at(10_000)
    return {"mae": (model(x) - y).abs().mean().item()}


class Counts:
    def __init__(self):
        self.rows = 0

    def __call__(self, step, row):
        self.rows += 1

    def state_dict(self):
        return {"rows": self.rows}

    def load_state_dict(self, state):
        self.rows = state["rows"]


def run(work, *, batch_at=batch_at, options=OPTIONS, counts=None, **kwargs):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 1))
    counts = Counts() if counts is None else counts
    progress = train(
        model,
        batch_at,
        loss_of,
        options,
        work,
        validate=validate,
        watch={"counts": counts},
        on_log=counts,
        checkpoint_seconds=0.0,
        workers=kwargs.pop("workers", 0),
        **kwargs,
    )
    return model, progress


def same(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_a_run_killed_with_sigkill_resumes_to_the_bit(tmp_path):
    whole_counts, resumed_counts = Counts(), Counts()
    whole, whole_progress = run(tmp_path / "whole", counts=whole_counts)
    killed = of_its_own(KILLED_RUN, tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = sorted(p.name for p in (tmp_path / "killed" / "checkpoints").iterdir())
    assert kept == ["step-00000006", "step-00000007"]
    resumed, progress = run(tmp_path / "killed", counts=resumed_counts)
    assert same(whole, resumed)
    assert progress.history == whole_progress.history
    assert resumed_counts.rows == whole_counts.rows == 3
    rows = [json.loads(line) for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert rows == whole_progress.history


def test_workers_do_not_change_the_result(tmp_path):
    assert same(run(tmp_path / "a")[0], run(tmp_path / "b", workers=3)[0])


def test_training_learns_and_ends_with_the_best_validated_weights(tmp_path):
    options = LoopOptions(steps=300, learning_rate=1e-2, val_every=50, log_every=50)
    model, progress = run(tmp_path, options=options)
    errors = [row["val_mae"] for row in progress.history if "val_mae" in row]
    assert len(errors) == 6
    assert progress.best_score == min(errors) < 0.5 * errors[0]
    assert validate(model.eval())["mae"] == pytest.approx(progress.best_score)


def test_sigterm_checkpoints_and_stops(tmp_path):
    done = of_its_own(STOPPED_RUN, tmp_path / "stopped")
    assert "after step 5 of 12" in done.stdout and done.stdout.endswith("unheard\n"), done.stderr
    resumed, _ = run(tmp_path / "stopped")
    assert same(resumed, run(tmp_path / "whole")[0])


def test_sigterm_does_not_wait_for_the_end_of_a_validation_which_is_made_when_the_run_goes_on(tmp_path):
    done = of_its_own(LOOKING_RUN, tmp_path / "stopped")
    assert "after step 5 of 12" in done.stdout, done.stderr
    resumed, progress = run(tmp_path / "stopped")
    whole, whole_progress = run(tmp_path / "whole")
    assert same(resumed, whole)
    assert progress.history == whole_progress.history


def test_a_half_written_checkpoint_is_never_read(tmp_path):
    run(tmp_path)
    half = tmp_path / "checkpoints" / ".tmp-00000099"
    half.mkdir()
    (half / "model.pt").write_bytes(b"half")
    assert run(tmp_path)[1].step == 12


def test_a_checkpoint_of_other_options_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(ThrongError, match=r"differs in options\.steps"):
        run(tmp_path, options=LoopOptions(**{**vars(OPTIONS), "steps": 13}))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def poisoned(number):
        x, y = batch_at(number)
        return (x * float("nan"), y) if number == 3 else (x, y)

    with pytest.raises(ThrongError, match="not finite"):
        run(tmp_path, batch_at=poisoned)


def test_bf16_trains_on_the_cpu_and_fp16_is_refused_there(tmp_path):
    options = LoopOptions(steps=60, learning_rate=1e-2, precision="bf16", log_every=20)
    _, progress = run(tmp_path / "bf16", options=options)
    losses = [row["loss"] for row in progress.history if "loss" in row]
    assert losses[-1] < losses[0]
    with pytest.raises(ThrongError, match="needs a GPU"):
        run(tmp_path / "fp16", options=LoopOptions(steps=1, precision="fp16"))


def test_schedule_warms_up_and_ends_near_zero():
    options = LoopOptions(steps=100, learning_rate=1.0, warmup_steps=10)
    rates = [rate_at(step, options) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] < 1e-3
    assert rate_at(50, LoopOptions(steps=100, learning_rate=0.5, schedule="constant")) == 0.5


@pytest.mark.parametrize("workers", [0, 3])
def test_batches_come_in_order_and_know_how_long_they_were_waited_for(workers):
    def slow(number: int) -> int:
        time.sleep(0.02)
        return number

    batches = Prefetched(slow, iter(range(3, 9)), workers)
    started = time.monotonic()
    assert list(batches) == [3, 4, 5, 6, 7, 8]
    # what is made in time is not waited for, but the first batch is
    assert (0.12 if workers == 0 else 0.02) <= batches.waited <= time.monotonic() - started


def rates(schedule, steps, **more):
    options = LoopOptions(steps=steps, learning_rate=1e-4, schedule=schedule, **more)
    return [rate_at(step, options) for step in range(1, steps + 1)]


def test_constant_then_linear_ends_at_its_final_rate():
    found = rates(ConstantThenLinear(), 250)
    assert found[:150] == [1e-4] * 150
    assert found[-1] == pytest.approx(1e-7)
    falls = [a - b for a, b in itertools.pairwise(found[149:])]
    assert len(falls) == 100 and falls == pytest.approx([(1e-4 - 1e-7) / 100] * 100)
    assert rates(ConstantThenLinear(tail=1.0, final=0.0), 4) == pytest.approx([7.5e-5, 5e-5, 2.5e-5, 0.0])


def test_decay_multiplies_after_so_many_steps():
    found = rates(Decay(factor=0.9, every=10), 25)
    assert found == pytest.approx([1e-4] * 10 + [9e-5] * 10 + [8.1e-5] * 5)
    assert rate_at(10_001, LoopOptions(steps=20_000, learning_rate=1.0, schedule=Decay())) == pytest.approx(0.9)


def test_polynomial_falls_as_its_power_says_and_waits_for_the_warm_up():
    found = rates(Polynomial(power=2.0, final=0.0), 12, warmup_steps=2)
    assert found[:2] == pytest.approx([5e-5, 1e-4])
    assert found[2:] == pytest.approx([1e-4 * (1 - done / 10) ** 2 for done in range(10)])


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda: ConstantThenLinear(tail=0.0), "share above 0"),
        (lambda: Decay(every=0), "at least 1 step"),
        (lambda: Polynomial(power=0.0), "power of a polynomial"),
    ],
)
def test_schedules_without_sense_are_refused(schedule, message):
    with pytest.raises(ThrongError, match=message):
        schedule()


def test_without_a_selecting_metric_validation_only_watches(tmp_path):
    options = LoopOptions(steps=20, learning_rate=1e-2, val_every=5, log_every=5)
    model, watched = nn.Linear(3, 1), nn.Linear(3, 1)
    watched.load_state_dict(model.state_dict())
    rises = iter(range(10))
    train(model, batch_at, loss_of, options, tmp_path / "a")
    progress = train(
        watched, batch_at, loss_of, options, tmp_path / "b", validate=lambda _: {"mae": next(rises)}, select=None
    )
    assert torch.equal(model.weight, watched.weight)
    assert [row["val_mae"] for row in progress.history if "val_mae" in row] == [0, 1, 2, 3]
