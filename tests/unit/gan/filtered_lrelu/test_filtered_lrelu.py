import math
import sys

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.gan.filtered_lrelu.zero_insertion import away, zero_insertion
from throng.errors import ThrongError
from throng.gan.filtered_lrelu import check_implementation, describe, filtered_lrelu, passes, planes, products
from throng.gan.filtered_lrelu.taps import separable
from throng.gan.filters import lowpass

CPU = torch.device("cpu")
LAYERS = {
    "critical sampling": {"up": 2, "down": 2, "padding": (9, 8, 9, 8)},
    "to twice the rate, cropped": {"up": 4, "down": 2, "padding": (-6, -9, -4, -7)},
    "to half the rate": {"up": 2, "down": 4, "padding": (19, 18, 21, 22)},
}


@st.composite
def cases(draw):
    """Draw a layer that leaves something: its filters, factors, padding and input."""
    up, down = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    taps = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    padding = [draw(st.integers(-3, 9)) for _ in range(4)]
    for side, size in ((0, width), (2, height)):
        least = taps[0] + taps[1] - 1 - size * up - padding[side]
        padding[side + 1] = max(padding[side + 1], least)
    torch.manual_seed(draw(st.integers(0, 99)))
    up_filter = torch.randn((taps[0],) * draw(st.integers(1, 2)), dtype=torch.float64) / taps[0]
    down_filter = torch.randn((taps[1],) * draw(st.integers(1, 2)), dtype=torch.float64) / taps[1]
    x = torch.randn(2, 2, height, width, dtype=torch.float64)
    options = {"up": up, "down": down, "padding": tuple(padding), "clamp": draw(st.sampled_from([None, 0.7]))}
    return x, torch.randn(2, dtype=torch.float64), up_filter, down_filter, options


def with_gradients(function, x, bias, *filters, **options):
    x, bias = x.clone().requires_grad_(), bias.clone().requires_grad_()
    result = function(x, bias, *filters, **options)
    target = torch.linspace(-1, 1, result.numel(), dtype=result.dtype).reshape(result.shape).sin()
    return result.detach(), *torch.autograd.grad(result, (x, bias), target)


