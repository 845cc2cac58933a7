"""One image by every run of one counter: decoded once, counted, and its maps held against its head points."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from throng.counting.inference import Scheme, decode_for, predict_count
from throng.errors import ThrongError
from throng.evaluation.entrants import Entrant
from throng.evaluation.map_scores import MapTruth
from throng.images import ImageStore
from throng.tables.images import point_array

Record = dict[str, Any]


class Look(NamedTuple):
    """An image as a counter sees it: (H, W, 3) or (H, W) pixels, the true and the predicted map, people per cell."""

    pixels: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray


class Measuring:
    """Counts images with the runs of one counter, on a torch device; safe from several threads.

    One image at a time is on the device; others are decoded, and their maps measured, meanwhile.
    """

    def __init__(self, entrant: Entrant, store: ImageStore, scheme: Scheme, device: str) -> None:
        self.entrant = entrant
        self._store = store
        self._scheme: Scheme = scheme
        self._models = {training.run: training.model.to(device) for training in entrant.runs}
        self._turn = threading.Lock()

    def rows(self, image: Mapping[str, Any]) -> list[Record]:
        """Return one record per run of a row of table images, with the columns of table predictions.

        Raises ThrongError naming an image that cannot be read or is not as the table says, and a run whose map is not
        finite.
        """
        pixels, truth = self._prepared(image)
        known = {key: image[key] for key in ("id", "source", "split", "count")}
        return [
            {
                "counter": self.entrant.name,
                "run": training.run,
                **known,
                **self._measured(training, image, pixels, truth),
            }
            for training in self.entrant.runs
        ]

    def look(self, image: Mapping[str, Any]) -> Look:
        """Return the image and its two maps by the first run; raises as :meth:`rows` does."""
        pixels, truth = self._prepared(image)
        return Look(pixels, truth.density, self._counted(self.entrant.runs[0].run, image, pixels)[1])

    def _prepared(self, image: Mapping[str, Any]) -> tuple[np.ndarray, MapTruth]:
        model, where = self.entrant.model, f"{image['path']!r} of source {image['source']!r}"
        data = self._store.read_bytes(image["source"], image["path"])
        try:
            pixels = decode_for(model, data)
        except ThrongError as error:
            raise ThrongError(
                f"{where} cannot be decoded: {error}; restore the file or rerun stage 'ingest'"
            ) from error
        height, width = pixels.shape[:2]
        if (height, width) != (image["height"], image["width"]):
            raise ThrongError(
                f"{where} has {width}x{height} pixels, but table images says {image['width']}x{image['height']}: "
                f"the file changed; restore it or rerun stage 'ingest'"
            )
        points = point_array(image["points"])
        spec = model.input_spec
        truth = MapTruth(
            spec.scaled_points(points, (height, width)),
            spec.scaled_shape(height, width),
            stride=model.stride,
            sigma=self.entrant.sigma,
        )
        return pixels, truth

    def _counted(self, run: str, image: Mapping[str, Any], pixels: np.ndarray) -> tuple[float, np.ndarray]:
        try:
            with self._turn:
                return predict_count(self._models[run], pixels, scheme=self._scheme)
        except ThrongError as error:
            raise ThrongError(
                f"{self.entrant.name} {run} cannot count {image['path']!r} of source {image['source']!r}: {error}"
            ) from error

    def _measured(self, training: Any, image: Mapping[str, Any], pixels: np.ndarray, truth: MapTruth) -> Record:
        count, density = self._counted(training.run, image, pixels)
        low, high = training.interval.around(count) if training.interval else (None, None)
        return {"predicted": count, "low": low, "high": high, **truth.scores(density)}
