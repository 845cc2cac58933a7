"""What every remover offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from throng.errors import ThrongError


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """One edit to make.

    ``image`` is (H, W, 3) uint8 RGB; ``mask`` (H, W) bool is what to fill, never the whole image, or None for the
    recipes ``reduce`` and ``enlarge``, which render all of it again; ``seed`` is a uint64. Raises ThrongError when
    the mask is not the image's.
    """

    recipe: str
    image: np.ndarray
    mask: np.ndarray | None
    seed: int

    def __post_init__(self) -> None:
        if self.mask is not None and (self.mask.shape != self.image.shape[:2] or self.mask.dtype != bool):
            raise ThrongError(
                f"an image of {self.image.shape[:2]} pixels (height, width) needs a bool mask of that size; "
                f"got {self.mask.dtype} {self.mask.shape}"
            )


class Remover(Protocol):
    """Edits images, by filling masks (recipes ``chain`` and ``sham``) or by rendering them again.

    ``batch`` says how many photographs' requests are worth giving at once; ``random``, whether another seed gives
    another edit, so that a failed one is worth a second try; ``parallel``, whether ``edit`` may be called from several
    threads at once.
    """

    recipes: tuple[str, ...]
    batch: int
    random: bool
    parallel: bool
    model: Mapping[str, str] | None
    options: Mapping[str, Any]

    def edit(self, requests: Sequence[Request]) -> Sequence[np.ndarray | str]:
        """Return one image of its request's size, (H, W, 3) uint8 RGB, for each request, in their order.

        A string in place of an image says why there is none ("flagged: ...", a model's own refusal). Pixels outside a
        mask are bit-identical to the request's image. The result for a request never depends on the
        others. An empty mask changes nothing.
        """
        ...
