"""ShanghaiTech part A or B: ``<split>_data/images`` and ``ground_truth`` or ``ground-truth``, at any depth.

Points are 1-based in the .mat files and become 0-based here, once: origin at the centre of the top-left pixel.
"""

import functools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from throng.errors import ThrongError
from throng.sources.headers import Header
from throng.sources.known import scenes
from throng.sources.listing import File, Read
from throng.sources.matlab import read_variable
from throng.sources.samples import UNKNOWN_SPLIT, Labels, Sample, into_frame, repeated

Part = Literal["A", "B"]
OFFICIAL_IMAGES = {("A", "train"): 300, ("A", "test"): 182, ("B", "train"): 400, ("B", "test"): 316}
OFFICIAL_HEADS = {("B", "train"): 49_151, ("B", "test"): 39_121}  # counted in the published files
OFFICIAL_HEADS_A = 241_677  # train and test of part A together, as published
MATLAB_ORIGIN = 1.0
_BAD_LOCATION = "bad annotation: location must be N x 2 finite numbers, x and y"
_TRUTH_FOLDER = re.compile(r"ground[ _-]?truth", re.IGNORECASE)
_PART = re.compile(r"part[ _-]?([ab])(?:[ _-]?final)?", re.IGNORECASE)
_SPLIT = re.compile(r"(train|val|test)(?:[ _-]?data)?", re.IGNORECASE)


def samples(files: Sequence[File], read: Read, part: Part) -> list[Sample]:
    """Return one sample per image of the part, and one rejected sample per .mat file without an image.

    Raises ThrongError when no folder ``images`` has a ground-truth folder beside it, or only the other part is there.
    """
    mine, parts = _of_part(files, part)
    images = [file for file in mine if file.is_image and "images" in _folder(file)]
    truths = [file for file in mine if file.suffix == ".mat" and _TRUTH_FOLDER.fullmatch(_folder(file))]
    if not images or not truths:
        others = f"; found {' and '.join(sorted(parts))}, set the source's part" if parts - {f"part {part}"} else ""
        raise ThrongError(
            f"no images of part {part} with .mat files were found; expected .../train_data/images/IMG_1.jpg and "
            f".../train_data/ground_truth/GT_IMG_1.mat (or ground-truth){others}"
        )
    by_image = {(_home(file), file.stem.removeprefix("GT_")): file for file in truths}
    places = scenes("shanghaitech", part)
    found = [Sample(file.path, file.path, UNKNOWN_SPLIT, "", file.size, file.problem) for file in mine if _broken(file)]
    for image in images:
        truth = by_image.pop((_home(image), image.stem), None)
        found.append(_sample(image, truth, places.get((image.stem, image.size)), read))
    for truth in by_image.values():
        split, key = _split(truth), f"{_split(truth)}/{truth.stem}"
        found.append(Sample(truth.path, key, split, "", truth.size, "no image: the annotation's image is missing"))
    return found


def missing(found: Sequence[Sample], part: Part) -> Iterator[str]:
    """Yield one sentence per official split whose number of images differs, naming what is missing (IMG_1 to IMG_n)."""
    for (name, split), expected in OFFICIAL_IMAGES.items():
        here = {sample.key.rpartition("/")[2] for sample in found if sample.split == split and sample.labels}
        if name != part or len(here) == expected:
            continue
        absent = [number for number in range(1, expected + 1) if f"IMG_{number}" not in here]
        listed = ", ".join(f"IMG_{number}" for number in absent[:12]) + (", ..." if len(absent) > 12 else "")
        lacking = f"; missing {len(absent)}: {listed}" if absent else ""
        yield f"part {part} {split} has {len(here)} annotated images, the published set has {expected}{lacking}"


def heads_differ(heads: dict[str, int], part: Part) -> Iterator[str]:
    """Yield one sentence per total of heads (by split) that differs from the published set's."""
    expected = {split: count for (name, split), count in OFFICIAL_HEADS.items() if name == part}
    if part == "A":
        expected, heads = {"train and test": OFFICIAL_HEADS_A}, {"train and test": sum(heads.values())}
    for split, count in expected.items():
        if heads.get(split, 0) != count:
            yield f"part {part} {split} has {heads.get(split, 0)} heads, the published set has {count}"


