import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import nn

from throng.counting.layers import DAUConv2d, GauConv2d, LowRank, replace
from throng.counting.layers.basis import gaussian_kernels, label_basis, pca_basis, separable_terms
from throng.counting.layers.taps import grid_means, lagrange_taps
from throng.errors import ThrongError

MODES = [
    {"mode": "dense"},
    {"mode": "dense", "means": "separate"},
    {"mode": "shift"},
    {"mode": "shift", "interpolation": "bilinear"},
    {"mode": "shift", "interpolation": "bilinear", "means": "separate"},
    {"mode": "lowrank"},
    {"mode": "lowrank", "low_rank": LowRank(positions="grid", basis="gaussian", grid=(2, 3)), "sigma_trainable": True},
]


def layer_of(in_channels=2, out_channels=3, units=3, *, seed=0, spread=3.3, **options):
    torch.manual_seed(seed)
    layer = GauConv2d(in_channels, out_channels, units, **options)
    with torch.no_grad():
        for mean in (layer.mu1, layer.mu2):
            mean.uniform_(-spread, spread)
        layer.bias.normal_()
    return layer


def brute_force(layer, image):
    """Loops over every output, input, unit and pixel, each Gaussian sampled and normalised over a wide window."""
    shape = layer.weight.shape
    weight, sigma = layer.weight.detach().numpy(), float(layer.sigma)
    mu1, mu2 = (mean.detach().expand(shape).numpy() for mean in (layer.mu1, layer.mu2))
    u = np.arange(-20, 21)
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (20, 20), (20, 20)))
    result = np.zeros((shape[0], height, width)) + layer.bias.detach().numpy()[:, None, None]
    for f, c, k in np.ndindex(*shape):
        kernel = np.exp(-((u[None, :] - mu1[f, c, k]) ** 2 + (u[:, None] - mu2[f, c, k]) ** 2) / (2 * sigma**2))
        kernel *= weight[f, c, k] / kernel.sum()
        for y, x in np.ndindex(height, width):
            result[f, y, x] += (kernel * padded[c, y : y + 41, x : x + 41]).sum()
    return result


@pytest.mark.parametrize("means", ["shared", "separate"])
@pytest.mark.parametrize("mode", ["dense", "shift"])
@pytest.mark.parametrize("sigma", [0.5, 1.7])
def test_dense_and_exact_shift_equal_a_brute_force_sum_of_gaussians(mode, means, sigma):
    layer = layer_of(mode=mode, means=means, sigma=sigma)
    image = torch.randn(1, 2, 6, 7)
    np.testing.assert_allclose(layer(image)[0].detach().numpy(), brute_force(layer, image[0].numpy()), atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from([3, 9, 17]),
    st.floats(0.3, 3),
    st.integers(1, 25),
    st.integers(1, 25),
    st.integers(0, 99),
)
def test_shift_equals_dense_with_the_same_weights(inputs, outputs, units, size, sigma, height, width, seed):
    dense = layer_of(inputs, outputs, units, seed=seed, spread=size, max_kernel_size=size, mode="dense", sigma=sigma)
    shift = GauConv2d(inputs, outputs, units, size, sigma=sigma)
    shift.load_state_dict(dense.state_dict())
    image = torch.randn(2, inputs, height, width)
    torch.testing.assert_close(shift(image), dense(image), atol=1e-5, rtol=1e-5)


def test_a_unit_at_a_whole_pixel_with_a_narrow_gaussian_moves_the_image():
    layer = GauConv2d(1, 1, 1, sigma=0.05, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2)
        layer.mu1.fill_(3)
        layer.mu2.fill_(-1)
    image = torch.randn(1, 1, 8, 9)
    # Positive mu1 reads to the right, negative mu2 upwards.
    torch.testing.assert_close(layer(image)[0, 0, 1:, :6], 2 * image[0, 0, :-1, 3:])


