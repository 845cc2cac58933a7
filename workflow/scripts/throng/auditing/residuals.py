"""What noise, sharpness and compression leave in a small patch, as numbers: content is filtered out, traces stay.

High-pass residuals and the co-occurrence of their signs are what image forensics judges by (Fridrich and Kodovsky,
IEEE TIFS 7, 2012); this is a small set of them that a linear model can be fitted to in seconds.
"""

import numpy as np

JPEG_BLOCK = 8
NAMES = (
    *(f"{name} {what}" for name in ("dx", "dy", "dxx", "dyy", "laplacian", "red-green dx") for what in
      ("mean", "deviation", "zeros", "peakedness")),
    "laplacian correlation along", "laplacian correlation down", "correlation of red and green noise",
    "noise to detail", "deviation", "block edges along", "block edges down",
    *(f"signs {way} {index}" for way in ("along", "down") for index in range(9)),
)  # fmt: skip


def describe(patches: np.ndarray) -> np.ndarray:
    """Return the (N, F) float32 features of (N, P, P, 3) uint8 patches, P a multiple of 8, on the 8-pixel grid."""
    whole = patches.astype(np.float32)
    green, red = whole[..., 1], whole[..., 0]
    dx, dy = np.diff(green, axis=2), np.diff(green, axis=1)
    laplacian = _laplacian(green)
    residuals = (dx, dy, np.diff(dx, axis=2), np.diff(dy, axis=1), laplacian, np.diff(red - green, axis=2))
    columns = [value for residual in residuals for value in _spread(residual)]
    columns += [
        _correlation(laplacian[:, :, 1:], laplacian[:, :, :-1]),
        _correlation(laplacian[:, 1:], laplacian[:, :-1]),
        _correlation(laplacian, _laplacian(red)),
        np.log1p(laplacian.std(axis=(1, 2))) - np.log1p(_laplacian(_halved(green)).std(axis=(1, 2))),
        np.log1p(green.std(axis=(1, 2))),
        _block_edges(np.abs(dx).mean(axis=1)),
        _block_edges(np.abs(dy).mean(axis=2)),
        *_signs(dx[:, :, 1:], dx[:, :, :-1]),
        *_signs(dy[:, 1:], dy[:, :-1]),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _laplacian(x: np.ndarray) -> np.ndarray:
    return x[:, 1:-1, :-2] + x[:, 1:-1, 2:] + x[:, :-2, 1:-1] + x[:, 2:, 1:-1] - 4 * x[:, 1:-1, 1:-1]


def _halved(x: np.ndarray) -> np.ndarray:
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def _spread(residual: np.ndarray) -> tuple[np.ndarray, ...]:
    size = np.abs(residual)
    mean, square = size.mean(axis=(1, 2)), (residual**2).mean(axis=(1, 2))
    return np.log1p(mean), np.log1p(residual.std(axis=(1, 2))), (size < 0.5).mean(axis=(1, 2)), square / (mean**2 + 1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = (x - x.mean(axis=(1, 2), keepdims=True) for x in (a, b))
    return (a * b).mean(axis=(1, 2)) / (a.std(axis=(1, 2)) * b.std(axis=(1, 2)) + 1)


def _block_edges(steps: np.ndarray) -> np.ndarray:
    """Return how much larger the (N, P - 1) mean steps are across the borders of JPEG's blocks than elsewhere."""
    at_edge = np.arange(steps.shape[1]) % JPEG_BLOCK == JPEG_BLOCK - 1
    if not at_edge.any():
        return np.zeros(len(steps), np.float32)
    return np.log1p(steps[:, at_edge].mean(axis=1)) - np.log1p(steps[:, ~at_edge].mean(axis=1))


def _signs(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    joint = 3 * np.sign(a) + np.sign(b)
    return [(joint == value).mean(axis=(1, 2)) for value in range(-4, 5)]
