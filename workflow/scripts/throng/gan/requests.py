"""The labels that somebody asks a generator for: by name, by number, by score, or spread as they were in training.

That fakes carry labels spread as the training images' is the practice of Karras et al. (NeurIPS 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from throng.errors import ThrongError
from throng.gan.files import StoredGenerator
from throng.gan.labels import Encoding, Fourier, OneHot, Ordinal, Unlabelled
from throng.seeds import generator as seeded

Kind = Literal["class", "score", "vector", "none"]
Spelled = str | int | float | Sequence[float]
DECILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Request:
    """One requested label: of which kind, as numbers (none, one, or a vector's), and what it is called."""

    kind: Kind
    values: tuple[float, ...]
    name: str


def kind_of(encoding: Encoding) -> Kind:
    """Return what kind of label an encoding takes."""
    if isinstance(encoding, OneHot | Ordinal):
        return "class"
    if isinstance(encoding, Fourier):
        return "score"
    return "none" if isinstance(encoding, Unlabelled) else "vector"


def class_names(stored: StoredGenerator) -> list[str]:
    """Return the names of a generator's classes, emptiest first: their numbers where it was told none."""
    classes = stored.encoding.dim
    named = [str(name) for name in stored.recipe.get("classes") or []]
    return named if len(named) == classes else [str(number) for number in range(classes)]


def every_label(stored: StoredGenerator) -> list[Request]:
    """Return every class, three scores (the training images' 10th, 50th and 90th percentile), or the one of no label.

    Raises ThrongError for a generator that takes vectors: those must be named.
    """
    kind = kind_of(stored.encoding)
    if kind == "class":
        return [_class(stored, number) for number in range(stored.encoding.dim)]
    if isinstance(stored.encoding, Fourier):
        knots = stored.encoding.knots
        scores = np.interp(DECILES, np.linspace(0, 1, len(knots)), knots)
        return [_score(stored.encoding, float(f"{score:.6g}")) for score in scores]
    if kind == "none":
        return [Request("none", (), "")]
    raise ThrongError(f"this generator takes labels of {stored.encoding.dim} numbers: name those that are wanted")


def spread_scores(stored: StoredGenerator, steps: int) -> list[Request]:
    """Return ``steps`` scores at even quantiles from the least to the most; none of a generator of other labels."""
    if not isinstance(stored.encoding, Fourier):
        return []
    knots = stored.encoding.knots
    scores = np.interp(np.linspace(0, 1, steps), np.linspace(0, 1, len(knots)), knots)
    return [Request("score", (float(score),), f"{score:.4g}") for score in scores]


def requests_of(stored: StoredGenerator, spelled: Sequence[Spelled]) -> list[Request]:
    """Return the labels that are spelled as class names or numbers, scores, or vectors of numbers.

    Raises ThrongError, naming what the generator knows, for one that it does not.
    """
    kind = kind_of(stored.encoding)
    if kind == "none":
        raise ThrongError("this generator was trained without labels: draw without asking for any")
    return [_request(stored, kind, one) for one in spelled]


def _request(stored: StoredGenerator, kind: Kind, spelled: Spelled) -> Request:
    if kind == "class":
        return _class(stored, _class_number(stored, spelled))
    numbers = _numbers(spelled, kind, stored.encoding.dim)
    if isinstance(stored.encoding, Fourier):
        return _score(stored.encoding, numbers[0])
    return Request("vector", numbers, ":".join(f"{number:g}" for number in numbers))


def _class_number(stored: StoredGenerator, spelled: Spelled) -> int:
    names = class_names(stored)
    if spelled in names:
        return names.index(str(spelled))
    try:
        number = float(spelled)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < len(names) or number != int(number):
        known = ", ".join(f"{number} {name}" for number, name in enumerate(names))
        raise ThrongError(f"no class {spelled!r}: this generator knows {known}")
    return int(number)


def _numbers(spelled: Spelled, kind: Kind, dim: int) -> tuple[float, ...]:
    parts = spelled.split(":") if isinstance(spelled, str) else spelled
    wanted = 1 if kind == "score" else dim
    try:
        numbers = tuple(float(part) for part in (parts if isinstance(parts, Sequence) else [parts]))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != wanted or not np.isfinite(numbers).all():
        expected = "a score, a number" if kind == "score" else f"{wanted} numbers with colons between them"
        raise ThrongError(f"label {spelled!r}: this generator takes {expected}")
    return numbers


def _class(stored: StoredGenerator, number: int) -> Request:
    return Request("class", (float(number),), class_names(stored)[number])


def _score(encoding: Fourier, score: float) -> Request:
    low, high = encoding.knots[0], encoding.knots[-1]
    if not low <= score <= high:
        raise ThrongError(f"score {score:g} is out of range: this generator knows {low:g} to {high:g}")
    return Request("score", (score,), f"{score:g}")


def as_trained(stored: StoredGenerator, number: int, seed: int) -> list[Request]:
    """Return ``number`` labels drawn with replacement as the training images had them; without labels, as many empty.

    Raises ThrongError when the generator's file does not say how its labels were spread.
    """
    rng = seeded(seed, "gan_labels", str(number))
    if kind_of(stored.encoding) == "none":
        return [Request("none", (), "")] * number
    if kind_of(stored.encoding) == "class":
        share = _class_shares(stored)
        return [_class(stored, int(drawn)) for drawn in rng.choice(len(share), number, p=share)]
    sample = stored.recipe.get("label_sample")
    if not sample:
        raise ThrongError("the generator's file does not say how its labels were spread: name those that are wanted")
    return [_request(stored, kind_of(stored.encoding), sample[int(k)]) for k in rng.integers(0, len(sample), number)]


def _class_shares(stored: StoredGenerator) -> np.ndarray:
    counts: Mapping[str, Any] = stored.recipe.get("label_counts") or {}
    numbers = np.array([float(counts.get(str(number), 0)) for number in range(stored.encoding.dim)])
    if not numbers.sum():
        raise ThrongError("the generator's file does not say how its classes were spread: name those that are wanted")
    return numbers / numbers.sum()


def labels_array(requests: Sequence[Request]) -> np.ndarray:
    """Return requests as an encoding takes them: float64 (B,) class numbers or scores, (B, D) vectors, (B, 0) none."""
    if requests and requests[0].kind in ("class", "score"):
        return np.array([request.values[0] for request in requests])
    return np.array([request.values for request in requests], np.float64).reshape(len(requests), -1)
