"""What can be counted: image files, folders of them, and frames of videos, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from throng.errors import ThrongError
from throng.images import SUFFIXES

VIDEOS = frozenset({".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm"})


@dataclass(frozen=True)
class Picture:
    """An image by its name: the bytes of a file, the RGB pixels of a frame, or why there is neither."""

    name: str
    data: bytes | None = None
    frame: np.ndarray | None = None
    problem: str = ""


def find(paths: Sequence[Path]) -> list[Path]:
    """Return the files named and the images below the folders named, each folder's sorted, each file once.

    Raises ThrongError for a folder without images; a path that does not exist is kept, to be reported as unreadable.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        below = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not below:
            raise ThrongError(
                f"{path}: no images in this folder or below; expected names in {', '.join(sorted(SUFFIXES))}"
            )
        found.update(dict.fromkeys(below))
    return list(found)


def number_of_pictures(path: Path, every: int) -> int:
    """Return how many pictures :func:`pictures` will make of a file; of a video, what its header says."""
    if path.suffix.lower() not in VIDEOS:
        return 1
    import cv2

    video = cv2.VideoCapture(str(path))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 1
    video.release()
    return max(1, -(-frames // every))


def pictures(path: Path, every: int) -> Iterator[Picture]:
    """Yield the picture of an image file, or every ``every``-th frame of a video from the first, named file#number."""
    if path.suffix.lower() in VIDEOS:
        yield from _frames(path, every)
        return
    try:
        yield Picture(str(path), data=path.read_bytes())
    except OSError as error:
        yield Picture(str(path), problem=f"cannot be read: {error.strerror}")


def _frames(path: Path, every: int) -> Iterator[Picture]:
    import cv2

    video = cv2.VideoCapture(str(path)) if path.is_file() else None
    number = 0
    try:
        while video is not None and video.grab():
            if number % every == 0:
                decoded, frame = video.retrieve()
                name = f"{path}#{number:06d}"
                if decoded and frame is not None:
                    yield Picture(name, frame=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
                else:
                    yield Picture(name, problem="the frame cannot be decoded")
            number += 1
    finally:
        if video is not None:
            video.release()
    if number == 0:
        yield Picture(
            str(path), problem="is no video that can be decoded" if path.is_file() else "cannot be read: no such file"
        )
