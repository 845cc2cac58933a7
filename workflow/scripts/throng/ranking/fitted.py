"""A counter without labels: an encoder, non-negative weights of its features, and how photographs are cut up for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from throng.encoders.encoder import Encoder
from throng.encoders.files import read_network, save_network
from throng.encoders.pictures import place_on
from throng.errors import ThrongError
from throng.ranking.fit import Isotonic, Poisson, gamma_interval
from throng.ranking.partition import Part, Partition, Seen, merged_map, parts_of, rectangle

BATCH = 16
LEVEL = 0.9  # of the interval that a count is given
# parts along a photograph's longer side that a map resolves at least
FINEST = 4


@dataclass(frozen=True)
class Head:
    """From (C,) pooled features to people: w . features, or, where ``isotonic`` is set, that score's place on a map."""

    w: np.ndarray
    poisson: Poisson | None = None
    isotonic: Isotonic | None = None

    def people(self, features: np.ndarray) -> float:
        """Return the people in what has these features; never negative."""
        score = float(features @ self.w)
        return score if self.isotonic is None else float(self.isotonic(score))

    def variance(self, features: np.ndarray) -> float:
        """Return the variance, people^2: the Poisson head's own, that of a Poisson count where a head knows none."""
        return self.people(features) if self.poisson is None else self.poisson.variance(features)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all numbers by name, as they are stored."""
        arrays: dict[str, Any] = {"w": self.w}
        if self.poisson is not None:
            arrays |= {"active": self.poisson.active, "covariance": self.poisson.covariance}
            arrays["dispersion"] = np.array([self.poisson.dispersion])
        if self.isotonic is not None:
            arrays |= {"scores": self.isotonic.scores, "people": self.isotonic.people}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> Head:
        """Return the head that :meth:`tensors` came from."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        w = arrays["w"]
        poisson = (
            Poisson(w, float(arrays["dispersion"][0]), arrays["active"], arrays["covariance"])
            if "covariance" in arrays
            else None
        )
        return cls(w, poisson, Isotonic(arrays["scores"], arrays["people"]) if "scores" in arrays else None)