@pytest.mark.parametrize("means", ["shared", "separate"])
@pytest.mark.parametrize("interpolation", ["bilinear", "dau"])
def test_bilinear_shift_is_blur_then_bilinear_reading_with_zeros_outside(means, interpolation):
    layer = layer_of(means=means, interpolation=interpolation, sigma=0.7)
    image = torch.randn(1, 2, 8, 9)
    u = np.arange(-4, 5)
    gaussian = np.exp(-(u**2) / (2 * 0.7**2))
    gaussian /= gaussian.sum()
    blurred = image[0].numpy()
    for axis in (1, 2):
        blurred = ndimage.correlate1d(blurred, gaussian, axis=axis, mode="constant")
    rows, columns = np.mgrid[:8, :9]
    shape = layer.weight.shape
    mu1, mu2 = (mean.detach().expand(shape).numpy() for mean in (layer.mu1, layer.mu2))
    expected = np.zeros((3, 8, 9)) + layer.bias.detach().numpy()[:, None, None]
    for f, c, k in np.ndindex(*shape):
        places = [rows + mu2[f, c, k], columns + mu1[f, c, k]]
        read = ndimage.map_coordinates(blurred[c], places, order=1, mode="grid-constant", cval=0.0)
        expected[f] += layer.weight[f, c, k].item() * read
    np.testing.assert_allclose(layer(image)[0].detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("sigma", "error"), [(0.5, 0.20), (0.75, 0.24), (1.0, 0.16), (2.0, 0.043), (4.0, 0.011)])
def test_bilinear_shift_misses_the_gaussian_by_the_known_share_at_half_pixels_and_by_nothing_at_whole_ones(
    sigma, error
):
    layers = [GauConv2d(1, 1, 1, sigma=sigma, bias=False, interpolation=kind) for kind in ("exact", "bilinear")]
    image = torch.randn(1, 1, 120, 120)
    found = {}
    for mean in (0.5, 2.0):
        with torch.no_grad():
            for layer in layers:
                layer.weight.fill_(1)
                layer.mu1.fill_(mean)
                layer.mu2.fill_(mean)
            exact, bilinear = (layer(image)[..., 30:-30, 30:-30] for layer in layers)
        found[mean] = ((bilinear - exact).norm() / exact.norm()).item()
    assert found[0.5] == pytest.approx(error, rel=0.15)
    assert found[2.0] < 1e-5


@pytest.mark.parametrize("options", MODES, ids=str)
def test_gradients_of_every_parameter_and_the_input_are_right(options):
    options = options if options["mode"] == "lowrank" else {"sigma_trainable": True, "sigma": 0.83, **options}
    layer = layer_of(2, 1, 2, max_kernel_size=5, spread=1.4, **options).double()
    if options["mode"] == "lowrank":
        layer = layer_of(1, 2, 2, max_kernel_size=5, spread=1.4, **options).double()
    names = [name for name, p in layer.named_parameters() if p.requires_grad]
    image = torch.randn(1, layer.in_channels, 4, 5, dtype=torch.float64, requires_grad=True)

    def run(image, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (image,))

    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters() if p.requires_grad]
    assert torch.autograd.gradcheck(run, (image, *parameters))


@pytest.mark.parametrize("means", ["shared", "separate"])
def test_dau_means_get_the_derivative_of_the_gaussian_times_the_factor(means):
    # A blurred map that is smooth enough has the same slope by the Gaussian's derivative and by exact sampling.
    options = {"means": means, "sigma": 2.0, "spread": 2.0}
    dau = layer_of(interpolation="dau", mean_learning_rate_factor=500.0, **options)
    exact = layer_of(**options)
    with torch.no_grad():
        for layer in (dau, exact):
            layer.mu1.round_()
            layer.mu2.round_()
    image = torch.zeros(1, 2, 41, 41)
    image[..., 12:29, 12:29] = torch.randn(1, 2, 17, 17)
    target = torch.randn(1, 3, 41, 41)
    for layer in (dau, exact):
        (layer(image) * target).sum().backward()
    for name in ("mu1", "mu2"):
        torch.testing.assert_close(
            getattr(dau, name).grad / 500, getattr(exact, name).grad, rtol=1e-3, atol=1e-4, msg=name
        )
    torch.testing.assert_close(dau.weight.grad, exact.weight.grad, rtol=1e-3, atol=1e-4)


