"""The alternating loop: resumed, shared, watched and refused. Whole jobs are in stages/test_train_gan.py."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.gan.training import sets
from tests.unit.gan.training.sets import Unaugmented, images_of, networks, options_of, same, trained
from throng.errors import ThrongError
from throng.gan.average import average_beta
from throng.gan.collapse import signs_of_collapse

ROOT = Path(__file__).parents[4]
KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
from tests.unit.gan.training import sets
options = sets.options_of()
pieces = sets.pieces_of(sets.images_of(sets.np.arange(20) % 3), options)
class Deadly(type(pieces)):
    def __call__(self, number):
        if number >= 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(number)
sets.trained(Path(sys.argv[1]), options, pieces=Deadly(**vars(pieces)), checkpoint_seconds=0.0)
"""
STOPPED = """
import signal, sys
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
from tests.unit.gan.training import sets
from throng.training import TrainingStoppedError
def stopping(average, kimg):
    signal.raise_signal(signal.SIGTERM)
try:
    sets.trained(Path(sys.argv[1]), sets.options_of(snapshot_kimg=0.024), on_snapshot=stopping)
except TrainingStoppedError as error:
    print(error)
"""
MEASURING = """
import signal, sys, time
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
from tests.unit.gan.training import sets
from throng.training import TrainingStoppedError
def measure(average):
    signal.raise_signal(signal.SIGTERM)
    time.sleep(600)
try:
    sets.trained(Path(sys.argv[1]), sets.options_of(tick_kimg=0.016, measure_kimg=0.032), measure=measure)
except TrainingStoppedError as error:
    print(error)
"""
# of spec 2.15
FIELDS = {
    "Progress": "tick kimg augment",
    "Timing": "total_sec sec_per_tick sec_per_kimg maintenance_sec total_hours total_days Gboth Dmain Dreg",
    "Resources": "cpu_mem_gb peak_gpu_mem_gb peak_gpu_mem_reserved_gb",
    "Loss": "G/loss D/loss D/reg r1_penalty scores/fake scores/real signs/fake signs/real",
}


def of_its_own(code, folder):
    """Run code in a process of its own: signals that miss their handler would end the tests."""
    paths = (str(folder), str(ROOT / "workflow" / "scripts"), str(ROOT))
    return subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)


