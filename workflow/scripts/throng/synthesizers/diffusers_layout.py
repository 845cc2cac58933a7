"""A rendered crowd of exactly the people asked for, and the maps of it that ControlNets are trained to heed."""

from collections.abc import Callable

import cv2
import numpy as np

from throng.render.scene import Frame

Map = Callable[[Frame], np.ndarray]
EDGES = 100, 200  # thresholds of Canny's hysteresis, those of the published ControlNets' training
PERSON, ROAD, BUILDING = np.array([(150, 5, 61), (140, 140, 140), (180, 120, 120)], np.uint8)  # of ADE20K


def picture(frame: Frame) -> np.ndarray:
    """Return the rendered picture itself, (H, W, 3) uint8."""
    return frame.image


def canny(frame: Frame) -> np.ndarray:
    """Return white Canny edges on black, (H, W, 3) uint8, of the picture before sensor noise."""
    edges = cv2.Canny(cv2.cvtColor(frame.clean, cv2.COLOR_RGB2GRAY), *EDGES)
    return np.repeat(edges[..., None], 3, axis=2)


def segmentation(frame: Frame) -> np.ndarray:
    """Return people, ground and the rest as buildings in ADE20K's colours, (H, W, 3) uint8."""
    classes = np.where(frame.scene.is_ground[..., None], ROAD, BUILDING)
    classes[frame.instances > 0] = PERSON
    return classes


def depth(frame: Frame) -> np.ndarray:
    """Return inverse depth from the farthest, black, to the nearest, white, (H, W, 3) uint8.

    People are as far away as the ground under them; what is no ground is a street's side, or as far as the ground goes.
    """
    metres = _street(frame)
    seen = frame.instances > 0
    metres[seen] = frame.people.ground_m[frame.instances[seen] - 1, 1]
    near, far = 1 / metres.min(), 1 / max(metres.max(), metres.min() * 1.001)
    grey = np.rint(255 * (1 / metres - far) / (near - far)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _street(frame: Frame) -> np.ndarray:
    """Return the depth of the scene without people, (H, W) float64 metres."""
    camera, ground, is_ground = frame.camera, frame.scene.ground, frame.scene.is_ground
    rows, columns = np.indices(is_ground.shape, float)
    drop, aside = rows - camera.horizon_px, columns - camera.centre_px
    side = np.where(aside < 0, -ground.left_m, ground.right_m) * camera.focal_px / np.maximum(np.abs(aside), 1e-6)
    floor = camera.focal_px * camera.height_m / np.maximum(drop, 1e-6)
    return np.minimum(np.where(is_ground, floor, side), ground.far_m)


MAPS: dict[str, Map] = {"canny": canny, "depth": depth, "segmentation": segmentation, "picture": picture}
