"""Each transform: what it does to an image, and the statistics of its choices within three standard errors."""

import math

import numpy as np
import pytest
import torch

from throng.gan.augmentation.bands import band_matrices, draw_gains, refilter
from throng.gan.augmentation.blitting import blit
from throng.gan.augmentation.colour import draw_colours, recolour
from throng.gan.augmentation.corruption import add_noise, cut_out
from throng.gan.augmentation.dice import rotation
from throng.gan.augmentation.geometry import draw_motion, move, transform
from throng.gan.augmentation.options import Options

COUNT = 20_000
P = 0.4


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def _only(name: str, **strengths: float) -> Options:
    return Options("none", multipliers={name: 1.0}, strengths=strengths)


def _is_share(flags: torch.Tensor, probability: float) -> bool:
    error = math.sqrt(probability * (1 - probability) / len(flags))
    return abs(flags.double().mean().item() - probability) < 3 * error


def _is_normal(values: torch.Tensor, deviation: float) -> bool:
    count = len(values)
    mean_fits = abs(values.mean().item()) < 3 * deviation / math.sqrt(count)
    return mean_fits and abs(values.std().item() - deviation) < 3 * deviation / math.sqrt(2 * count)


def _is_uniform(values: torch.Tensor, bound: float) -> bool:
    count, square = len(values), bound**2 / 3
    spread = math.sqrt(bound**4 * 4 / 45 / count)
    inside = bool((values.abs() <= bound).all()) and abs(values.mean().item()) < 3 * math.sqrt(square / count)
    return inside and abs(values.square().mean().item() - square) < 3 * spread


def _numbered(size: int, count: int = COUNT) -> torch.Tensor:
    return torch.arange(3.0 * size * size).view(1, 3, size, size).expand(count, -1, -1, -1)


def test_flips_are_exact_and_happen_to_half_of_the_chosen():
    image = _numbered(4)
    flipped = blit(image, P, _only("x_flip"))
    is_flipped = (flipped == image.flip(3)).all(dim=(1, 2, 3))
    assert (is_flipped | (flipped == image).all(dim=(1, 2, 3))).all()
    assert _is_share(is_flipped, P / 2)


def test_quarter_turns_are_exact_and_equally_frequent():
    image = _numbered(4)
    turned = blit(image, P, _only("rotate90"))
    which = torch.stack([(turned == torch.rot90(image, k, (2, 3))).all(dim=(1, 2, 3)) for k in range(4)], 1)
    assert (which.sum(dim=1) == 1).all()
    for quarter in range(1, 4):
        assert _is_share(which[:, quarter], P / 4)


def test_flip_turn_and_shift_together_are_those_of_the_flipped_then_turned_then_shifted_image():
    image = _numbered(5, 400)
    multipliers = dict.fromkeys(["x_flip", "rotate90", "integer_shift"], 1.0)
    options = Options("none", multipliers=multipliers, strengths={"integer_shift": 0.3})
    possible = set()
    for flipped in (image[0], image[0].flip(2)):
        for quarter in range(4):
            padded = np.pad(torch.rot90(flipped, quarter, (1, 2)).numpy(), ((0, 0), (1, 1), (1, 1)), mode="symmetric")
            possible |= {padded[:, y : y + 5, x : x + 5].tobytes() for y in range(3) for x in range(3)}
    drawn = {row.numpy().tobytes() for row in blit(image, 1.0, options)}
    assert drawn <= possible
    assert len(drawn) > 65


def test_whole_shifts_are_mirrored_and_uniform():
    ramp = torch.arange(16.0)[None, None, None].expand(COUNT, 3, 16, 16)
    shifted = blit(ramp, P, _only("integer_shift"))
    right = 8 - shifted[:, 0, 0, 8]
    assert set(right.tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    for pixels, share in ((-2, 1 / 8), (-1, 1 / 4), (1, 1 / 4), (2, 1 / 8)):
        assert _is_share(right == pixels, P * share)
    two_right = shifted[right == 2][0, 0, 0]
    assert two_right.tolist() == [1, 0, *range(14)]


@pytest.mark.parametrize("name", ["scale", "anisotropy"])
def test_scaling_is_log2_normal(name):
    matrix, shift = draw_motion(COUNT, P, _only(name))
    across, along = torch.log2(matrix[:, 0, 0]), torch.log2(matrix[:, 1, 1])
    taken = across != 0
    assert _is_share(taken, P)
    assert _is_normal(across[taken], 0.2)
    assert torch.allclose(along, across if name == "scale" else -across)
    assert not shift.any()


@pytest.mark.parametrize(("options", "degrees"), [(_only("rotate"), 180.0), (_only("rotate", rotate=5.0), 5.0)])
def test_rotations_are_uniform_and_one_of_two_happens_with_the_probability_asked_for(options, degrees):
    matrix, _ = draw_motion(COUNT, P, options)
    angle = torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0])
    assert _is_share(angle != 0, P)
    if degrees == 180:
        assert _is_uniform(angle[angle != 0], math.pi)
    else:
        assert angle.abs().max() <= 2 * math.radians(degrees)


