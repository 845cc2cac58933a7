"""Seams, blur and distance to the true background, on planted edits and against slow independent computations."""

import numpy as np
import pytest
from scipy.ndimage import convolve, gaussian_filter

from throng.auditing import quality, seams
from throng.auditing.patches import choose, cut, painted_cells, untouched_cells

RANDOM = np.random.default_rng(0)
PHOTOGRAPH = np.clip(RANDOM.normal(120, 8, (96, 128, 3)), 0, 255).astype(np.uint8)
MASK = np.zeros((96, 128), bool)
MASK[30:70, 40:90] = True


def painted(inside: np.ndarray) -> np.ndarray:
    return np.where(MASK[..., None], inside, PHOTOGRAPH).astype(np.uint8)


def noise(level: float) -> np.ndarray:
    return np.clip(np.random.default_rng(1).normal(120 + level, 8, PHOTOGRAPH.shape), 0, 255)


def test_an_edit_like_its_surroundings_has_no_seam_and_a_planted_step_is_one():
    assert seams.seam(painted(noise(0)), PHOTOGRAPH, MASK) == pytest.approx(1, abs=0.1)
    assert seams.seam(painted(noise(60)), PHOTOGRAPH, MASK) > 4
    assert seams.seam(PHOTOGRAPH, PHOTOGRAPH, MASK) == 1
    assert seams.seam(PHOTOGRAPH, PHOTOGRAPH, np.zeros_like(MASK)) is None


def test_a_planted_step_is_measured_exactly():
    flat = np.full((20, 20, 3), 100, np.uint8)
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    edited = np.where(mask[..., None], np.uint8(149), flat)
    assert seams.seam(edited, flat, mask) == 50  # (49 + 1) / (0 + 1)


def test_blur_is_seen_and_an_honest_texture_is_not():
    assert seams.sharpness(PHOTOGRAPH, MASK, 8) == pytest.approx(1, abs=0.15)
    assert seams.sharpness(painted(noise(60)), MASK, 8) == pytest.approx(1, abs=0.15), "a step is no texture"
    assert seams.sharpness(painted(np.full(PHOTOGRAPH.shape, 120.0)), MASK, 8) < 0.02
    assert seams.sharpness(PHOTOGRAPH, np.ones_like(MASK), 8) is None


def test_equal_images_are_at_no_distance():
    assert quality.psnr(PHOTOGRAPH, PHOTOGRAPH, MASK) == 100
    assert quality.ssim(PHOTOGRAPH, PHOTOGRAPH, MASK) == pytest.approx(1)
    assert quality.gmsd(PHOTOGRAPH, PHOTOGRAPH, MASK) == 0
    assert quality.gmsd(PHOTOGRAPH, PHOTOGRAPH, np.zeros_like(MASK)) is None


def test_what_lies_far_outside_the_mask_does_not_count():
    elsewhere = PHOTOGRAPH.copy()
    elsewhere[:10] = 0
    assert quality.psnr(elsewhere, PHOTOGRAPH, MASK) == 100
    assert quality.ssim(elsewhere, PHOTOGRAPH, MASK) == pytest.approx(1)
    assert quality.gmsd(elsewhere, PHOTOGRAPH, MASK) == 0


def test_psnr_of_a_known_error():
    assert quality.psnr(painted(PHOTOGRAPH.astype(float) + 5), PHOTOGRAPH, MASK) == pytest.approx(34.15, abs=0.01)


def luma(image: np.ndarray) -> np.ndarray:
    return np.rint(image.astype(np.float64) @ [0.299, 0.587, 0.114])


def test_ssim_agrees_with_a_computation_by_scipy():
    edited = painted(noise(10))
    x, y = luma(edited), luma(PHOTOGRAPH)

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=5 / 1.5)

    mx, my = blur(x), blur(y)
    vx, vy, cxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 2.55**2, 7.65**2
    similarity = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert quality.ssim(edited, PHOTOGRAPH, MASK) == pytest.approx(similarity[MASK].mean(), abs=2e-3)


def test_gmsd_agrees_with_a_computation_by_scipy():
    edited = painted(noise(10))
    maps = []
    for image in (edited, PHOTOGRAPH):
        small = luma(image).reshape(48, 2, 64, 2).mean(axis=(1, 3))
        prewitt = np.array([[1, 0, -1]] * 3) / 3
        maps.append(np.hypot(convolve(small, prewitt), convolve(small, prewitt.T)))
    x, y = maps
    similarity = (2 * x * y + 170) / (x**2 + y**2 + 170)
    inside = MASK[::2, ::2]
    assert quality.gmsd(edited, PHOTOGRAPH, MASK) == pytest.approx(similarity[inside].std(), abs=2e-3)


def test_cells_are_what_they_say():
    assert {tuple(cell) for cell in painted_cells(MASK, 16)} == {(r, c) for r in (2, 3) for c in (3, 4)} | {
        (r, c) for r in (2, 3) for c in (2, 5) if MASK[16 * r : 16 * r + 16, 16 * c : 16 * c + 16].mean() >= 0.5
    }
    untouched = untouched_cells([MASK], 16)
    assert not any(MASK[16 * r : 16 * r + 16, 16 * c : 16 * c + 16].any() for r, c in untouched)
    assert len(untouched) == 48 - sum(
        MASK[r : r + 16, c : c + 16].any() for r in range(0, 96, 16) for c in range(0, 128, 16)
    )
    patches = cut(PHOTOGRAPH, untouched, 16)
    assert all(
        np.array_equal(patch, PHOTOGRAPH[16 * r : 16 * r + 16, 16 * c : 16 * c + 16])
        for patch, (r, c) in zip(patches, untouched, strict=True)
    )
    few = choose(untouched, 5, np.random.default_rng(0))
    assert len(few) == 5 and len(np.unique(few, axis=0)) == 5
    tiny = np.ones((8, 200), bool)
    assert (
        len(painted_cells(tiny, 16)) == 0
        and cut(np.zeros((8, 200, 3), np.uint8), painted_cells(tiny, 16), 16).shape[0] == 0
    )