def _of_part(files: Sequence[File], part: Part) -> tuple[list[File], set[str]]:
    """Return the files of a part (those that say no part among them) and the parts that are named."""
    named = [(file, _named_part(file)) for file in files]
    return [file for file, name in named if name in (part, None)], {f"part {name}" for _, name in named if name}


def _named_part(file: File) -> str | None:
    for name in reversed(file.parts[:-1]):
        if match := _PART.fullmatch(name.removesuffix(".zip")):
            return match[1].upper()
    return None


def _folder(file: File) -> str:
    return file.parts[-2].lower() if len(file.parts) > 1 else ""


def _home(file: File) -> tuple[str, ...]:
    return file.parts[:-2]


def _split(file: File) -> str:
    for name in reversed(file.parts[:-2]):
        if match := _SPLIT.fullmatch(name):
            return match[1].lower()
    return "train"


def _broken(file: File) -> bool:
    return bool(file.problem) and not file.is_image and file.suffix != ".mat"


def _sample(image: File, truth: File | None, place: str | None, read: Read) -> Sample:
    split = _split(image)
    key = f"{split}/{image.stem}"
    problem = image.problem
    if not problem and truth is None:
        problem = f"no annotation: no GT_{image.stem}.mat in the ground-truth folder beside images"
    elif not problem and truth is not None:
        problem = truth.problem
    labels = functools.partial(_labels, read, truth.path) if truth is not None else None
    return Sample(image.path, key, split, place or key, image.size, problem, labels)


def _labels(read: Read, path: str, header: Header) -> Labels:
    location, number = read_mat(read(path))
    points = shown(location - MATLAB_ORIGIN, header)
    notes = repeated(points)
    if number is not None and number != len(points):
        notes += (f"number says {number}, {len(points)} points are given: points used",)
    points, moved = into_frame(points, header.width, header.height)
    return Labels(points, None, moved + notes)


def read_mat(data: bytes) -> tuple[np.ndarray, int | None]:
    """Return (N, 2) float64 points, 1-based as stored, and the ``number`` of a ground-truth file, None when absent.

    Takes ``image_info{1,1}`` as a struct, and the variety without the cell around it. Raises ThrongError otherwise.
    """
    try:
        info = read_variable(data, "image_info")
    except ThrongError as error:
        raise ThrongError(f"bad annotation: {error}") from error
    while isinstance(info, np.ndarray) and info.dtype == object and info.size == 1:
        info = info.item()
    if not isinstance(info, np.ndarray) or not info.dtype.names or "location" not in info.dtype.names or info.size != 1:
        raise ThrongError("bad annotation: the .mat file has no image_info with one location")
    fields = info.reshape(-1)[0]
    return _points(fields["location"]), _number(fields["number"] if "number" in info.dtype.names else None)


def _points(location: object) -> np.ndarray:
    while isinstance(location, np.ndarray) and location.dtype == object and location.size == 1:
        location = location.item()
    try:
        points = np.asarray(location, np.float64)
    except (TypeError, ValueError) as error:
        raise ThrongError(_BAD_LOCATION) from error
    if points.size == 0:  # MATLAB stores an empty array as 0 x 0
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[-1] != 2 or not np.isfinite(points).all():
        raise ThrongError(_BAD_LOCATION)
    return points


def _number(value: object) -> int | None:
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def shown(points: np.ndarray, header: Header) -> np.ndarray:
    """Turn (N, 2) points from the stored to the shown orientation: MATLAB, with which they were set, ignores EXIF."""
    if header.orientation == 1:
        return points
    x, y = points.T
    right, bottom = header.width - 1, header.height - 1
    turned = {
        2: (right - x, y),
        3: (right - x, bottom - y),
        4: (x, bottom - y),
        5: (y, x),
        6: (right - y, x),
        7: (right - y, bottom - x),
        8: (y, bottom - x),
    }[header.orientation]
    return np.stack(turned, axis=1)