def test_fractional_shifts_are_normal_in_both_directions():
    matrix, shift = draw_motion(COUNT, P, _only("fractional_shift"))
    taken = shift.any(dim=1)
    assert _is_share(taken, P)
    for axis in range(2):
        assert _is_normal(shift[taken, axis] / 2, 0.125)
    assert (matrix == torch.eye(2)).all()


def _blob(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.exp(-((x - 0.2) ** 2) / 0.05 - (y + 0.1) ** 2 / 0.02) + 0.5 * torch.exp(
        -((x + 0.3) ** 2 + y**2) / 0.03
    )


def test_a_motion_carries_a_picture_where_its_matrix_says():
    size = 64
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    matrix = rotation(torch.tensor([0.4], dtype=torch.float64)) @ torch.diag(torch.tensor([1.3, 0.8]).double())
    shift = torch.tensor([[0.07, -0.11]], dtype=torch.float64)
    moved = transform(_blob(x, y)[None, None].expand(1, 3, -1, -1), matrix, shift)[0, 0]
    place = torch.linalg.inv(matrix[0]) @ (torch.stack([x, y]).flatten(1) - shift[0, :, None])
    expected = _blob(*place).view(size, size)
    inside = (place.abs() < 0.9).all(dim=0).view(size, size)
    assert inside.float().mean() > 0.6
    assert (moved - expected)[inside].abs().max() < 0.005


def test_shifts_by_pixels_are_exact_inside_because_the_filters_cancel():
    images = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    shift = torch.tensor([[2 / 16, -4 / 16]], dtype=torch.float64)
    moved = transform(images, torch.eye(2, dtype=torch.float64)[None], shift)
    assert (moved[..., 3:11, 4:13] - images[..., 5:13, 3:12]).abs().max() < 1e-12


def test_a_flat_image_stays_flat_however_it_is_moved():
    flat = torch.full((64, 3, 16, 16), 0.25)
    moved = move(flat, 1.0, Options("full"))
    assert (moved - flat).abs().max() < 1e-5


def test_images_that_are_not_chosen_are_left_bit_for_bit():
    images = torch.randn(200, 3, 8, 8)
    moved = move(images, P, _only("scale"))
    assert _is_share((moved == images).all(dim=(1, 2, 3)), 1 - P)


def test_brightness_contrast_and_saturation_have_their_statistics():
    matrix, offset = draw_colours(COUNT, P, _only("brightness"))
    assert (matrix == torch.eye(3)).all()
    taken = offset[:, 0] != 0
    assert _is_share(taken, P)
    assert _is_normal(offset[taken, 0], 0.2)
    contrast = torch.log2(draw_colours(COUNT, P, _only("contrast"))[0][:, 0, 0])
    assert _is_share(contrast != 0, P)
    assert _is_normal(contrast[contrast != 0], 0.5)
    matrix, _ = draw_colours(COUNT, P, _only("saturation"))
    red_minus_green = torch.tensor([1.0, -1.0, 0.0]).double()
    factor = torch.log2((matrix @ red_minus_green)[:, 0])
    taken = factor.abs() > 1e-12
    assert _is_share(taken, P)
    assert _is_normal(factor[taken], 1.0)
    assert torch.allclose(matrix @ torch.ones(3).double(), torch.ones(3).double())


def test_luma_flip_turns_lightness_round_and_keeps_colours():
    matrix, _ = draw_colours(COUNT, P, _only("luma_flip"))
    grey, colour = torch.ones(3).double(), torch.tensor([0.5, 0.2, -0.7]).double()
    flipped = (matrix @ grey)[:, 0] < 0
    assert _is_share(flipped, P / 2)
    assert torch.allclose(matrix[flipped] @ grey, -grey)
    assert torch.allclose(matrix @ colour, colour)


def test_hue_turns_colours_about_grey_uniformly():
    matrix, _ = draw_colours(COUNT, P, _only("hue"))
    grey = torch.ones(3).double()
    assert torch.allclose(matrix @ grey, grey)
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3).double().expand_as(matrix), atol=1e-12)
    first = torch.tensor([1.0, -1.0, 0.0]).double() / math.sqrt(2)
    second = torch.linalg.cross(torch.ones(3).double() / math.sqrt(3), first)
    angle = torch.atan2(matrix @ first @ second, matrix @ first @ first)
    taken = angle.abs() > 1e-12
    assert _is_share(taken, P)
    assert _is_uniform(angle[taken], math.pi)


