"""The bytes of every released image: checked against the hash that its table promised, then finished."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.release.products import Picture, Sample

# pictures that are kept, as the pairs of one photograph share them
KEPT = 16


class Finisher(Protocol):
    """What happens to an image before it leaves: metadata out, marks in, faces blurred."""

    def finish(self, data: bytes, picture: Picture) -> bytes:
        """Return the file as it is released, the same for the same file."""
        ...

    def card(self) -> Mapping[str, Any]:
        """Return what the card says of it."""
        ...


class AsTheyAre:
    """Finishes nothing: images leave as they came."""

    def finish(self, data: bytes, picture: Picture) -> bytes:
        """Return the file unchanged."""
        del picture
        return data

    def card(self) -> Mapping[str, Any]:
        """Return nothing: there is nothing to say."""
        return {}


class Pixels:
    """Reads pictures from where the workflow keeps them and finishes them; the last few stay in memory."""

    def __init__(self, store: ImageStore, finisher: Finisher) -> None:
        self._store, self._finisher = store, finisher
        self._hashes: dict[Picture, tuple[str, int]] = {}
        self._kept: OrderedDict[Picture, bytes] = OrderedDict()

    def read(self, picture: Picture) -> bytes:
        """Return a picture's file as it is released; raises ThrongError when its source is not what its table says."""
        if picture in self._kept:
            self._kept.move_to_end(picture)
            return self._kept[picture]
        data = self._store.read_bytes(picture.source, picture.path)
        found = hashlib.sha256(data).hexdigest()
        if found != picture.sha256:
            raise ThrongError(
                f"{picture.path} of source {picture.source!r} has sha256 {found[:16]}..., its table says "
                f"{picture.sha256[:16]}...; the file changed after it was read: restore it or rerun its stage"
            )
        finished = self._finisher.finish(data, picture)
        if picture not in self._hashes:
            self._hashes[picture] = hashlib.sha256(finished).hexdigest(), len(finished)
        self._kept[picture] = finished
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return finished

    def sha256(self, picture: Picture) -> str:
        """Return the hex sha256 of a picture's file as it is released."""
        return self._known(picture)[0]

    def name(self, picture: Picture) -> str:
        """Return the file name that the image has in a release: by content, so that no two differ under one name."""
        return f"{self.sha256(picture)[:16]}.{picture.extension}"

    def size(self, sample: Sample) -> int:
        """Return the bytes of all pictures of a sample."""
        return sum(self.size_of(picture) for picture in sample.pictures.values())

    def size_of(self, picture: Picture) -> int:
        """Return the bytes of one picture."""
        return self._known(picture)[1]

    def _known(self, picture: Picture) -> tuple[str, int]:
        if picture not in self._hashes:
            self.read(picture)
        return self._hashes[picture]
