"""Pixels: read from folders and zips, decode, encode, hash, and keep one chunk's images in one stored zip."""

import hashlib
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np

from throng.archives import Archive
from throng.errors import ThrongError
from throng.files import DISK_FAILED, atomic_path
from throng.operations.counted import JOB

# of files that can be decoded
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff"})
ZIP = ".zip/"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def image_id(data: bytes) -> str:
    """Return the id of an image: the first 16 hex digits of the sha256 of its file bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def check_unchanged(data: bytes, sha256: str) -> None:
    """Raise ThrongError unless an image's file bytes are those that ingestion saw, by their sha256."""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ThrongError("the file is not the one that ingestion saw: restore it, or run ingest again")


def split_container(path: str) -> tuple[str, str | None]:
    """Split ``a/b.zip/c/d.jpg`` into the container ``a/b.zip`` and its member ``c/d.jpg`` (None outside a zip)."""
    end = path.lower().find(ZIP)
    container, member = path[: end + len(ZIP) - 1], path[end + len(ZIP) :]
    return (container, member) if end >= 0 and member else (path, None)


class ImageStore:
    """Reads file bytes by (source, path), where a path may run through a zip archive or the root be one.

    Zips stay open per thread, so many threads may read at once; pickling drops the open ones.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = dict(roots)
        self._local = threading.local()

    def __getstate__(self) -> dict[str, Path]:
        return self._roots

    def __setstate__(self, state: dict[str, Path]) -> None:
        self._roots = state
        self._local = threading.local()

    def read_bytes(self, source: str, path: str) -> bytes:
        """Return the bytes of ``path`` in ``source``.

        Raises ThrongError when either is missing or damaged, OSError when a disk or a server failed, which says nothing
        of the image and must not reject it.
        """
        if source not in self._roots:
            raise ThrongError(
                f"source {source!r} has no folder: add it to ingest.sources (known: {sorted(self._roots)})"
            )
        root = self._roots[source]
        if Path(path).suffix.lower() in SUFFIXES:
            JOB.read_image()
        try:
            if root.suffix.lower() == ".zip":
                return self._archive(source, "").read(path)
            container, member = split_container(path)
            return (root / path).read_bytes() if member is None else self._archive(source, container).read(member)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            if isinstance(error, OSError) and error.errno in DISK_FAILED:
                raise OSError(error.errno, error.strerror, str(root / path)) from error
            raise ThrongError(
                f"cannot read {path!r} of source {source!r} under {self._roots[source]}: {error}; "
                f"restore the file, or run the stage that made it again"
            ) from error

    def _archive(self, source: str, container: str) -> Archive:
        archives: dict[tuple[str, str], Archive] | None = getattr(self._local, "archives", None)
        if archives is None:
            archives = self._local.archives = {}
        if (source, container) not in archives:
            archives[source, container] = Archive(self._roots[source] / container)
        return archives[source, container]

    def close(self) -> None:
        """Close this thread's open archives."""
        for archive in getattr(self._local, "archives", {}).values():
            archive.close()
        self._local = threading.local()


def decode(data: bytes) -> np.ndarray:
    """Decode image bytes to (H, W, 3) uint8 RGB, EXIF orientation applied, grey and 16-bit converted.

    Raises ThrongError when the bytes are no image that OpenCV reads whole.
    """
    return _decode(data, cv2.IMREAD_COLOR_RGB)


def decode_grey(data: bytes) -> np.ndarray:
    """Decode image bytes to (H, W) uint8 grey, a JPEG's luma as stored; raises as :func:`decode` does."""
    return _decode(data, cv2.IMREAD_GRAYSCALE)


def _decode(data: bytes, flags: int) -> np.ndarray:
    # an end marker in the first half may be a thumbnail's; cameras append films behind the picture's own
    if data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9") < len(data) // 2:
        raise ThrongError("the JPEG is truncated: its end marker is missing")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise ThrongError("the bytes are no image that can be decoded")
    return image


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """Encode an (H, W, 3) uint8 RGB image as baseline JPEG."""
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(image: np.ndarray) -> bytes:
    """Encode an (H, W, 3) uint8 RGB or (H, W) grey image as PNG."""
    return _encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def _encode(extension: str, image: np.ndarray, options: list[int]) -> bytes:
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    ok, data = cv2.imencode(extension, pixels, options)
    if not ok:
        raise ThrongError(f"an image of shape {image.shape} and type {image.dtype} cannot be written as {extension}")
    return data.tobytes()


def pack_zip(path: Path, members: Mapping[str, bytes | Path | Callable[[], bytes]]) -> None:
    """Write a stored zip atomically with sorted members and a fixed time, so equal content gives equal bytes.

    A member is its bytes, the file that holds them, or what returns them, called when its turn has come.
    """
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            content = members[name]
            info = zipfile.ZipInfo(name, ZIP_EPOCH)
            info.external_attr = 0o644 << 16
            data = content.read_bytes() if isinstance(content, Path) else content
            archive.writestr(info, data if isinstance(data, bytes) else data())
    JOB.images_written += len(members)


def thumbnail(image: np.ndarray, width: int) -> np.ndarray:
    """Return the image resized to ``width`` pixels by area averaging, aspect ratio kept."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