def test_brightness_comes_before_contrast_and_the_luma_flip():
    options = Options("none", multipliers=dict.fromkeys(["brightness", "contrast", "luma_flip"], 1.0))
    matrix, offset = draw_colours(50, 1.0, options)
    whiter = torch.full((50, 3, 2, 2), 0.3, dtype=torch.float64)
    torch.manual_seed(7)
    recoloured = recolour(whiter, 1.0, options)
    factor = (matrix @ torch.ones(3).double())[:, 0]
    assert torch.allclose(recoloured[:, 0, 0, 0], factor * (0.3 + offset[:, 0] / factor))


def test_bands_sum_to_the_identity_and_pass_what_is_theirs():
    size = 64
    matrices = band_matrices(size)
    assert torch.allclose(matrices.sum(0), torch.eye(size, dtype=torch.float64))
    place = torch.arange(size, dtype=torch.float64) + 0.5
    # cosines that are even about both edges stay what they are under a symmetric filter of a mirrored row
    for share, band in ((0.02, 0), (0.09, 0), (0.19, 1), (0.375, 2), (0.75, 3), (0.95, 3)):
        wave = torch.cos(math.pi * share * size * place / size)
        responses = matrices @ wave @ wave / (wave @ wave)
        assert responses.argmax() == band
        assert responses[band] > 0.5


def test_gains_of_bands_are_log2_normal_and_keep_the_power_of_a_photograph():
    power = torch.tensor([10.0, 1, 1, 1]).double() / 13
    gains = draw_gains(COUNT, P, _only("image_filter"))
    assert _is_share((gains == 1).all(dim=1), (1 - P) ** 4)
    ratio = torch.log2(gains[:, 3] / gains[:, 2])
    one_alone = (gains[:, 0] == gains[:, 1]) & (gains[:, 1] == gains[:, 2]) & (gains[:, 3] != gains[:, 2])
    assert _is_share(one_alone, P * (1 - P) ** 3)
    assert _is_normal(ratio[one_alone], 1.0)
    assert torch.allclose(gains[one_alone].square() @ power, torch.ones(int(one_alone.sum())).double())


def test_refiltering_weighs_both_directions():
    torch.manual_seed(3)
    gains = draw_gains(2, 1.0, _only("image_filter"))
    torch.manual_seed(3)
    images = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    torch.manual_seed(3)
    refiltered = refilter(images, 1.0, _only("image_filter"))
    for number in range(2):
        matrix = torch.einsum("b,bij->ij", gains[number], band_matrices(16))
        assert torch.allclose(refiltered[number], matrix @ images[number] @ matrix.mT)


def test_noise_has_a_half_normal_deviation_of_its_own_for_each_image():
    noisy = add_noise(torch.zeros(2000, 3, 12, 12), P, _only("noise"))
    deviation = noisy.std(dim=(1, 2, 3))
    taken = deviation > 0
    assert _is_share(taken, P)
    root_mean_square = noisy[taken].square().mean().sqrt().item()
    # a half-normal's fourth moment is 3 sigma^4
    assert abs(root_mean_square**2 - 0.01) < 3 * 0.01 * math.sqrt(2 / int(taken.sum()))


def test_cutout_blanks_a_square_of_half_the_size_about_a_uniform_centre():
    blanked = cut_out(torch.ones(COUNT, 1, 16, 16), P, _only("cutout")) == 0
    assert _is_share(blanked.any(dim=(1, 2, 3)), P)
    rows, columns = blanked.any(dim=3).sum(dim=2), blanked.any(dim=2).sum(dim=2)
    assert torch.equal(rows * columns, blanked.sum(dim=(2, 3)))
    assert columns.max() == 8
    # a strip as wide as half the image about a uniform centre covers a middle column half of the time
    assert _is_share(blanked.any(dim=2)[:, 0, 8], P * 0.5)
