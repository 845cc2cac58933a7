"""Pictures that look like nothing but themselves, and what people do to pictures."""

from collections.abc import Callable

import cv2
import numpy as np

from throng.images import decode, encode_jpeg


def picture(seed: int, height: int = 240, width: int = 320) -> np.ndarray:
    """Return (H, W, 3) uint8: coloured clouds, and before them boards of every size, the small ones in front."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.uniform(0, 255, (6, 8, 3)), (width, height), interpolation=cv2.INTER_LINEAR)
    made = np.rint(clouds).astype(np.uint8)
    for size in np.geomspace(0.5, 0.03, 120):
        tall, wide = np.ceil(size * np.array([height, width]) * rng.uniform(0.4, 1, 2)).astype(int)
        top, left = rng.integers(0, [height - tall + 1, width - wide + 1])
        made[top : top + tall, left : left + wide] = rng.integers(0, 256, 3)
    return made


def cropped(image: np.ndarray, share: float, left: float, top: float) -> np.ndarray:
    """Return what keeps a share of width and height, the rest cut off at the given shares of it."""
    height, width = image.shape[:2]
    y, x = round(top * (1 - share) * height), round(left * (1 - share) * width)
    return np.ascontiguousarray(image[y : y + round(share * height), x : x + round(share * width)])


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "compressed": lambda image: decode(encode_jpeg(image, 50)),
    "halved": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "grey": lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "darker": lambda image: np.rint(image * 0.7).astype(np.uint8),
    "cropped": lambda image: cropped(image, 0.9, 0.3, 0.8),
    "cropped and mirrored": lambda image: np.ascontiguousarray(cropped(image, 0.9, 0.9, 0.1)[:, ::-1]),
    "squeezed": lambda image: cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA),
}