@given(cases())
@settings(max_examples=30, deadline=None)
def test_any_layer_equals_zero_insertion_compiled_and_as_products(case):
    *tensors, options = case
    expected = with_gradients(zero_insertion, *tensors, **options)
    for ours, theirs in zip(with_gradients(filtered_lrelu, *tensors, **options), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)
    # Rounding decides a slope where a sample meets zero or the clamp: an input of few bits keeps clear of neither.
    single = [tensor.float() for tensor in tensors]
    with torch.no_grad():
        ours = filtered_lrelu(*single, **options)
    torch.testing.assert_close(ours.double(), expected[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("radial", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_values_and_gradients_are_those_of_zero_insertion(name, radial):
    layer = LAYERS[name]
    torch.manual_seed(0)
    x, bias = torch.randn(2, 3, 19, 22), torch.randn(3)
    filters = lowpass(6 * layer["up"], 2, 3, 16), lowpass(6 * layer["down"], 2, 3, 16, radial=radial)
    ours, theirs = (
        with_gradients(way, x, bias, *filters, **layer, clamp=1.5) for way in (filtered_lrelu, zero_insertion)
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    for half in (torch.float16, torch.bfloat16):
        found = with_gradients(filtered_lrelu, x.to(half), bias.to(half), *filters, **layer, clamp=1.5)
        wanted = with_gradients(zero_insertion, x.to(half).float(), bias.to(half).float(), *filters, **layer, clamp=1.5)
        assert all(one.dtype == half and away(one, other) <= 1e-2 for one, other in zip(found, wanted, strict=True))


@given(cases())
@settings(max_examples=5, deadline=None)
def test_gradients_are_those_of_finite_differences(case):
    x, bias, *filters, options = case
    x, clamp = x[:1], options.pop("clamp")
    one = passes.forward_pass(x.shape[2:], *map(separable, filters), *options.values())
    sizes = products.risen(one, (x + bias[:, None, None])[0]).abs()
    # A finite difference across a kink is no derivative.
    assume(not ((sizes > 1e-12) & (sizes < 1e-5)).any())
    if clamp is not None:
        assume(all(((sizes * 2**0.5 * slope - clamp).abs() > 1e-5).all() for slope in (1, 0.2)))
    inputs = x.clone().requires_grad_(), bias.requires_grad_()
    assert torch.autograd.gradcheck(lambda *each: filtered_lrelu(*each, *filters, **options, clamp=clamp), inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_sample_has_exactly_its_own_slope_and_none_where_it_is_clamped(dtype):
    x = torch.tensor([[-8.0, -7.9, -1, 0], [1, 1.5, 2, 300]], dtype=dtype)[None, None].requires_grad_()
    layer = {"up": 1, "down": 1, "padding": (0, 0, 0, 0), "gain": 2.0, "slope": 0.25}
    y = filtered_lrelu(x, None, None, None, **layer, clamp=4.0)
    assert y.tolist() == [[[[-4, pytest.approx(-3.95), -0.5, 0], [2, 3, 4, 4]]]]
    (gradient,) = torch.autograd.grad(y.sum(), x)
    # A sample exactly at the bound is not beyond it; at zero the slope is the lower one, as in PyTorch.
    assert gradient.tolist() == [[[[0.5, 0.5, 0.5, 0.5], [2, 2, 2, 0]]]]
    (gradient,) = torch.autograd.grad(filtered_lrelu(x, None, None, None, **layer, clamp=3.9).sum(), x)
    assert gradient.tolist() == [[[[0, 0, 0.5, 0.5], [2, 2, 0, 0]]]]


def test_a_constant_stays_a_constant():
    x = torch.full((1, 1, 40, 40), 3.0)
    taps = lowpass(12, 4, 4, 32), lowpass(12, 4, 4, 32, radial=True)
    y = filtered_lrelu(x, torch.tensor([-1.0]), *taps, up=2, down=2, padding=(9, 8, 9, 8), gain=1.0)
    torch.testing.assert_close(y[..., 8:-8, 8:-8], torch.full_like(y[..., 8:-8, 8:-8], 2), atol=2e-2, rtol=0)


def test_neither_threads_nor_neighbouring_planes_change_a_bit():
    torch.manual_seed(0)
    x, bias, taps = torch.randn(3, 5, 13, 11), torch.randn(5), lowpass(12, 2, 3, 16)
    layer = {**LAYERS["critical sampling"], "clamp": 1.0}
    threads, results = torch.get_num_threads(), []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            results.append(with_gradients(filtered_lrelu, x, bias, taps, taps, **layer))
    finally:
        torch.set_num_threads(threads)
    alone = filtered_lrelu(x[1:2, 2:3], bias[2:3], taps, taps, **layer)
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
    assert torch.equal(alone, results[0][0][1:2, 2:3])


def test_two_bits_a_sample_are_all_that_is_kept():
    saved = []
    x, taps = torch.randn(1, 4, 38, 38, requires_grad=True), lowpass(12, 2, 3, 16)
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: saved.append(kept.nbytes), lambda kept: kept):
        filtered_lrelu(x, torch.zeros(4), taps, taps, **LAYERS["critical sampling"])
    assert sum(saved) <= 4 * 82 * 84 / 4


def test_the_fine_grid_is_made_in_shares(monkeypatch):
    monkeypatch.setattr(products, "FINE_SAMPLES", 82 * 82 * 2)
    torch.manual_seed(0)
    x, bias, taps = torch.randn(1, 5, 38, 38).double(), torch.randn(5).double(), lowpass(12, 2, 3, 16)
    ours, theirs = (
        with_gradients(way, x, bias, taps, taps, **LAYERS["critical sampling"])
        for way in (filtered_lrelu, zero_insertion)
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_a_second_derivative_is_refused_and_not_zero():
    x = torch.randn(1, 1, 9, 9, requires_grad=True)
    taps = lowpass(12, 2, 3, 16)
    y = filtered_lrelu(x, None, taps, taps, **LAYERS["critical sampling"])
    (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_the_adjoint_of_the_adjoint_is_the_pass_itself():
    terms = separable(torch.randn(6)), separable(torch.randn(4, 4))
    one = passes.forward_pass((9, 8), *terms, 2, 3, (3, 5, -1, 7))
    assert one.adjoint().adjoint() == one
    assert planes.plan_of(one).phases == math.lcm(2, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"implementation": "cuda"}, "one of polyphase, triton, not 'cuda'"),
        ({"implementation": "triton"}, "'triton' needs a GPU, not cpu"),
        ({"padding": (-40, 0, 0, 0)}, "nothing is left of 9x9 pixels"),
        ({"up": 0}, "up 0 and down 2 must be at least 1"),
        ({"gain": 0.0}, "gain 0.0"),
        ({"bias": torch.zeros(2)}, "the bias of 1 channels"),
        ({"x": torch.zeros(9, 9)}, r"must be \(B, C, H, W\)"),
        ({"down_filter": torch.zeros(3, 4)}, r"\(T,\) for both axes or \(T, T\), not \(3, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(changed, message):
    pytest.importorskip("triton")
    given_ = {"x": torch.zeros(1, 1, 9, 9), "bias": None, "up_filter": torch.ones(3), "down_filter": torch.ones(3)}
    with pytest.raises(ThrongError, match=message):
        filtered_lrelu(**{**given_, "up": 2, "down": 2, "padding": (9, 8, 9, 8), **changed})


def test_without_triton_its_name_is_an_error_and_the_log_says_what_runs(monkeypatch):
    monkeypatch.delitem(sys.modules, "throng.gan.filtered_lrelu.fused", raising=False)
    monkeypatch.delattr("throng.gan.filtered_lrelu.fused", raising=False)
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(ThrongError, match="needs the package triton"):
        check_implementation("triton", torch.device("cuda"))
    assert "compiled for this CPU" in describe("polyphase", CPU)
    assert "matrix products" in describe("polyphase", torch.device("cuda"))
