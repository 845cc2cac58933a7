"""The calibration's page: one HTML file with everything inside, images by count, that runs and fetches nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.auditing.page import number, percent
from throng.calibration import plots
from throng.calibration.buckets import Bucket
from throng.calibration.estimation import Estimated
from throng.calibration.filters import FILTERS, Sifted
from throng.calibration.gathering import Gathered, Shown
from throng.images import ImageStore
from throng.pages.frame import render_page
from throng.pages.pictures import Thumbnails, data_uri
from throng.roots import RESULTS
from throng.sections.calibrate_counts import CalibrateCounts
from throng.seeds import sample_seed

HERE = Path(__file__).parent
Record = dict[str, Any]


class Page:
    """Renders the page; reads one image at a time."""

    def __init__(self, gathered: Gathered, sifted: Sifted, estimated: Estimated, store: ImageStore, seed: int) -> None:
        self._gathered, self._sifted, self._estimated = gathered, sifted, estimated
        self._store, self._seed = store, seed

    def render(self, figures: Record, config: CalibrateCounts) -> str:
        """Return the HTML; every text from data is escaped. Raises ThrongError when an image cannot be read."""
        thumbnails = Thumbnails(self._store, config.thumbnail)
        content = {
            "title": config.title,
            "figures": figures,
            "closed": sorted({i.bucket.maker for i in self._gathered.images if i.made and not i.redistributable}),
            "plots": self._plots(figures),
            "sheets": self._sheets(thumbnails, config.sheet),
            "dropped": self._dropped(thumbnails, config.sheet),
        }
        return render_page(HERE, content, filters={"percent": percent, "number": number})

    def _plots(self, figures: Record) -> dict[str, str]:
        made: dict[str, bytes] = {}
        if figures["errors"]:
            made["errors"] = plots.error_plot(figures["errors"])
        if figures["responses"]:
            made["responses"] = plots.response_plot(self._gathered, self._estimated.instruments)
        return {name: data_uri("image/png", data) for name, data in made.items()}

    def _sheets(self, thumbnails: Thumbnails, each: int) -> list[Record]:
        """Return, by maker, images of every bucket by rising calibrated count."""
        sheets: dict[str, list[Record]] = {}
        for bucket, members in self._gathered.buckets(self._sifted.kept).items():
            chosen = self._first(members, each)
            chosen.sort(key=lambda index: (float(self._estimated.counts[index]), self._gathered.images[index].id))
            cells = [self._cell(index, thumbnails) for index in chosen]
            sheets.setdefault(bucket.maker, []).append({"name": _name(bucket), "images": len(members), "cells": cells})
        return [{"maker": maker, "buckets": buckets} for maker, buckets in sheets.items()] if each else []

    def _dropped(self, thumbnails: Thumbnails, each: int) -> list[Record]:
        """Return, by filter, images that it dropped, those of one bucket after the other's."""
        lists: list[Record] = []
        for name in FILTERS:
            dropped = np.array([filtered == name for filtered in self._sifted.filters], bool)
            dropped &= np.array([image.made for image in self._gathered.images], bool)
            found = [self._first(members, each) for members in self._gathered.buckets(dropped).values()]
            turns = [one[turn] for turn in range(each) for one in found if turn < len(one)]
            cells = [self._cell(index, thumbnails) for index in turns[: 3 * each]]
            if cells:
                lists.append({"filter": name, "images": int(dropped.sum()), "cells": cells})
        return lists

    def _first(self, members: np.ndarray, number: int) -> list[int]:
        images = self._gathered.images
        ordered = sorted(
            members.tolist(), key=lambda index: sample_seed(self._seed, "calibrate_counts", images[index].id)
        )
        return ordered[:number]

    def _cell(self, index: int, thumbnails: Thumbnails) -> Record:
        image, estimated = self._gathered.images[index], self._estimated
        return {
            "id": image.id,
            "image": thumbnails.uri(RESULTS, image.path),
            "headline": _headline(image, float(estimated.counts[index]), float(estimated.stds[index])),
            "facts": self._facts(index, image),
            "text": image.text,
            "reason": self._sifted.reasons[index],
        }

    def _facts(self, index: int, image: Shown) -> Sequence[tuple[str, str]]:
        facts = [("requested", image.bucket.label)]
        if image.detected is not None:
            facts.append(("detected", str(image.detected)))
        if image.predicted is not None:
            facts.append(("counter", f"{image.predicted:.1f}"))
        facts.append(("weight", f"{self._estimated.weights[index]:.2f}"))
        if np.isfinite(self._sifted.distances[index]):
            facts.append(("distance", f"{self._sifted.distances[index]:.4f}"))
        return facts


def _headline(image: Shown, count: float, std: float) -> str:
    if not np.isfinite(count):
        return "dropped"
    return f"{image.exact} people, exact" if image.exact is not None else f"{count:.1f} ± {std:.1f} people"


def _name(bucket: Bucket) -> str:
    if bucket.requested is not None:
        return f"{bucket.requested} requested"
    return f"{bucket.label} ({bucket.fewest} to {bucket.most})"