def test_dau_layer_has_the_published_start_and_trains_its_means_within_the_bound():
    torch.manual_seed(0)
    layer = DAUConv2d(64, 32)
    assert layer.weight.std().item() == pytest.approx(0.1, rel=0.02)
    assert (layer.sigma.item(), layer.sigma.requires_grad, layer.mean_learning_rate_factor) == (0.5, False, 500.0)
    assert sorted(set(layer.mu1[0, 0].tolist())) == [-1.75, 1.75]
    layer = DAUConv2d(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    start = layer.mu1.detach().clone()
    for _ in range(3):
        layer(torch.randn(1, 2, 9, 9)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        layer(torch.zeros(1, 2, 4, 4))
        assert layer.mu1.abs().max() <= 3.99
        assert layer.mu2.abs().max() <= 3.99
    assert not torch.equal(layer.mu1, start)


def test_a_mean_at_the_bound_is_used_there_and_can_come_back():
    layer = layer_of(1, 1, 1)
    with torch.no_grad():
        layer.mu1.fill_(50)
    image = torch.randn(1, 1, 20, 20)
    outside = layer.eval()(image)
    assert layer.mu1.item() == 50
    layer.train()(image).square().sum().backward()
    assert layer.mu1.item() == pytest.approx(3.99)
    torch.testing.assert_close(layer(image), outside)
    assert layer.mu1.grad.abs() > 0


@pytest.mark.parametrize("mode", ["dense", "shift"])
def test_a_trained_sigma_stays_positive_and_a_layer_may_be_used_twice_in_one_graph(mode):
    layer = layer_of(1, 1, 2, mode=mode, sigma_trainable=True)
    image = torch.randn(1, 1, 6, 6)
    (layer(image) * layer(2 * image)).sum().backward()
    assert layer.sigma.grad.abs() > 0
    with torch.no_grad():
        layer.sigma.fill_(-1)
    assert torch.isfinite(layer(image)).all()
    assert layer.sigma.item() == pytest.approx(0.1)


@pytest.mark.parametrize(("interpolation", "within"), [("exact", 0.03), ("dau", 0.03), ("bilinear", 0.1)])
def test_descent_finds_where_a_unit_has_to_look(interpolation, within):
    torch.manual_seed(0)
    there = GauConv2d(1, 1, 1, sigma=1.5, bias=False)
    layer = GauConv2d(1, 1, 1, sigma=1.5, bias=False, interpolation=interpolation)
    with torch.no_grad():
        for mean, place in ((there.mu1, 1.3), (there.mu2, -0.7)):
            mean.fill_(place)
        there.weight.fill_(1)
        layer.weight.fill_(1)
    image = torch.randn(1, 1, 32, 32)
    wanted = there(image).detach()
    optimizer = torch.optim.Adam([layer.mu1, layer.mu2], lr=0.1)
    for _ in range(80):
        optimizer.zero_grad()
        (layer(image) - wanted).square().mean().backward()
        optimizer.step()
    assert (layer.mu1.item(), layer.mu2.item()) == pytest.approx((1.3, -0.7), abs=within)


@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (3, 2), (4, 4), (1, 1)])
def test_the_grid_of_means_has_distinct_points_inside_the_kernel(shape):
    x, y = grid_means(shape, 9)
    points = set(zip(x.tolist(), y.tolist(), strict=True))
    assert len(points) == shape[0] * shape[1]
    assert max(x.abs().max(), y.abs().max()) < 4
    assert GauConv2d(1, 1, shape).units == shape[0] * shape[1]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"mode": "dense", "means": "separate"}, 3 * (64 * 32 * 4) + 32),
        ({"mode": "shift"}, 64 * 32 * 4 + 2 * 4 + 32),
        (
            {"mode": "lowrank", "low_rank": LowRank(rank=3, key_channels=5)},
            4 * 64 * 32 + 2 * 4 + 4 * 3 + 4 * 5 + 5 * 64 + 32,
        ),
        ({"mode": "lowrank", "low_rank": LowRank(positions="constant")}, 4 * 64 * 32 + 2 * 4 + 4 * 3 + 32),
    ],
    ids=str,
)
def test_parameter_counts_are_those_of_the_formulas(options, count):
    assert sum(p.numel() for p in GauConv2d(64, 32, 4, **options).parameters() if p.requires_grad) == count


# --- the low-rank form ---------------------------------------------------------------------------------------------


