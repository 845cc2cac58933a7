import numpy as np
import pytest
import torch

from throng.counting.inference import predict_count
from throng.counting.network import multiply_accumulates
from throng.counting.options import CounterOptions
from throng.counting.registry import build
from throng.counting.samples import Sample
from throng.counting.train import train_counter
from throng.evaluation.metrics import count_metrics, mean_predictor


def scene(seed, top):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 60, (96, 128, 3), dtype=np.uint8)
    points = rng.integers(2, (126, 94), (int(rng.integers(0, top)), 2))
    for x, y in points:
        image[y - 1 : y + 2, x - 1 : x + 2] = 230
    return Sample(image, points.astype(float))


def test_it_is_smaller_than_sanet_and_costs_less_than_compact():
    own = multiply_accumulates(build("slim"), 192, 256)
    assert own < 0.4 * multiply_accumulates(build("compact"), 192, 256)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_parameter_learns_once_the_first_step_has_woken_the_residual_branches(channels):
    torch.manual_seed(0)
    model = build("slim", channels)
    model.set_initial_density(0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    images, wanted = torch.randn(2, channels, 64, 96), torch.rand(2, 1, 8, 12)
    for _ in range(2):
        optimizer.zero_grad()
        (model(images) - wanted).square().mean().backward()
        optimizer.step()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_an_absent_crowd_is_exactly_nearly_nothing_whatever_the_rate():
    model = build("slim").eval()
    with torch.no_grad():
        model.network.rate.bias.fill_(5.0)
        crowded = model(torch.zeros(1, 3, 64, 64))
        model.network.presence.bias.fill_(-30.0)
        assert model(torch.zeros(1, 3, 64, 64)).max() < 1e-10 < crowded.min()


def test_every_scale_reaches_the_map():
    torch.manual_seed(0)
    network = build("slim").eval().network
    image = torch.randn(1, 3, 64, 64)
    before = network(image)
    for lateral in network.laterals:
        with torch.no_grad():
            gain = lateral[1].weight.clone()
            lateral[1].weight.zero_()
            assert not torch.allclose(network(image), before, atol=1e-5)
            lateral[1].weight.copy_(gain)


@pytest.mark.slow
def test_it_learns_to_count_within_a_hundred_steps(tmp_path):
    options = CounterOptions(
        model="slim",
        crop=(64, 96),
        batch_size=8,
        steps=120,
        val_every=60,
        sigma=2.0,
        learning_rate=2e-3,
        losses={"pixel": 1.0, "count": 0.01},
    )
    data, val, test = ([scene(1000 * k + i, 40) for i in range(n)] for k, n in ((1, 60), (2, 10), (3, 30)))
    model, _, _ = train_counter(data, val, options, tmp_path)
    true = [len(sample.points) for sample in test]
    found = count_metrics([predict_count(model, np.asarray(sample.image))[0] for sample in test], true)
    baseline = mean_predictor([len(sample.points) for sample in data], true)
    assert found["mae"] < 0.5 * baseline["mae"]
