"""What every remover offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """One edit to make.

    ``image`` is (H, W, 3) uint8 RGB; ``mask`` (H, W) bool is what to fill, never the whole image, or None for the
    recipes ``reduce`` and ``enlarge``, which render all of it again; ``seed`` is a uint64.
    """

    recipe: str
    image: np.ndarray
    mask: np.ndarray | None
    seed: int


class Remover(Protocol):
    """Edits images, by filling masks (recipes ``chain`` and ``sham``) or by rendering them again."""

    recipes: tuple[str, ...]
    batch: int
    model: Mapping[str, str] | None
    options: Mapping[str, Any]

    def edit(self, requests: Sequence[Request]) -> Sequence[np.ndarray | str]:
        """Return one image of its request's size, (H, W, 3) uint8 RGB, for each request, in their order.

        A string in place of an image says why there is none ("flagged: ...", a model's own refusal). Pixels outside a mask are bit-identical to the request's image. The result for a request never depends on the
        others; ``batch`` says how many photographs' requests are worth giving at once.
        """
        ...