def low_rank_oracle(layer, image):
    """The definition in two dimensions and float64: blur, combine, translate by the two Lagrange rows, weigh, mix."""
    across, down = (taps.double().numpy() for taps in layer.basis.terms(layer.sigma, math.ceil(5 * 3.0 + 0.5)))
    shares = layer.position_weights(image).double().detach().numpy()[0]
    combination, weight = (p.detach().double().numpy() for p in (layer.combination, layer.weight))
    margin, image = 40, image[0].double().numpy()
    padded = np.pad(image, ((0, 0), (margin, margin), (margin, margin)))
    height, width = image.shape[1:]
    result = np.zeros((weight.shape[0], height, width)) + layer.bias.detach().numpy()[:, None, None]
    for k in range(layer.units):
        kernel = sum(combination[k, owner] * np.outer(down[i], across[i]) for i, owner in enumerate(layer.basis.owners))
        blurred = np.stack([ndimage.correlate(channel, kernel, mode="constant") for channel in padded])
        moved = blurred
        for axis, mean in ((2, layer.mu1[k].item()), (1, layer.mu2[k].item())):
            whole = math.floor(mean)
            taps = lagrange_taps(torch.tensor(mean - whole, dtype=torch.float64), 8).numpy()
            moved = sum(t * np.roll(moved, -(whole + i - 3), axis) for i, t in enumerate(taps))
        z = moved[:, margin : margin + height, margin : margin + width]
        result += shares[k] * np.einsum("fc,chw->fhw", weight[:, :, k], z)
    return result


@pytest.mark.parametrize("basis", ["pca", "gaussian"])
@pytest.mark.parametrize("positions", ["features", "grid", "constant"])
@pytest.mark.parametrize("channels", [(2, 3), (3, 1)])
def test_low_rank_equals_its_definition_up_to_the_border(basis, positions, channels):
    layer = layer_of(*channels, mode="lowrank", low_rank=LowRank(basis=basis, positions=positions, grid=(2, 2)))
    with torch.no_grad():
        layer.combination.normal_()
        if positions == "grid":
            layer.positions.query.normal_()
    image = torch.randn(1, channels[0], 9, 11)
    np.testing.assert_allclose(layer(image)[0].detach().numpy(), low_rank_oracle(layer, image), atol=1e-5, rtol=1e-5)


def test_translating_a_blurred_map_is_close_to_blurring_by_the_displaced_gaussian():
    low = layer_of(2, 2, 4, mode="lowrank", sigma=(1.5, 3.0), low_rank=LowRank(positions="constant", basis="gaussian"))
    exact = GauConv2d(2, 2, 4, sigma=1.5)
    with torch.no_grad():
        low.combination.zero_()
        low.combination[:, 0] = 1
        for name in ("mu1", "mu2", "bias"):
            getattr(exact, name).copy_(getattr(low, name))
        exact.weight.copy_(low.weight / 4)
    image = torch.randn(1, 2, 60, 60)
    difference = low(image) - exact(image)
    assert difference.norm() / exact(image).norm() < 0.003


def test_position_weights_sum_to_one_and_start_even_on_a_grid():
    image = torch.randn(2, 4, 7, 5)
    layer = GauConv2d(4, 2, 6, mode="lowrank")
    weights = layer.position_weights(image)
    assert weights.shape == (2, 6, 7, 5)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 7, 5))
    assert weights.std(1).min() > 0
    grid = GauConv2d(4, 2, 6, mode="lowrank", low_rank=LowRank(positions="grid"))
    torch.testing.assert_close(grid.position_weights(image), torch.full((2, 6, 7, 5), 1 / 6))


@pytest.mark.parametrize("positions", ["constant", "features", "grid"])
def test_only_weights_that_follow_the_place_break_translation_equivariance(positions):
    layer = layer_of(2, 2, 4, mode="lowrank", low_rank=LowRank(positions=positions))
    if positions == "grid":
        with torch.no_grad():
            layer.positions.query.normal_()
    image = torch.randn(1, 2, 64, 64)
    moved = layer(image.roll((5, 3), (2, 3)))[..., 24:-24, 24:-24]
    there = layer(image).roll((5, 3), (2, 3))[..., 24:-24, 24:-24]
    difference = (moved - there).abs().max().item()
    assert difference > 1e-2 if positions == "grid" else difference < 1e-4


