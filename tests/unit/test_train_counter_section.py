"""What section train_counter refuses before anything runs, in one line that names the counter's key."""

import pytest

from throng import config
from throng.errors import ThrongError
from throng.sections.train_counter import MODULES, WITH_BACKBONE, Trained


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"validation": "test"}, "seed_compat: true"),
        ({"weights": "vgg16.pth"}, "weights: compact has no ImageNet backbone; leave it null, or choose csrnet"),
        ({"module_steps": 160}, "module_steps: 160 for each module do not fit into 160 steps"),
        ({"log_every": 50, "collapse_steps": 40}, "collapse_steps: 40 cannot be kept with log_every: 50"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"processes": 2, "device": "cuda:1"}, "cuda:1 is one GPU, and each of 2 processes wants its own"),
        ({"nodes": 2, "device": "cuda:0"}, "cuda:0 is one GPU, and each of 2 processes wants its own"),
        ({"device": "gpu"}, "train_counter.counters.0.device"),
        ({"sigma": 0}, "train_counter.counters.0.sigma"),
        ({"data": {"pairs": 1.0}}, "data.pairs and losses.ranking need each other"),
        ({"data": {"images": 0, "synthetic": 0}}, "a counter needs data"),
        ({"data": {"detected": 1.0}}, "set images or detected to 0"),
        ({"scale_range": [0.5, 1], "scale_jitter": 0.2}, "set scale_jitter to 0"),
        ({"scale_range": [1, 0.5]}, "the least factor comes first, got [1.0, 0.5]"),
        ({"losses": {"pixel": 0, "ssim": 0}}, "at least one loss"),
        ({"los_every": 3}, "train_counter.counters.0.los_every: unknown key"),
    ],
)
def test_a_counter_that_cannot_be_trained_is_refused_by_its_key(keys, expected):
    with pytest.raises(ThrongError) as caught:
        config.load({"train_counter": {"counters": [keys]}})
    assert expected in str(caught.value)


def test_two_counters_of_one_name_are_refused():
    with pytest.raises(ThrongError, match="named twice: compact"):
        config.load({"train_counter": {"counters": [{}, {}]}})


def test_no_collapse_is_looked_for_at_zero():
    assert Trained(log_every=500, collapse_steps=0).collapse_steps == 0


def test_the_counters_with_a_backbone_are_those_that_take_its_weights():
    from throng.counting.registry import options_of

    assert {name for name in MODULES if "weights" in options_of(name)} == WITH_BACKBONE
