"""The density audit's page: one HTML file with everything inside that runs and fetches nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.auditing.page import number, percent
from throng.density_audit import plots
from throng.density_audit.agreement import Opinion
from throng.density_audit.correlation import signed
from throng.density_audit.gathering import Gathered, Labelled
from throng.density_audit.pictures import Artist, facts
from throng.density_audit.verdict import MEANINGS, truths
from throng.pages.frame import render_page
from throng.pages.pictures import data_uri

HERE = Path(__file__).parent
Record = dict[str, Any]


class Page:
    """Renders the page from the figures, the labelled images and an artist."""

    def __init__(self, gathered: Gathered, opinions: Sequence[Opinion], artist: Artist, target: float) -> None:
        self._gathered, self._opinions, self._artist, self._target = gathered, opinions, artist, target

    def render(self, title: str, figures: Record, shown: Sequence[Labelled]) -> str:
        """Return the HTML; every text from data is escaped. Raises ThrongError when an image cannot be read."""
        views = [self._view(one) for one in shown]
        content = {
            "title": title,
            "figures": figures,
            "meanings": MEANINGS,
            "target": self._target,
            "closed": sorted({one.group for one in shown if not one.image.redistributable}),
            "plots": self._plots(figures),
            "groups": grouped(figures["truth"]),
            "views": views,
        }
        filters = {"percent": percent, "number": number, "signed": signed, "measured": measured}
        return render_page(HERE, content, filters=filters)

    def _plots(self, figures: Record) -> Record:
        names = [opinion.name for opinion in self._opinions if opinion.sizes]
        pairs = figures["agreement"]
        ranked = [record | {"rank": record["spearman"]} for record in pairs]
        known = truths(self._gathered)
        sources = [one.group if one.truth is not None else one.row.table for one in self._gathered.images]
        made: dict[str, bytes] = {
            "kappa": plots.matrix_plot(
                names, pairs, "kappa", "weighted_kappa", "Cohen's kappa below, quadratic-weighted above the diagonal"
            ),
            "spearman": plots.matrix_plot(names, ranked, "rank", "rank", "Spearman's correlation of the scores"),
            "balance": plots.balance_plot(figures["labellers"]),
        }
        if any(sum(numbers) for numbers in figures["service"]["images"].values()):
            made["service"] = plots.service_plot(figures["service"])
        return {name: data_uri("image/png", data) for name, data in made.items()} | {
            "truth": {
                group: data_uri("image/png", plots.truth_plot(records, self._target))
                for group, records in grouped(figures["truth"]).items()
            },
            "scatter": [
                {
                    "meaning": MEANINGS[name],
                    "image": data_uri("image/png", plots.scatter_plot(self._opinions, true, sources, MEANINGS[name])),
                }
                for name, true in known.items()
                if np.isfinite(true).any()
            ],
        }

    def _view(self, labelled: Labelled) -> Record:
        table = "photograph" if labelled.row.table == "images" else "synthesised"
        return self._artist.view(labelled) | {
            "id": labelled.row.id,
            "headline": f"{table}: {labelled.group}",
            "path": labelled.image.path,
            "facts": facts(labelled),
        }


def grouped(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return the records of each group of images."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["group"], []).append(record)
    return groups


def measured(record: Record | None) -> str:
    """Return a measure with its interval as a table shows it."""
    if record is None or record["value"] is None:
        return "–"
    if record["low"] is None:
        return signed(record["value"])
    return f"{signed(record['value'])} ({signed(record['low'])} to {signed(record['high'])})"
