import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.counting.losses import DM_COUNT, Labels, build_loss
from throng.counting.losses.combine import TERMS
from throng.counting.losses.labels import Truth
from throng.errors import ThrongError

SHAPE, STRIDE = (40, 56), 8
CELLS = (5, 7)
TIGHT = {"transport": {"weight": 1.0, "epsilon": 300.0, "iterations": 2000, "tolerance": 1e-8}}
PER_IMAGE = [name for name in TERMS if name != "ranking"]


def terms(name, **options):
    return {name: {"weight": 1.0, **options}, **{key: TIGHT[key] for key in (name,) if key in TIGHT}}


def value(name, predicted, labels):
    return float(build_loss(terms(name))(predicted, labels).total)


def batch(seed, numbers=(6, 0, 1, 11), **labels):
    """A batch of random maps in people per cell and head points anywhere in the images, in double precision."""
    rng = np.random.default_rng(seed)
    points = [torch.from_numpy(rng.uniform((0, 0), (SHAPE[1] - 1, SHAPE[0] - 1), (n, 2))) for n in numbers]
    predicted = torch.from_numpy(rng.exponential(0.2, (len(numbers), 1, *CELLS)))
    return predicted, Labels(points, SHAPE, STRIDE, **labels)


def grid_heads():
    """Head points at the centres of far-apart cells of a large image, as (Labels, Truth)."""
    points = [
        torch.tensor([[43.5, 43.5], [203.5, 43.5], [123.5, 203.5]]),
        torch.zeros(0, 2),
        torch.tensor([[3.5, 3.5]]),
    ]
    labels = Labels(points, (256, 320), STRIDE, pairs=torch.tensor([[0, 1], [0, 2], [2, 1]]))
    return labels, Truth(labels, torch.zeros(3, 1, 32, 40, dtype=torch.float64))


@pytest.mark.parametrize("name", TERMS)
def test_the_truth_costs_nothing(name):
    labels, truth = grid_heads()
    perfect = truth.dots if name in {"bayesian", "transport", "variation"} else truth.density
    options = {"epsilon": 1e-3, "iterations": 1000} if name == "transport" else {}
    loss = build_loss({name: {"weight": 1.0, **options}})
    assert float(loss(perfect, labels).total) == pytest.approx(0, abs=2e-3)
    worse = perfect.flip(0) * 3 + 0.01
    assert float(loss(worse, labels).total) > 0.01 * (name != "pixel")


@pytest.mark.parametrize("name", TERMS)
def test_gradients_are_those_of_the_values(name):
    torch.manual_seed(0)
    predicted = torch.rand(3, 1, 2, 3, dtype=torch.float64)
    points = [torch.rand(n, 2) * 15 for n in (3, 0, 5)]
    counts, stds = torch.tensor([4.0, math.nan, 9.0]), torch.tensor([2.0, 3.0, 4.0])
    labels = Labels(points, (16, 24), STRIDE, counts=counts, stds=stds, pairs=torch.tensor([[1, 0], [2, 1]]))
    loss = build_loss(terms(name))
    assert torch.autograd.gradcheck(lambda p: loss(p, labels).total, (predicted.requires_grad_(),), atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(TERMS)))