class FittedCounter:
    """Counts photographs by an encoder, a head and a partition; ``size`` is the (h, w) canvas that the encoder sees."""

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        partition: Partition,
        size: tuple[int, int],
        recipe: Mapping[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        if min(size) < 2 * encoder.stride:
            raise ThrongError(
                f"size {size[0]} x {size[1]} is too small for encoder {encoder.architecture.get('name')}: it needs at "
                f"least {2 * encoder.stride} pixels each way"
            )
        if len(head.w) != encoder.features:
            raise ThrongError(f"a head of {len(head.w)} weights does not fit an encoder of {encoder.features} features")
        self.encoder = moved(encoder, device).eval()
        self.head, self.partition, self.size, self.device = head, partition, size, device
        self.recipe = dict(recipe or {})

    def cut_by(self, partition: Partition) -> FittedCounter:
        """Return a counter of the same encoder and head that cuts photographs in another way."""
        return FittedCounter(self.encoder, self.head, partition, self.size, self.recipe, self.device)

    def parts(self, image: np.ndarray) -> list[Part]:
        """Return the parts that an (H, W, 3) uint8 RGB photograph is counted in; they cover it exactly once.

        Raises ThrongError for another shape or type, and for a photograph too small to be cut so.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ThrongError(f"an image to count must be (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")
        return parts_of(image, self.look, self.partition, self.size)

    def count(self, image: np.ndarray) -> float:
        """Return the people in a photograph, the sum of its parts'; raises as :meth:`parts` does."""
        return sum(part.people for part in self.parts(image))

    def map(self, image: np.ndarray) -> np.ndarray:
        """Return the (rows, columns) float32 map, people per cell of :meth:`map_stride` pixels, whose sum is the count.

        Raises as :meth:`parts` does.
        """
        return merged_map(self.parts(image), image.shape, self.map_stride(image)).astype(np.float32)

    def interval(self, image: np.ndarray) -> tuple[float, float] | None:
        """Return the (low, high) people that hold the count with probability 0.9; None where the head knows none."""
        return self.interval_of(self.parts(image))

    def interval_of(self, parts: Sequence[Part]) -> tuple[float, float] | None:
        """Return the interval of a photograph that was counted in these parts.

        The error of the weights is the same in every part, so the parts' features are added up first.
        """
        if self.head.poisson is None:
            return None
        variance = self.head.poisson.variance(np.sum([part.seen.features for part in parts], 0))
        return gamma_interval(sum(part.people for part in parts), variance, LEVEL)

    def map_stride(self, image: np.ndarray) -> int:
        """Return the side of a map's cell in a photograph's pixels: that of the finest part's cells, rounded down."""
        scale = min(self.size[0] / image.shape[0], self.size[1] / image.shape[1])
        return max(1, math.floor(self.encoder.stride / (scale * self.partition.finest)))

    def look(self, images: Sequence[np.ndarray]) -> list[Seen]:
        """Return what is seen in each of several (H, W, 3) images of any size."""
        found: list[Seen] = []
        for start in range(0, len(images), BATCH):
            some = images[start : start + BATCH]
            for image, features in zip(some, feature_maps(self.encoder, some, self.size, self.device), strict=True):
                found.append(self._seen(image.shape, features))
        return found

    def _seen(self, shape: tuple[int, ...], features: np.ndarray) -> Seen:
        cover, row_edges, column_edges = coverage(shape, self.size, self.encoder.stride)
        rows, columns = cover
        inside = features[:, rows > 0][:, :, columns > 0].astype(np.float64)
        shares = np.outer(rows[rows > 0], columns[columns > 0]) / canvas_cells(self.size, self.encoder.stride)
        pooled = np.einsum("cij,ij->c", inside, shares)
        people = self.head.people(pooled)
        density = shares * np.einsum("cij,c->ij", inside, self.head.w)
        score = float(density.sum())
        # for a linear head this divides by what it multiplies with, rounding apart
        density = density * (people / score) if score > 0 else density
        return Seen(people, self.head.variance(pooled), pooled, density, row_edges, column_edges)

    def save(self, path: Path) -> None:
        """Write the counter to one file that :func:`load_fitted` reads."""
        card = {"partition": asdict(self.partition), "size": list(self.size)}
        save_network(path, self.encoder, kind="fitted", head=self.head.tensors(), head_card=card, recipe=self.recipe)


def load_fitted(path: Path, device: str = "cpu") -> FittedCounter:
    """Return the counter in a file of fit_counts, on a torch device; raises ThrongError for any other file."""
    stored = read_network(path, kinds=("fitted",))
    card = stored.head_card
    return FittedCounter(
        stored.encoder,
        Head.of_tensors(stored.head),
        Partition(**card["partition"]),
        (card["size"][0], card["size"][1]),
        stored.recipe,
        device,
    )


def moved(encoder: Encoder, device: str) -> Encoder:
    """Return the encoder on a torch device; raises ThrongError where torch cannot use that."""
    try:
        return encoder.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ThrongError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error


@torch.no_grad()
def feature_maps(
    encoder: Encoder, images: Sequence[np.ndarray], size: tuple[int, int], device: str = "cpu"
) -> np.ndarray:
    """Return (B, C, rows, columns) float32 features of images, each placed on a canvas of ``size`` (h, w).

    Raises ThrongError where they are not finite.
    """
    pixels = np.stack([place_on(image, size) for image in images])
    features = encoder(torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)).cpu().numpy()
    if not np.isfinite(features).all():
        raise ThrongError("the encoder makes features that are not finite: its weights are damaged; train it again")
    return features


def pooled_features(features: np.ndarray, shape: tuple[int, ...], size: tuple[int, int], stride: int) -> np.ndarray:
    """Return (C,) float64: the features (C, rows, columns) of an (H, W) image, summed over where it lies on the canvas.

    In units of the canvas' cells: of a picture that fills the canvas this is the mean. What the canvas shows beside a
    picture is nobody's.
    """
    (rows, columns), _, _ = coverage(shape, size, stride)
    return np.einsum("cij,i,j->c", features.astype(np.float64), rows, columns) / canvas_cells(size, stride)


def canvas_cells(size: tuple[int, int], stride: int) -> float:
    """Return how many cells of ``stride`` pixels a canvas has."""
    return size[0] * size[1] / stride**2


def coverage(
    shape: tuple[int, ...], size: tuple[int, int], stride: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Return the share of each row and each column of cells that an image covers on the canvas, and its cells' edges.

    Edges are in shares of the image's height and width, of the cells that it covers.
    """
    top, left, height, width = rectangle(shape, size)
    shares: list[np.ndarray] = []
    edges: list[np.ndarray] = []
    for start, length, side in ((top, height, size[0]), (left, width, size[1])):
        lines = np.arange(-(-side // stride) + 1) * float(stride)
        inside = np.clip(lines, start, start + length)
        covered = np.diff(inside)
        shares.append(covered / stride)
        edges.append((np.unique(inside) - start) / length)
    return (shares[0], shares[1]), edges[0], edges[1]