def test_four_components_hold_the_label_gaussians_only_while_they_are_not_displaced():
    basis = label_basis(1.0, 8.0, 4)
    assert basis.energy[0] == pytest.approx(0.79, abs=0.01)
    assert basis.energy[1] == pytest.approx(0.96, abs=0.01)
    assert basis.energy[3] >= 0.998
    assert basis.error == pytest.approx(math.sqrt(1 - basis.energy[3]))
    flat = basis.components.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(4, dtype=torch.float64))
    rng = np.random.default_rng(0)
    kernels = gaussian_kernels(torch.from_numpy(np.exp(rng.uniform(0, math.log(8), 150))), 65).numpy()
    displaced = [ndimage.shift(kernel, rng.normal(0, 2, 2), order=1) for kernel in kernels]
    assert pca_basis(torch.from_numpy(np.stack(displaced)), 4).energy[-1] < 0.95


def test_the_reported_error_is_what_projecting_the_kernels_misses():
    kernels = gaussian_kernels(torch.linspace(1, 4, 30), 31)
    basis = pca_basis(kernels, 2)
    flat, components = kernels.flatten(1), basis.components.flatten(1)
    missed = (flat - flat @ components.T @ components).norm() / flat.norm()
    assert missed.item() == pytest.approx(basis.error, rel=1e-6)
    across, down, owners = separable_terms(basis.components, 1e-3)
    for index, component in enumerate(basis.components):
        mine = [i for i, owner in enumerate(owners) if owner == index]
        rebuilt = sum(torch.outer(down[i], across[i]) for i in mine)
        assert (rebuilt - component).norm() <= 1e-3


# --- as a module ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", MODES, ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_any_size_stride_and_dtype(options, stride):
    layer = layer_of(2, 3, 4, stride=stride, **options).eval()
    full = layer_of(2, 3, 4, **options).eval()
    full.load_state_dict(layer.state_dict())
    for height, width in ((1, 1), (5, 8), (13, 6)):
        image = torch.randn(2, 2, height, width)
        response = layer(image)
        torch.testing.assert_close(response, full(image)[..., ::stride, ::stride])
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(image).float(), response, atol=0.15, rtol=0.1)
    halved = layer.to(torch.bfloat16)(image.to(torch.bfloat16))
    assert halved.dtype == torch.bfloat16
    assert torch.isfinite(halved).all()


@pytest.mark.parametrize(
    "options",
    [MODES[2], *(pytest.param(options, marks=pytest.mark.slow) for options in (MODES[0], *MODES[3:]))],
    ids=str,
)
def test_a_compiler_traces_the_whole_layer_and_gives_the_same(options):
    layer = layer_of(2, 3, 2, **options)
    image = torch.randn(2, 2, 5, 8)
    response = layer(image)
    compiled = torch.compile(layer, backend="eager", fullgraph=not layer.sigma.requires_grad)
    torch.testing.assert_close(compiled(image), response, atol=1e-5, rtol=1e-5)
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("options", [MODES[0], MODES[2]], ids=str)
def test_a_compiler_may_meet_a_layer_that_never_ran_or_was_loaded_with_another_sigma(options):
    fresh = GauConv2d(2, 3, 2, **options)
    wide = layer_of(2, 3, 2, sigma=3.0, **options)
    image = torch.randn(1, 2, 30, 30)
    compiled = torch.compile(fresh, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), fresh(image), atol=1e-5, rtol=1e-5)
    torch._dynamo.reset()
    fresh.load_state_dict(wide.state_dict())
    compiled = torch.compile(fresh, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), wide(image), atol=1e-5, rtol=1e-5)
    torch._dynamo.reset()


def test_sigma_set_by_hand_is_sampled_as_far_as_it_reaches():
    layer, wide = GauConv2d(1, 1, 1, bias=False), GauConv2d(1, 1, 1, bias=False, sigma=3.0)
    wide.load_state_dict({**layer.state_dict(), "sigma": torch.tensor(3.0)})
    layer.sigma.data.fill_(3.0)
    image = torch.randn(1, 1, 30, 30)
    assert torch.equal(layer(image), wide(image))


