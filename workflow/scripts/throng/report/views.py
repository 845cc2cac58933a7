"""Images small enough to live inside a page's data, and larger ones beside it."""

import hashlib
from concurrent.futures import Executor
from pathlib import Path
from threading import Barrier

import numpy as np

from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg, thumbnail
from throng.pages.pictures import data_uri
from throng.report.collection import Picture

QUALITY, VIEW_QUALITY = 75, 85


class Pictures:
    """Makes thumbnails as data URIs, and views as files of a folder; widths in pixels, never above the image's own."""

    def __init__(self, store: ImageStore, views: Path, *, thumbnail: int, view: int) -> None:
        self._store, self._views = store, views
        self._width, self._view_width = thumbnail, view

    def thumbnail(self, picture: Picture, *, with_view: bool) -> str:
        """Return a picture's thumbnail, and write its view where one is wanted.

        Raises ThrongError naming an image that does not decode.
        """
        image = self._read(picture)
        if with_view:
            large = encode_jpeg(_at_most(image, self._view_width), VIEW_QUALITY)
            (self._views / view_name(picture)).write_bytes(large)
        return data_uri("image/jpeg", encode_jpeg(_at_most(image, self._width), QUALITY))

    def _read(self, picture: Picture) -> np.ndarray:
        try:
            image = decode(self._store.read_bytes(picture.source, picture.path))
        except ThrongError as error:
            raise ThrongError(
                f"report: {picture.path!r} of source {picture.source!r} cannot be shown: {error}"
            ) from error
        if picture.window is None:
            return image
        x, y, w, h = picture.window
        return image[y : y + h, x : x + w]


def view_name(picture: Picture) -> str:
    """Return the file name of a picture's view: a hash of where it comes from, so that equal ones are one file."""
    said = "\n".join(map(str, (picture.source, picture.path, picture.window)))
    return f"{hashlib.sha256(said.encode()).hexdigest()[:16]}.jpg"


def close_everywhere(store: ImageStore, pool: Executor, threads: int) -> None:
    """Close the archives that each of a pool's threads has opened."""
    all_here = Barrier(threads)  # holds every thread until the last has come, so that none closes twice for another

    def close(_: int) -> None:
        all_here.wait()
        store.close()

    list(pool.map(close, range(threads)))


def _at_most(image: np.ndarray, width: int) -> np.ndarray:
    return thumbnail(image, min(width, image.shape[1]))
