import dataclasses

import pytest
import torch

from throng.counting.registry import build
from throng.counting.warmup import ModuleWarmup, modules_in_turn
from throng.errors import ThrongError
from throng.training import LoopOptions, train

OPTIONS = LoopOptions(steps=13, learning_rate=1e-2, weight_decay=0.1, log_every=20)


def loss_of(network, batch):
    return ((network(batch) - 0.01) ** 2).mean() * 1e4, {}


def batch_at(number):
    return torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(number))


def trained(name, work, steps, module_steps=3, stop=None):
    """The counter and its optimiser's moments after ``stop`` of ``steps`` steps."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build(name, last_activation="linear")
    warmup = ModuleWarmup(model, module_steps, steps)
    options = dataclasses.replace(OPTIONS, steps=steps if stop is None else stop, schedule="constant")
    train(model, batch_at, loss_of, options, work, before_step=warmup, workers=0)
    moments = torch.load(sorted((work / "checkpoints").iterdir())[-1] / "optimizer.pt", weights_only=True)["state"]
    return model, moments


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("sanet-keras", ["ScaleAggregation"] * 4 + ["Sequential"]),
        ("gaunet-sanet", ["ScaleAggregation"] * 4 + ["Sequential"]),
        ("mcnn", ["Sequential"] * 4),
        ("csrnet", ["Sequential", "Sequential", "Conv2d"]),
    ],
)
def test_modules_take_turns_and_hold_every_parameter_once(name, kinds):
    model = build(name)
    modules = modules_in_turn(model)
    assert [type(module).__name__ for module in modules] == kinds
    held = [id(parameter) for module in modules for parameter in module.parameters()]
    assert sorted(held) == sorted(map(id, model.parameters()))


@pytest.mark.parametrize("name", ["mcnn", "sanet-paper"])
def test_what_is_not_in_turn_stays_to_the_bit_moments_and_decay_too(name, tmp_path):
    steps = 3 * len(modules_in_turn(build(name))) + 1
    torch.manual_seed(0)
    start = build(name, last_activation="linear").state_dict()
    model, moments = trained(name, tmp_path, steps, stop=5)  # the first module's turn, and two steps of the second's
    done = {id(parameter) for module in modules_in_turn(model)[:2] for parameter in module.parameters()}
    for number, (key, parameter) in enumerate(model.named_parameters()):
        assert torch.equal(parameter, start[key]) == (id(parameter) not in done), key
        assert (number in moments) == (id(parameter) in done), key
    first = {id(parameter) for parameter in modules_in_turn(model)[0].parameters()}
    turns = {3 if id(p) in first else 2 for number, p in enumerate(model.parameters()) if number in moments}
    assert turns == {int(state["step"]) for state in moments.values()} == {2, 3}


def test_in_the_end_everything_trains(tmp_path):
    _, moments = trained("mcnn", tmp_path, 13)
    assert {int(state["step"]) for state in moments.values()} == {4}  # three steps in turn, one with all
    assert len(moments) == len(list(build("mcnn").parameters()))


def test_a_warm_up_that_leaves_no_step_for_the_whole_is_refused():
    with pytest.raises(ThrongError, match="module_steps 3 for each of 4 modules leave none of the 12 steps"):
        ModuleWarmup(build("mcnn"), 3, 12)
