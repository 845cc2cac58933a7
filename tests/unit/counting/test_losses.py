import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from throng.counting.losses import Labels, build_loss, ssim_map
from throng.counting.losses.labels import Truth
from throng.density.maps import density_map


def oracle_ssim(x, y, data_range):
    """SSIM by scipy: Gaussian moments of radius 5, population covariance, zeros outside."""

    def blur(a):
        return gaussian_filter(a, 1.5, mode="constant", radius=5)

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    return (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


@pytest.mark.parametrize("data_range", [1.0, 0.05])
def test_ssim_equals_an_independent_one(data_range):
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 30, 41)) * data_range
    ours = ssim_map(torch.from_numpy(x)[None, None], torch.from_numpy(y)[None, None], data_range)
    np.testing.assert_allclose(ours[0, 0].numpy(), oracle_ssim(x, y, data_range), atol=1e-6)
    single = ssim_map(torch.from_numpy(x)[None, None].float(), torch.from_numpy(y)[None, None].float(), data_range)
    np.testing.assert_allclose(single[0, 0].numpy(), oracle_ssim(x, y, data_range), atol=1e-4)


def test_the_pattern_passes_gradcheck():
    torch.manual_seed(0)
    pattern = build_loss({"ssim": 1.0})
    labels = Labels([torch.tensor([[8.0, 9.0], [20.0, 14.0]])], (24, 28), 4, sigma=6.0)
    maps = torch.rand(1, 1, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda predicted: pattern(0.05 * predicted, labels).total, (maps,))


def test_the_pattern_is_one_minus_an_independent_ssim_at_the_peak_of_the_true_map():
    points = torch.tensor([[40.0, 30.0], [90.0, 60.0], [91.0, 62.0]])
    true = density_map(points.numpy(), (96, 128), sigma=8.0)
    predicted = np.random.default_rng(0).random((96, 128)) * true.max()
    ours = build_loss({"ssim": 1.0})(
        torch.from_numpy(predicted)[None, None], Labels([points], (96, 128), 1, sigma=8.0)
    ).total
    assert float(ours) == pytest.approx(1 - oracle_ssim(predicted, true, true.max()).mean(), abs=1e-6)


def test_a_raw_empty_map_costs_the_pattern_as_much_as_a_scaled_one():
    points = torch.from_numpy(np.random.default_rng(0).uniform(0, 120, (10, 2)))
    labels = Labels([points], (96, 128), 1, sigma=15.0)
    empty = torch.zeros(1, 1, 96, 128)
    # by SSIM's own constants an empty map is as good as the true one at this scale
    assert 1 - ssim_map(empty, Truth(labels, empty).density).mean() < 0.02
    assert build_loss({"ssim": 1.0})(empty, labels).total > 0.3


def test_a_map_without_people_has_a_finite_loss():
    empty = torch.zeros(1, 1, 16, 16)
    labels = Labels([torch.zeros(0, 2)], (16, 16), 1)
    loss = build_loss({"pixel": 1.0, "ssim": 1.0}, target_scale=100.0)(empty, labels).total
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_pixel_is_the_squared_error_per_cell_or_in_all():
    points = torch.tensor([[20.0, 9.0], [5.0, 25.0]])
    labels = Labels([points, points[:0]], (32, 40), 4, sigma=3.0)
    predicted = torch.rand(2, 1, 8, 10, dtype=torch.float64)
    true = np.stack([density_map(p.numpy(), (32, 40), sigma=3.0, stride=4) for p in labels.points if p is not None])
    squares = (predicted[:, 0].numpy() - true) ** 2
    mean = build_loss({"pixel": 1.0})(predicted, labels).total
    assert float(mean) == pytest.approx(squares.mean(), rel=1e-6)
    total = build_loss({"pixel": {"weight": 0.5, "reduction": "sum", "scale": 100.0}})(predicted, labels).total
    assert float(total) == pytest.approx(0.5 * 1e4 * squares.sum() / 2, rel=1e-6)


def test_the_pattern_of_an_image_does_not_depend_on_scale_or_neighbours():
    points = [torch.tensor([[40.0, 30.0], [90.0, 60.0]]), torch.tensor([[64.0, 48.0]] * 50)]
    for stride in (1, 8):
        labels = Labels(points, (96, 128), stride, sigma=8.0)
        predicted = torch.zeros(2, 1, 96 // stride, 128 // stride)
        both = float(build_loss({"ssim": 1.0})(predicted, labels).total)
        alone = [
            float(build_loss({"ssim": 1.0})(predicted[:1], Labels([p], (96, 128), stride, sigma=8.0)).total)
            for p in points
        ]
        assert both == pytest.approx(np.mean(alone), rel=1e-5)
        assert min(alone) > 0.1


def test_ssim_is_scikit_images_away_from_the_border():
    # structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False): radius 5, reflected
    rng = np.random.default_rng(1)
    x, y = rng.random((2, 25, 34))
    ours = ssim_map(torch.from_numpy(x)[None, None], torch.from_numpy(y)[None, None])[0, 0].numpy()

    def blur(a):
        return gaussian_filter(a, 1.5, truncate=3.5, mode="reflect")

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    theirs = ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    np.testing.assert_allclose(ours[5:-5, 5:-5], theirs[5:-5, 5:-5], atol=1e-6)


@pytest.mark.parametrize("sigma", [3.0, "adaptive", "per head"])
def test_true_maps_are_those_of_the_points_and_sigmas(sigma):
    points = torch.tensor([[20.0, 9.0], [5.0, 25.0], [30.0, 30.0]])
    spread = [torch.tensor([1.0, 2.0, 6.0]), torch.zeros(0)] if sigma == "per head" else sigma
    labels = Labels([points, None], (32, 40), 4, sigma=spread)
    truth = Truth(labels, torch.zeros(2, 1, 8, 10))
    numpy_sigma = np.array([1.0, 2.0, 6.0]) if sigma == "per head" else sigma
    expected = density_map(points.numpy(), (32, 40), sigma=numpy_sigma, stride=4)
    np.testing.assert_allclose(truth.density[0, 0].numpy(), expected, atol=1e-6)
    assert truth.density[1].abs().sum() == 0