def test_the_order_of_the_heads_does_not_matter(seed, name):
    predicted, labels = batch(seed)
    shuffled = [p[torch.randperm(len(p))] for p in labels.points if p is not None]
    assert value(name, predicted, Labels(shuffled, SHAPE, STRIDE)) == pytest.approx(
        value(name, predicted, labels), rel=1e-6
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(PER_IMAGE))
def test_a_batch_costs_the_weighted_mean_of_its_images(seed, name):
    weights = torch.tensor([1.0, 0.5, 2.0, 0.25])
    predicted, labels = batch(seed, weights=weights)
    single = [value(name, predicted[i : i + 1], Labels([p], SHAPE, STRIDE)) for i, p in enumerate(labels.points)]
    assert value(name, predicted, labels) == pytest.approx(float(np.mean(weights.numpy() * single)), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", TERMS)
def test_empty_maps_and_images_have_finite_losses_and_gradients(name, dtype):
    _, labels = batch(1, pairs=torch.tensor([[0, 1]]))
    for level in (0.0, 1e-12, 1.0):
        predicted = torch.full((4, 1, *CELLS), level, dtype=dtype, requires_grad=True)
        total = build_loss({name: 1.0})(predicted, labels).total
        total.backward()
        assert total.dtype == torch.float32
        assert total.isfinite() and predicted.grad is not None and predicted.grad.isfinite().all()


@pytest.mark.parametrize("name", TERMS)
def test_a_batch_without_a_single_head_works(name):
    predicted, labels = batch(2, (0, 0))
    assert math.isfinite(value(name, predicted, labels))


def test_an_image_of_unknown_points_teaches_its_count_alone():
    predicted, labels = batch(3, (4, 2), counts=torch.tensor([math.nan, 30.0]))
    unknown = Labels([labels.points[0], None], SHAPE, STRIDE, counts=labels.counts)
    first = Labels(labels.points[:1], SHAPE, STRIDE)
    for name in PER_IMAGE:
        counted = name in {"count", "count_likelihood"}
        expected = value(name, predicted[:1], first) / 2
        if counted:
            thirty = Labels([None], SHAPE, STRIDE, counts=torch.tensor([30.0]))
            expected += value(name, predicted[1:], thirty) / 2
        assert value(name, predicted, unknown) == pytest.approx(expected, rel=1e-6)
    nothing_known = Labels([None, None], SHAPE, STRIDE)
    assert all(value(name, predicted, nothing_known) == 0 for name in TERMS)


def test_terms_add_up_with_their_weights():
    predicted, labels = batch(4)
    total, parts = build_loss({"pixel": 2.0, "ssim": 1e-3, "count": 0.5, "ranking": 0.0})(predicted, labels)
    assert list(parts) == ["pixel", "ssim", "count"]
    assert float(total) == pytest.approx(2 * parts["pixel"] + 1e-3 * parts["ssim"] + 0.5 * parts["count"])
    assert all(float(part) == pytest.approx(value(name, predicted, labels)) for name, part in parts.items())


def test_the_scale_is_the_counters_unless_the_term_has_its_own():
    predicted, labels = batch(5)
    plain = float(build_loss({"pixel": 1.0})(predicted, labels).total)
    assert float(build_loss({"pixel": 1.0}, target_scale=10.0)(predicted, labels).total) == pytest.approx(100 * plain)
    own = build_loss({"pixel": {"weight": 1.0, "scale": 3.0}}, target_scale=10.0)
    assert float(own(predicted, labels).total) == pytest.approx(9 * plain)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"mse": 1.0}, "no loss is called 'mse'; known: pixel, ssim"),
        ({"pixel": -1.0}, "weight of loss 'pixel'"),
        ({"pixel": {"scale": 2.0}}, "weight of loss 'pixel'"),
        ({"bayesian": {"weight": 1.0, "sgima": 8.0}}, "no option sgima; known: background, sigma"),
        ({"bayesian": {"weight": 1.0, "sigma": 0.0}}, "positive sigma"),
        ({"pixel": {"weight": 1.0, "reduction": "median"}}, "mean or sum"),
        ({"transport": {"weight": 1.0, "epsilon": -1.0}}, "positive epsilon"),
        ({"ranking": {"weight": 1.0, "margin": -1.0}}, "margin"),
        ({"count_likelihood": {"weight": 1.0, "smallest_std": 0.0}}, "smallest_std"),
        ({"pixel": 0.0}, "at least one term"),
        ({}, "at least one term"),
    ],
)
def test_terms_that_cannot_be_are_refused(terms, message):
    with pytest.raises(ThrongError, match=message):
        build_loss(terms)


def test_labels_that_do_not_fit_are_refused():
    predicted, labels = batch(6)
    loss = build_loss({"pixel": 1.0, "ranking": 1.0, "count": 1.0})

    def refused(message, maps=predicted, **changes):
        with pytest.raises(ThrongError, match=message):
            loss(maps, Labels(**{**vars(labels), **changes}))

    refused("shape \\(4, 1, 5, 7\\)", maps=predicted[:, :, :-1])
    refused("at least one image", maps=predicted[:0], points=[])
    refused("labels.weights must have one value per image", weights=torch.ones(3))
    refused("image 1 have shape \\(3,\\)", points=[labels.points[0], torch.zeros(3), *labels.points[2:]])
    refused("outside the batch", pairs=torch.tensor([[0, 4]]))
    refused("integers", pairs=torch.tensor([[0.0, 1.0]]))
    refused("one value per pair", pairs=torch.tensor([[0, 1]]), margins=torch.ones(2))


def test_dm_counts_weights_are_the_papers():
    assert list(build_loss(DM_COUNT).terms) == ["count", "transport", "variation"]
    assert DM_COUNT == {"count": 1.0, "transport": 0.1, "variation": 0.01}
