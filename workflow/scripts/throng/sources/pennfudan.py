"""Penn-Fudan pedestrians: ``PNGImages`` and ``PedMasks``, in which a pixel's value is the number of its person.

Wang, Shi, Song and Shen, "Object Detection Combining Recognition and Segmentation", ACCV 2007. The boxes are those of
the masks, so the ``Annotation`` folder is not needed. There are no head points: each is estimated from the mask.
"""

import functools
import io
from collections.abc import Sequence

import numpy as np

from throng.errors import ThrongError
from throng.sources.headers import Header
from throng.sources.listing import File, Read
from throng.sources.samples import Labels, Sample
from throng.tables.images import Box, Person

IMAGES, MASKS = "pngimages", "pedmasks"
MASK_SUFFIX = "_mask"
HEAD_SHARE = 1 / 8  # an adult is seven to eight heads tall
ESTIMATED = "head points estimated from the masks"


def samples(files: Sequence[File], read: Read, split: str) -> list[Sample]:
    """Return one sample per image, its scene the file, and one rejected sample per mask without an image.

    Raises ThrongError when no image lies in a folder PNGImages with a folder PedMasks beside it.
    """
    images = [file for file in files if file.is_image and _folder(file) == IMAGES]
    masks = {(_home(file), file.stem): file for file in files if file.is_image and _folder(file) == MASKS}
    if not images or not masks:
        raise ThrongError(
            "no images with masks were found; expected .../PNGImages/FudanPed00001.png and "
            ".../PedMasks/FudanPed00001_mask.png"
        )
    broken = [file for file in files if file.problem and not file.is_image]
    found = [Sample(file.path, file.path, split, file.path, file.size, file.problem) for file in broken]
    for image in images:
        mask = masks.pop((_home(image), image.stem + MASK_SUFFIX), None)
        found.append(_sample(image, mask, read, split))
    for mask in masks.values():
        problem = mask.problem or "no image: the mask's image is missing"
        found.append(Sample(mask.path, mask.path, split, mask.path, mask.size, problem))
    return found


def _folder(file: File) -> str:
    return file.parts[-2].lower() if len(file.parts) > 1 else ""


def _home(file: File) -> tuple[str, ...]:
    return file.parts[:-2]


def _sample(image: File, mask: File | None, read: Read, split: str) -> Sample:
    if mask is None:
        problem = image.problem or f"no annotation: no {image.stem}{MASK_SUFFIX}.png in the folder PedMasks"
        return Sample(image.path, image.path, split, image.stem, image.size, problem)
    labels = functools.partial(_labels, read, mask.path)
    return Sample(image.path, image.path, split, image.stem, image.size, image.problem or mask.problem, labels)


def _labels(read: Read, path: str, header: Header) -> Labels:
    numbers = read_mask(read(path), header.width, header.height)
    masks = [numbers == number for number in np.unique(numbers) if number]
    points = np.array([head_point(mask) for mask in masks]).reshape(-1, 2)
    return Labels(points, [_person(mask) for mask in masks], (ESTIMATED,))


def read_mask(data: bytes, width: int, height: int) -> np.ndarray:
    """Return the (height, width) uint8 numbers of the people, 0 for none; raises ThrongError when it is no such mask.

    A palette's colours mean nothing: its indices are the numbers.
    """
    from PIL.PngImagePlugin import PngImageFile

    try:
        with PngImageFile(io.BytesIO(data)) as mask:
            if mask.size != (width, height):
                raise ThrongError(
                    f"bad annotation: the mask is {mask.width} x {mask.height}, the image {width} x {height}"
                )
            if mask.mode not in ("L", "P"):
                raise ThrongError(f"bad annotation: the mask has mode {mask.mode}, expected 8-bit person numbers")
            return np.asarray(mask)
    except (OSError, ValueError, SyntaxError) as error:
        raise ThrongError("bad annotation: the mask is no PNG that can be decoded") from error


def head_point(mask: np.ndarray) -> tuple[float, float]:
    """Estimate the head point x, y in 0-based pixels of a person's (H, W) bool mask: the centroid of its top eighth."""
    rows = np.flatnonzero(mask.any(axis=1))
    last = rows[0] + max(1, round((rows[-1] + 1 - rows[0]) * HEAD_SHARE))
    y, x = np.nonzero(mask[rows[0] : last])
    return float(x.mean()), float(rows[0] + y.mean())


def _person(mask: np.ndarray) -> Person:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(
        x=float(columns[0]),
        y=float(rows[0]),
        w=float(columns[-1] + 1 - columns[0]),
        h=float(rows[-1] + 1 - rows[0]),
    )
    return Person(
        tag="person",
        box_id=None,
        head=None,
        visible=box,
        full=box,
        ignore=False,
        head_ignore=False,
        occluded=None,
        unsure=None,
        head_occluded=None,
        head_unsure=None,
    )
