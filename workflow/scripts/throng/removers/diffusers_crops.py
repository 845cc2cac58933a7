"""Where an inpainting model looks: people near each other in one square crop, at the resolution it was trained at."""

import dataclasses
import math

import cv2
import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """A square of ``side`` pixels at (top, left) of an image, which it may overhang, and what of the mask it fills.

    ``area`` is (h, w) bool at (y, x) of the image: the tight box around the pixels that this crop is to give.
    """

    top: int
    left: int
    side: int
    y: int
    x: int
    area: np.ndarray


def crops(mask: np.ndarray, size: int, context: float, upscale: float) -> list[Crop]:
    """Return crops that together fill an (H, W) bool mask, each of its pixels by one crop, from top to bottom.

    A crop shows ``context`` times the longer side of what it fills on each side of it, but never less than
    ``size / upscale`` pixels in all. Areas whose surroundings touch share a crop as long as that needs no more than
    ``size`` pixels: a larger one would be rendered below its own resolution.
    """
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = sorted(
        (_Box(y, x, y + h, x + w, (label,)) for label, (x, y, w, h, _) in enumerate(boxes.tolist()) if label)
    )
    groups: list[_Box] = []
    for area in areas:
        for index, group in enumerate(groups):
            joint = group.joined(area)
            if joint.needs(context) <= size and group.near(area, context):
                groups[index] = joint
                break
        else:
            groups.append(area)
    return [_crop(group, labels, size, context, upscale) for group in groups]


def cut(image: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """Return the crop of an (H, W, 3) uint8 image or (H, W) bool mask at (size, size); overhang repeats the border.

    A mask comes out uint8, 255 where any of the pixels behind is masked.
    """
    height, width = image.shape[:2]
    margins = (
        max(-crop.top, 0),
        max(crop.top + crop.side - height, 0),
        max(-crop.left, 0),
        max(crop.left + crop.side - width, 0),
    )
    inside = image[
        max(crop.top, 0) : min(crop.top + crop.side, height), max(crop.left, 0) : min(crop.left + crop.side, width)
    ]
    if image.dtype == bool:
        grey = cv2.copyMakeBorder(inside.astype(np.float32), *margins, cv2.BORDER_REPLICATE)
        return np.where(resized(grey, size, size) > 0, np.uint8(255), np.uint8(0))
    return resized(cv2.copyMakeBorder(inside, *margins, cv2.BORDER_REPLICATE), size, size)


def paste(image: np.ndarray, crop: Crop, rendered: np.ndarray) -> None:
    """Write a crop's (size, size, 3) uint8 rendering into the image, where the crop's own area is and nowhere else."""
    back = resized(rendered, crop.side, crop.side)
    rows, columns = crop.area.shape
    target = image[crop.y : crop.y + rows, crop.x : crop.x + columns]
    top, left = crop.y - crop.top, crop.x - crop.left
    target[crop.area] = back[top : top + rows, left : left + columns][crop.area]


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the image at another size: averaged when it shrinks, cubic (a mask's float linear) when it grows."""
    if image.shape[:2] == (height, width):
        return image
    if height * width < image.shape[0] * image.shape[1]:
        interpolation = cv2.INTER_AREA
    else:
        interpolation = cv2.INTER_LINEAR if image.ndim == 2 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=interpolation)


@dataclasses.dataclass(frozen=True, order=True)
class _Box:
    """The bounding box of some connected areas of a mask, ends exclusive."""

    top: int
    left: int
    bottom: int
    right: int
    labels: tuple[int, ...]

    def joined(self, other: "_Box") -> "_Box":
        return _Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
            self.labels + other.labels,
        )

    def needs(self, context: float) -> int:
        """Return the side of a square that shows the box and its surroundings."""
        longer = max(self.bottom - self.top, self.right - self.left)
        return longer + 2 * math.ceil(context * longer)

    def near(self, other: "_Box", context: float) -> bool:
        """Whether the surroundings of the two touch."""
        reach = sum(
            (box.needs(context) - max(box.bottom - box.top, box.right - box.left)) // 2 for box in (self, other)
        )
        apart = (
            max(self.top, other.top) - min(self.bottom, other.bottom),
            max(self.left, other.left) - min(self.right, other.right),
        )
        return max(apart) <= reach


def _crop(group: _Box, labels: np.ndarray, size: int, context: float, upscale: float) -> Crop:
    side = max(group.needs(context), math.ceil(size / upscale))
    height, width = labels.shape
    window = labels[group.top : group.bottom, group.left : group.right]
    return Crop(
        top=_start(group.top, group.bottom, side, height),
        left=_start(group.left, group.right, side, width),
        side=side,
        y=group.top,
        x=group.left,
        area=np.isin(window, group.labels),
    )


def _start(begin: int, end: int, side: int, length: int) -> int:
    """Return where a square of ``side`` begins that has an interval in its middle, moved inside the image.

    Where it does not fit it overhangs on both ends.
    """
    if side >= length:
        return (length - side) // 2
    return min(max((begin + end - side) // 2, 0), length - side)
