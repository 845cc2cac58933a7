"""Images small enough to live inside a page."""

import base64
from functools import lru_cache

from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg, thumbnail

QUALITY = 80


class Thumbnails:
    """Makes data URIs of images, at most ``width`` pixels wide."""

    def __init__(self, store: ImageStore, width: int) -> None:
        self._store, self._width = store, width
        self.uri = lru_cache(maxsize=None)(self._uri)

    def _uri(self, source: str, path: str) -> str:
        """Return a JPEG thumbnail as a data URI; raises ThrongError naming an image that does not decode."""
        try:
            image = decode(self._store.read_bytes(source, path))
        except ThrongError as error:
            raise ThrongError(f"report: {path!r} of source {source!r} cannot be shown: {error}") from error
        small = thumbnail(image, min(self._width, image.shape[1]))
        return data_uri("image/jpeg", encode_jpeg(small, QUALITY))


def data_uri(kind: str, data: bytes) -> str:
    """Return bytes as a data URI of a MIME type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
