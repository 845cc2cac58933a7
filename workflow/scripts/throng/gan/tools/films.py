"""Films: MP4 or AVI by OpenCV, GIF by Pillow, or a folder of PNG frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from throng.errors import ThrongError
from throng.files import write_bytes
from throng.gan.tools.record import Record, png, write_beside

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
GIF_HUNDREDTHS = 2  # browsers slow down anything faster


def check_film(path: Path) -> None:
    """Raise ThrongError unless a film can be written to the path."""
    if path.suffix and path.suffix.lower() not in (*CODECS, ".gif"):
        raise ThrongError(f"{path}: a film is written as .mp4, .avi or .gif, or as PNGs into a folder; name one")


def write_film(path: Path, frames: Iterable[np.ndarray], fps: float, record: Record) -> int:
    """Write (H, W, 3) uint8 RGB frames and, beside the film, its record; return how many there were.

    A path without a suffix becomes a folder of PNG frames. Raises ThrongError when the film cannot be written.
    """
    check_film(path)
    suffix = path.suffix.lower()
    counted = _Counted(frames)
    if not suffix:
        for frame in counted:
            write_bytes(path / f"{counted.number - 1:06d}.png", png(frame, record | {"frame": counted.number - 1}))
    elif suffix == ".gif":
        _write_gif(path, counted, fps)
    else:
        _write_video(path, counted, fps, CODECS[suffix])
    write_beside(path, record | {"frames": counted.number, "fps": fps})
    return counted.number


class _Counted:
    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        self._frames, self.number = frames, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self._frames:
            self.number += 1
            yield frame


def _write_video(path: Path, frames: Iterable[np.ndarray], fps: float, codec: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished{path.suffix}")
    writer: cv2.VideoWriter | None = None
    try:
        for frame in frames:
            if writer is None:
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*codec), fps, size)
                if not writer.isOpened():
                    raise ThrongError(f"{path}: OpenCV cannot write {codec} here; name a .gif or a folder instead")
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        if writer is not None:
            writer.release()
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_gif(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    from io import BytesIO

    pictures = [Image.fromarray(frame).quantize(128) for frame in frames]
    duration = 10 * max(GIF_HUNDREDTHS, round(100 / fps))
    buffer = BytesIO()
    with closing(pictures[0]) as first:
        first.save(buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    write_bytes(path, buffer.getvalue())