def test_multiply_accumulates_follow_the_formulas():
    assert GauConv2d(64, 32, 8).multiply_accumulates(10, 20) == 200 * (8 * 2 * 7 * 32 + 8 * 64 * 32)
    assert GauConv2d(4, 8, 2, mode="dense").multiply_accumulates(1, 1) == 4 * 8 * 15**2
    bilinear = GauConv2d(64, 32, 8, interpolation="bilinear")
    assert bilinear.multiply_accumulates(1, 1) == 2 * 7 * 64 + 8 * 4 * 32 + 8 * 64 * 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fast"}, "mode must be one of"),
        ({"max_kernel_size": 8}, "odd and at least 3"),
        ({"units": 0}, "units must be"),
        ({"in_channels": 0}, "at least 1"),
        ({"mode": "dense", "interpolation": "bilinear"}, "for mode 'shift'"),
        ({"mode": "lowrank", "means": "separate"}, "shared means"),
        ({"low_rank": LowRank()}, "for mode 'lowrank'"),
        ({"sigma": (1.0, 2.0)}, "one number"),
        ({"sigma": 0.0}, "above 0"),
        ({"mode": "lowrank", "sigma": 2.0}, "range of sigma"),
        ({"mode": "lowrank", "sigma": (3.0, 2.0)}, "low < high"),
        ({"mode": "lowrank", "sigma_trainable": True}, "PCA basis is fixed"),
        ({"backend": "triton", "interpolation": "bilinear"}, "backend 'triton' runs"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ThrongError, match=message):
        GauConv2d(**{"in_channels": 2, "out_channels": 2, **options})


def test_low_rank_options_are_checked_and_other_modes_have_no_position_weights():
    with pytest.raises(ThrongError, match="basis must be"):
        LowRank(basis="wavelet")
    with pytest.raises(ThrongError, match="positions must be"):
        LowRank(positions="here")
    with pytest.raises(ThrongError, match="at least 1"):
        LowRank(rank=0)
    with pytest.raises(ThrongError, match="at least as many kernels"):
        pca_basis(torch.randn(2, 3, 3), 4)
    with pytest.raises(ThrongError, match="no position weights"):
        GauConv2d(1, 1).position_weights(torch.zeros(1, 1, 2, 2))


# --- replacing -----------------------------------------------------------------------------------------------------


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False),
        nn.Sequential(nn.Conv2d(8, 8, 3, padding=2, dilation=2), nn.ReLU()),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.Conv2d(4, 1, 1),
    )


def test_replace_keeps_what_is_not_selected_and_every_shape():
    plain, model = small_network(), small_network()
    assert replace(model, ["1.*", "3"], 4, "shift", interpolation="bilinear") is model
    assert [type(m).__name__ for m in (model[0], model[1][0], model[2], model[3])] == [
        "Conv2d",
        "GauConv2d",
        "ConvTranspose2d",
        "GauConv2d",
    ]
    assert (model[1][0].max_kernel_size, model[1][0].interpolation, model[1][0].units) == (9, "bilinear", 4)
    for name, tensor in plain.state_dict().items():
        if name.startswith(("0.", "2.")):
            assert torch.equal(model.state_dict()[name], tensor)
    image = torch.randn(1, 3, 21, 30)
    assert model(image).shape == plain(image).shape
    assert replace(model, lambda name, conv: conv.stride == (2, 2), 2, "lowrank")(image).shape == plain(image).shape
    assert model[0].bias is None
    assert model[0].stride == 2


def test_replace_returns_a_lone_convolution_replaced_with_its_device_dtype_and_mode():
    layer = replace(nn.Conv2d(2, 3, 11, padding=5).double().eval(), "*", 2)
    assert (layer.max_kernel_size, layer.weight.dtype, layer.training) == (11, torch.float64, False)


@pytest.mark.parametrize(
    ("convolution", "message"),
    [
        (nn.Conv2d(4, 4, 3), "cannot become Gaussian"),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), "ungrouped"),
        (nn.Conv2d(4, 4, (3, 5), padding=(1, 2)), "square"),
        (nn.Conv2d(4, 4, 2, padding="same"), "odd"),
        (nn.Linear(2, 2), "no convolution of Linear is selected"),
    ],
    ids=str,
)
def test_replace_refuses_what_it_cannot_stand_in_for(convolution, message):
    with pytest.raises(ThrongError, match=message):
        replace(convolution, "*", 4)
