"""Changes that hide what an editor leaves behind: drawn once for a list of pictures, then done to each alike.

A picture from a camera and its edit differ in noise, sharpness and compression, not in people alone. Equal changes to
both leave the order as it is, and equal pictures equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from throng.images import decode
from throng.sections.pretrain_rank import Appearance


@dataclass(frozen=True)
class Look:
    """One draw of all changes, for pictures (h, w, 3) uint8 of one size.

    The picture is shrunk to the share ``zoom`` and put at ``where``, shares of the room that is left, on ``ground``;
    ``colour`` (3, 4) maps RGB and 1 to RGB, levels 0..255. Sigmas are in pixels and levels; ``jpeg`` 0 is none.
    """

    ground: tuple[float, float, float]
    mirror: bool
    zoom: float
    where: tuple[float, float]
    resize: float
    colour: np.ndarray
    blur: float
    noise: float
    noise_seed: int
    jpeg: int

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Return the changed picture, of the same shape, uint8."""
        seen = self._zoomed(picture[:, ::-1] if self.mirror else picture)
        if self.resize < 1:
            seen = _coarsened(seen, self.resize)
        levels = cv2.transform(seen.astype(np.float32), self.colour)
        if self.blur > 0:
            levels = cv2.GaussianBlur(levels, (0, 0), self.blur)
        if self.noise > 0:
            rng = np.random.default_rng(self.noise_seed)
            levels += self.noise * rng.standard_normal(levels.shape, np.float32)
        seen = np.rint(levels).clip(0, 255).astype(np.uint8)
        return _compressed(seen, self.jpeg) if self.jpeg else seen

    def moved(self, boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return boxes (N, 4) left, top, right, bottom in pixels of a picture of ``shape`` (h, w), once changed."""
        left, top, right, bottom = boxes.T
        if self.mirror:
            left, right = shape[1] - right, shape[1] - left
        height, width, above, beside = self._frame(shape)
        across, down = width / shape[1], height / shape[0]
        return np.column_stack(
            [left * across + beside, top * down + above, right * across + beside, bottom * down + above]
        )

    def _frame(self, shape: tuple[int, int]) -> tuple[int, int, int, int]:
        height, width = (max(1, round(side * self.zoom)) for side in shape)
        down, across = self.where
        return height, width, round(down * (shape[0] - height)), round(across * (shape[1] - width))

    def _zoomed(self, picture: np.ndarray) -> np.ndarray:
        shape = picture.shape[0], picture.shape[1]
        height, width, above, beside = self._frame(shape)
        if (height, width) == shape:
            return np.ascontiguousarray(picture)
        canvas = np.empty_like(picture)
        canvas[:] = np.rint(self.ground)
        small = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
        canvas[above : above + height, beside : beside + width] = small
        return canvas


def random_look(options: Appearance, picture: np.ndarray, rng: np.random.Generator) -> Look:
    """Draw a look for a list of pictures, of which ``picture`` gives the colour around those that are shrunk."""
    matrix = np.eye(3) + rng.uniform(-1, 1, (3, 3)) * options.colour
    contrast = 1 + rng.uniform(-1, 1) * options.contrast
    brightness = 255 * rng.uniform(-1, 1) * options.brightness
    # about the middle of the scale, so that contrast alone leaves a grey picture grey
    offset = 127.5 * (1 - contrast) + brightness
    red, green, blue = picture.mean((0, 1)).tolist()
    return Look(
        ground=(red, green, blue),
        mirror=options.mirror and rng.random() < 0.5,
        zoom=1 - rng.random() * options.zoom_out,
        where=(rng.random(), rng.random()),
        resize=rng.uniform(options.resize, 1) if rng.random() < 0.5 else 1.0,
        colour=np.column_stack([contrast * matrix, np.full(3, offset)]).astype(np.float32),
        blur=rng.random() * options.blur if rng.random() < 0.5 else 0.0,
        noise=rng.random() * options.noise,
        noise_seed=int(rng.integers(2**63)),
        jpeg=int(rng.integers(options.jpeg, 101)) if options.jpeg < 100 and rng.random() < 0.5 else 0,
    )


def _coarsened(picture: np.ndarray, share: float) -> np.ndarray:
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return decode(data.tobytes())
