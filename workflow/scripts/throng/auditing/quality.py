"""How near an edit comes to the true background inside its mask: PSNR, SSIM and GMSD."""

import cv2
import numpy as np

PEAK = 255.0
PSNR_EQUAL = 100.0
SSIM_SIGMA, SSIM_SIZE = 1.5, 11
SSIM_K1, SSIM_K2 = 0.01, 0.03
GMSD_T = 170.0


def psnr(edited: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the PSNR in dB of two (H, W, 3) uint8 images over the pixels of an (H, W) bool mask, at most 100."""
    error = edited[mask].astype(np.float64) - truth[mask]
    mean = float((error**2).mean())
    return min(PSNR_EQUAL, 10 * np.log10(PEAK**2 / mean)) if mean else PSNR_EQUAL


def ssim(edited: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean over a mask of the luma's SSIM map (Wang et al., IEEE TIP 13, 2004: 11 x 11 Gaussian, sigma 1.5).

    Windows centred inside the mask look a few pixels beyond it.
    """
    x, y = (_luma(image) for image in (edited, truth))
    mx, my = _blur(x), _blur(y)
    vx, vy, cxy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    c1, c2 = (SSIM_K1 * PEAK) ** 2, (SSIM_K2 * PEAK) ** 2
    similarity = ((2 * mx * my + c1) * (2 * cxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(similarity[mask].mean())


def gmsd(edited: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float | None:
    """Return the deviation of the gradient magnitude similarity over a mask (Xue et al., IEEE TIP 23, 2014, eq. 4-8).

    Luma is averaged over 2 x 2 pixels and halved in size, as there; 0 is no difference. None where the mask has no
    pixel at half the size.
    """
    small = _halve(mask.astype(np.float64)) >= 0.5
    if not small.any():
        return None
    x, y = (_gradient(_halve(_luma(image))) for image in (edited, truth))
    similarity = (2 * x * y + GMSD_T) / (x * x + y * y + GMSD_T)
    return float(similarity[small].std())


def _luma(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (SSIM_SIZE, SSIM_SIZE), SSIM_SIGMA, borderType=cv2.BORDER_REFLECT)


def _halve(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    whole = image[:height, :width]
    return (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4


def _gradient(image: np.ndarray) -> np.ndarray:
    if min(image.shape) == 0:
        return image
    prewitt = np.repeat(np.array([[1.0, 0.0, -1.0]]), 3, axis=0) / 3
    along, down = (cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT) for kernel in (prewitt, prewitt.T))
    return np.sqrt(along**2 + down**2)