def test_a_killed_run_resumes_to_the_bit(tmp_path):
    whole, progress = trained(tmp_path / "whole")
    killed = of_its_own(KILLED, tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = sorted(path.name for path in (tmp_path / "killed" / "checkpoints").iterdir())
    assert kept == ["step-00000005", "step-00000006"]
    resumed, again = trained(tmp_path / "killed")
    assert same(whole.state_dict(), resumed.state_dict())
    assert again.history == progress.history
    rows = [json.loads(line) for line in (tmp_path / "killed" / "history.jsonl").read_text().splitlines()]
    assert rows == progress.history
    assert rows[-1]["augment"] > 0  # else the adaptive probability was not part of this


def test_neither_workers_nor_ticks_change_what_is_learnt(tmp_path):
    first, _ = trained(tmp_path / "a", options_of(tick_kimg=1.0))
    second, progress = trained(tmp_path / "b", options_of(tick_kimg=0.016), workers=2)
    assert same(first.state_dict(), second.state_dict())
    assert [row["step"] for row in progress.history] == [2, 4, 6, 8]


def test_sigterm_checkpoints_and_stops_and_other_options_are_refused(tmp_path):
    stopped = of_its_own(STOPPED, tmp_path)
    assert "after step 3 of 8" in stopped.stdout, stopped.stderr
    with pytest.raises(ThrongError, match=r"differs in options\.mirror"):
        trained(tmp_path, options_of(snapshot_kimg=0.024, mirror=True))


def test_a_measurement_is_left_when_a_stop_is_asked_for_and_made_when_the_run_goes_on(tmp_path):
    stopped = of_its_own(MEASURING, tmp_path / "stopped")
    assert "after step 4 of 8" in stopped.stdout, stopped.stderr
    keys = {"measure": lambda average: {"frechet_random": float(next(average.parameters()).sum())}}
    resumed, progress = trained(tmp_path / "stopped", options_of(tick_kimg=0.016, measure_kimg=0.032), **keys)
    whole, wanted = trained(tmp_path / "whole", options_of(tick_kimg=0.016, measure_kimg=0.032), **keys)
    assert same(resumed.state_dict(), whole.state_dict())
    assert progress.history == wanted.history


def test_stats_have_the_originals_fields(tmp_path):
    trained(tmp_path, options_of(tick_kimg=0.024))
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert isinstance(line.pop("timestamp"), float)
        missing = {f"{group}/{name}" for group, names in FIELDS.items() for name in names.split()} - line.keys()
        # a tick without a penalty has no line of it in the original either
        assert not {name for name in missing if not name.startswith(("Timing/Dreg", "Loss/D/reg", "Loss/r1"))}
        assert all(field.keys() == {"num", "mean", "std"} for field in line.values())
    assert not {f"{group}/{name}" for group, names in FIELDS.items() for name in names.split()} - lines[0].keys()
    assert [line["Progress/kimg"]["mean"] for line in lines] == [0.024, 0.048, 0.064]
    assert lines[0]["Loss/scores/real"]["num"] == 24 and lines[0]["Loss/scores/fake"]["num"] == 48
    history = (tmp_path / "history.jsonl").read_text()
    assert "Timing" not in history and "timestamp" not in history


def test_the_average_follows_its_formula(tmp_path):
    found, _ = trained(tmp_path, options_of(kimg=0.016), strength=Unaugmented())
    assert average_beta(8, 0, 10_000.0) == 0
    # after the first step the average is the network itself, after the second beta of it is left
    beta = average_beta(8, 8, 10_000.0)
    first, _ = trained(tmp_path / "first", options_of(kimg=0.008), strength=Unaugmented())
    expected = torch.lerp(found.generator.to_rgb.weight, first.generator.to_rgb.weight, beta)
    assert torch.allclose(found.average.to_rgb.weight, expected, atol=1e-7)


def test_magnitudes_are_tracked_by_the_discriminators_fakes_alone(tmp_path):
    counted = {}
    for fresh in (True, False):
        found, _ = trained(tmp_path / str(fresh), options_of(kimg=0.016, fresh_fakes=fresh))
        counted[fresh] = found.generator.to_rgb.magnitude
        assert counted[fresh] != 1 and torch.equal(found.average.to_rgb.magnitude, counted[fresh])
        assert found.generator.w_avg.abs().sum() > 0


def test_a_measure_and_snapshots_come_when_they_are_due(tmp_path):
    snapshots = []
    options = options_of(kimg=0.048, snapshot_kimg=0.016, tick_kimg=0.016, measure_kimg=0.032)
    _, progress = trained(
        tmp_path,
        options,
        images=images_of(np.zeros((4, 0)), "none"),
        on_snapshot=lambda average, kimg: snapshots.append(kimg),
        measure=lambda average: {"frechet_random": 4.0},
    )
    assert snapshots == [0.016, 0.032, 0.048]
    assert ["frechet_random" in row for row in progress.history] == [False, True, True]
    lines = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    assert [line.get("frechet_random", {}).get("mean") for line in lines] == [None, 4.0, 4.0]


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    generator, discriminator = networks()
    with torch.no_grad():
        discriminator.out.weight.fill_(float("nan"))
    with pytest.raises(ThrongError, match=r"Loss/G/loss is not finite by step 8"):
        trained(tmp_path, nets=(generator, discriminator))


def test_collapse_is_told_and_survived(tmp_path, caplog):
    assert signs_of_collapse({"Loss/signs/real": 0.9, "Loss/signs/fake": -0.9, "Loss/G/loss": 20.0}, 0.5, 0.6) == []
    won = {"Loss/signs/real": 1.0, "Loss/signs/fake": -0.99, "Loss/G/loss": 12.0}
    (said,) = signs_of_collapse(won, 0.5, 0.6)
    assert "tells all images apart" in said
    generator, discriminator = networks()
    with torch.no_grad():
        for parameter in generator.mapping.parameters():
            parameter.zero_()
    options = options_of(generator_rate=sets.GanOptions(1.0).generator_rate.__class__(1e-9))
    _, progress = trained(tmp_path, options, nets=(generator, discriminator))
    assert "all generated images are alike" in progress.history[-1]["collapse"]
    assert "all generated images are alike" in caplog.text


def test_relativistic_training_runs_and_unconditional_too(tmp_path):
    images = images_of(np.zeros((9, 0)), "none")
    options = options_of(kimg=0.016, pairing="relativistic", penalty_every=1, penalise_fakes=True)
    _, progress = trained(tmp_path, options, images=images)
    assert {"Loss/r2_penalty", "Loss/r1_penalty"} <= progress.history[-1].keys()


def test_half_precision_changes_little(tmp_path):
    single, _ = trained(tmp_path / "fp32", options_of(kimg=0.016))
    half, _ = trained(tmp_path / "bf16", options_of(kimg=0.016), nets=networks(half=torch.bfloat16))
    a, b = single.average.to_rgb.weight, half.average.to_rgb.weight
    assert not torch.equal(a, b) and torch.allclose(a, b, atol=0.05)


def test_pieces_that_processes_cannot_share_are_refused():
    with pytest.raises(ThrongError, match="no whole number of pieces of 3"):
        options_of(at_once=3)
