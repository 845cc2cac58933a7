from dataclasses import replace

import numpy as np
import pytest
import torch

from throng.counting.learning_to_count.batches import Pairs
from throng.counting.learning_to_count.monitor import activity, check_alive
from throng.counting.learning_to_count.networks import save_counting
from throng.counting.learning_to_count.options import PretextOptions
from throng.counting.learning_to_count.train import train_counting
from throng.errors import ThrongError
from throng.schedules import ConstantThenLinear

TINY = PretextOptions(
    encoder_options={"width": 4},
    units=8,
    crop=(32, 32),
    batch_size=8,
    steps=12,
    learning_rate=2e-3,
    val_every=6,
    log_every=4,
    seed=5,
)


def dots(number, seed=0):
    """Pictures of 0 to 30 white dots."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(number):
        picture = rng.integers(0, 40, (40, 48, 3), dtype=np.uint8)
        for x, y in rng.integers(2, 38, (1 + 30 * index // number, 2)):
            picture[y - 1 : y + 2, x - 1 : x + 2] = 240
        found.append(picture)
    return found


def run(work, options=TINY, pictures=24, **more):
    return train_counting(dots(pictures), dots(6, seed=1), options, work, **more)


def file_of(folder, trained):
    save_counting(folder / "network.safetensors", trained[0], trained[1])
    return (folder / "network.safetensors").read_bytes()


def test_the_history_tells_what_is_still_counted(tmp_path):
    network, recipe, history = run(tmp_path)
    seen = [row for row in history if "val_loss" in row]
    assert [row["step"] for row in seen] == [6, 12]
    assert all(0 < row["val_active_units"] <= 8 and row["val_mean_norm"] > 0 for row in seen)
    assert all(row["loss"] == pytest.approx(row["matching"] + row["hinge"]) for row in history if "loss" in row)
    assert recipe["held_out"]["loss"] == seen[-1]["val_loss"]
    assert recipe["best_step"] == 12 and not network.training


def test_squares_are_learnt_to_be_counted_whatever_their_size(tmp_path):
    options = PretextOptions(
        encoder_options={"width": 8},
        units=16,
        crop=(64, 64),
        batch_size=8,
        steps=120,
        learning_rate=3e-3,
        val_every=20,
        seed=1,
    )
    _, _, history = train_counting(squares(40, 0), squares(12, 1), options, tmp_path)
    seen = [row for row in history if "val_loss" in row]
    assert seen[0]["val_relative_error"] > 0.4 and seen[-1]["val_relative_error"] < 0.25
    assert seen[-1]["val_loss"] < 16  # to count nothing costs 20
    assert seen[-1]["val_active_units"] > 0


def squares(number, seed):
    """Pictures of 0 to 60 white squares on black."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        picture = np.full((72, 80, 3), 20, np.uint8)
        for x, y in rng.integers(3, 69, (int(rng.integers(0, 60)), 2)):
            picture[y - 3 : y + 3, x - 3 : x + 3] = 240
        found.append(picture)
    return found


def test_equal_runs_give_equal_bytes_and_other_seeds_others(tmp_path):
    one, two = (file_of(tmp_path, run(tmp_path / name, workers=number)) for number, name in enumerate("ab"))
    assert one == two
    assert file_of(tmp_path, run(tmp_path / "c", replace(TINY, seed=6))) != one


def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    class CutOffError(Exception):
        pass

    whole = file_of(tmp_path, run(tmp_path / "whole"))
    shown = Pairs.__call__

    def cut_off(pairs, number):
        if number == 8:
            raise CutOffError
        return shown(pairs, number)

    monkeypatch.setattr(Pairs, "__call__", cut_off)
    with pytest.raises(CutOffError):
        run(tmp_path / "cut", workers=0, checkpoint_seconds=0.0)
    monkeypatch.undo()
    assert any((tmp_path / "cut" / "checkpoints").iterdir())
    assert file_of(tmp_path, run(tmp_path / "cut")) == whole


def test_parts_of_a_step_make_the_same_step(tmp_path):
    """What keeps the effective batch the same on any number of devices."""
    first = replace(TINY, steps=1, log_every=1, clip_norm=1e9)
    (whole, _), (parts, _) = (run(tmp_path / str(n), replace(first, accumulate=n))[2] for n in (1, 4))
    assert all(parts[name] == pytest.approx(whole[name], rel=1e-4) for name in ("loss", "matching", "hinge"))
    assert parts["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-3)
    for processes in (1, 2, 4):
        assert TINY.pairs_each(processes) * processes * 2 == TINY.batch_size
    with pytest.raises(ThrongError, match="batch_size 8 cannot be shared: two pictures a pair, 3 processes"):
        TINY.pairs_each(3)


def test_steps_come_from_epochs_where_they_are_not_given(tmp_path):
    epochs = replace(TINY, steps=None, epochs=3)
    assert epochs.steps_of(24) == 9 and epochs.steps_of(25) == 12 and TINY.steps_of(25) == 12
    scheduled = replace(epochs, schedule=ConstantThenLinear())
    _, recipe, history = run(tmp_path, scheduled, pictures=6)
    assert recipe["steps"] == 3
    assert history[-2]["learning_rate"] == pytest.approx(1e-7)


def test_half_precision_trains_and_connected_heads_too(tmp_path, monkeypatch):
    monkeypatch.setattr("throng.counting.learning_to_count.networks.HIDDEN", 8)
    options = replace(TINY, precision="bf16", head="connected", crop=(40, 48), grid=(1, 1), steps=2, pairing="one_way")
    network, _, history = run(tmp_path, options)
    assert history[-1]["val_loss"] > 0 and next(network.parameters()).dtype == torch.float32


def test_the_lowest_loss_held_out_can_choose_the_weights(tmp_path):
    options = replace(TINY, steps=6, val_every=1, learning_rate=0.05)
    _, recipe, history = run(tmp_path, replace(options, select="held_out"))
    losses = {row["step"]: row["val_loss"] for row in history if "val_loss" in row}
    assert recipe["best_step"] == min(losses, key=lambda step: losses[step])
    assert recipe["held_out"]["loss"] == min(losses.values())


def test_a_collapse_is_said_aloud(tmp_path):
    with pytest.raises(ThrongError, match="none of its units counts anything any more"):
        run(tmp_path, replace(TINY, learning_rate=1.0, steps=40))


def test_activity_of_counts_made_by_hand():
    seen = activity(torch.tensor([[3.0, 0.0, 4.0], [0.0, 0.0, 1.0]]))
    assert (float(seen["active_units"]), float(seen["mean_norm"])) == (2.0, 3.0)
    check_alive(1.0, "now")
    with pytest.raises(ThrongError, match="collapsed now"):
        check_alive(0.0, "now")


@pytest.mark.parametrize(("pictures", "held_out"), [(1, 4), (4, 1)])
def test_fewer_than_two_pictures_are_refused(tmp_path, pictures, held_out):
    with pytest.raises(ThrongError, match="different pictures, at least 2; got 1"):
        train_counting(dots(pictures), dots(held_out), TINY, tmp_path)
