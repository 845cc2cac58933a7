"""The bytes of every released image, checked once against the hash that its table promised."""

import hashlib
from functools import lru_cache

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.release.products import Picture, Sample


class Pixels:
    """Reads pictures from where the workflow keeps them; the last few stay in memory, as chains share them."""

    def __init__(self, store: ImageStore) -> None:
        self._sizes: dict[str, int] = {}
        self._read = lru_cache(maxsize=16)(lambda picture: store.read_bytes(picture.source, picture.path))

    def read(self, picture: Picture) -> bytes:
        """Return a picture's bytes; raises ThrongError when they are not the ones its table was written for."""
        data = self._read(picture)
        if picture.sha256 not in self._sizes:
            found = hashlib.sha256(data).hexdigest()
            if found != picture.sha256:
                raise ThrongError(
                    f"{picture.path} of source {picture.source!r} has sha256 {found[:16]}..., its table says "
                    f"{picture.sha256[:16]}...; the file changed after it was read: restore it or rerun its stage"
                )
            self._sizes[picture.sha256] = len(data)
        return data

    def size(self, sample: Sample) -> int:
        """Return the bytes of all pictures of a sample."""
        return sum(self.size_of(picture) for picture in sample.pictures.values())

    def size_of(self, picture: Picture) -> int:
        """Return the bytes of one picture."""
        if picture.sha256 not in self._sizes:
            self.read(picture)
        return self._sizes[picture.sha256]
