"""The page itself: words and tables that are read without scripts, and places for the explorer to grow in."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from throng.errors import ThrongError
from throng.pages.frame import render_page
from throng.report.collection import Collection
from throng.report.edits import RECIPES
from throng.report.figures import (
    audit_view,
    bins_view,
    cell,
    closed_makers,
    counts_view,
    density_view,
    footers_of,
    gan_view,
    ladder_view,
    made_view,
    meanings_view,
    metrics_view,
    provenance_view,
    runs_view,
    service_view,
    size,
    sources_view,
    truth_view,
)
from throng.report.reading import Tables
from throng.report.scripts import LOADED
from throng.sections.report import Report

HERE = Path(__file__).parent
METRICS_SCHEMA = 2
CAPTIONS = {
    "comparison": "mean absolute error of every counter",
    "scatter": "predicted against true counts",
    "bins": "errors by true count",
    "calibration": "errors and intervals",
    "curves": "training",
    "examples": "best, median and worst counted photograph of the first counter, with true and predicted density",
    "ladder": "mean absolute error of every rung",
    "sheet": "drawn images",
    "sweep": "one scene to a row, the requested label rising from left to right",
    "conditioning": "people counted against the label that was asked for",
    "neighbours": "drawn images beside the training images that are nearest to them",
}
WIDE = ("calibration", "scatter", "examples", "sheet", "sweep", "conditioning", "neighbours", "ladder")
# of a stage, the samples that its rejected rows are found among
SHOWN_IN = {
    "ingest": "photographs",
    "remove": "edits",
    "calibrate_counts": "synthetic",
    "sample_gan": "drawn",
}


@dataclasses.dataclass(frozen=True)
class Told:
    """What the stages say in figures: evaluate, the release's index, the audits, generators by run, and the ladder."""

    metrics: Mapping[str, Any]
    index: Mapping[str, Any]
    audit: Mapping[str, Any]
    calibration: Mapping[str, Any]
    agreement: Mapping[str, Any]
    gans: Mapping[str, Mapping[str, Any]]
    ladder: Mapping[str, Any] | None


def render(
    tables: Tables,
    collections: Sequence[Collection],
    plots: Mapping[Path, str],
    config: Report,
    told: Told,
) -> str:
    """Return the page's HTML; every text from data is escaped.

    ``plots`` maps a plot's file to its copy's path from the page.
    """
    sources = sources_view(tables)
    footers = footers_of(tables)
    pictures = [_plot(path, copy) for path, copy in plots.items()]
    content = {
        "title": config.title,
        "ledger": told.index["conservation"],
        "shown_in": SHOWN_IN,
        "sources": sources,
        "closed": [source["source"] for source in sources if not source["open"]] + closed_makers(tables),
        "kinds": {found.name: {"here": len(found.ids), "total": found.total} for found in collections},
        "recipes": RECIPES,
        "audit": audit_view(told.audit),
        "counts": counts_view(told.calibration),
        "density": density_view(tables),
        "truth": truth_view(told.agreement),
        "service": service_view(tables),
        "metrics": metrics_view(told.metrics),
        "headline": _headline(told.metrics),
        "runs": runs_view(told.metrics),
        "bins": bins_view(told.metrics),
        "plots": [plot for plot in pictures if plot["stage"] == "evaluate"],
        "gans": [
            {"name": name, "figures": gan_view(metrics), "plots": [plot for plot in pictures if plot["of"] == name]}
            for name, metrics in told.gans.items()
        ],
        "ladder": told.ladder and ladder_view(told.ladder),
        "ladder_plots": [plot for plot in pictures if plot["stage"] == "ladder"],
        "index": told.index,
        "provenance": provenance_view(footers, told.index),
        "scripts": LOADED,
        "summary": _summary(collections, footers, config),
    }
    return render_page(HERE, content, filters={"size": size}, style=HERE / "page.css")


def read_metrics(path: Path) -> dict[str, Any]:
    """Return the figures in a metrics file; raises ThrongError when it is not the one that evaluate writes."""
    metrics = json.loads(path.read_text())
    if not isinstance(metrics, dict) or metrics.get("schema") != METRICS_SCHEMA:
        raise ThrongError(f"{path}: expected metrics of schema {METRICS_SCHEMA}; rerun stage 'evaluate'")
    return metrics


def _summary(collections: Sequence[Collection], footers: Mapping[str, Any], config: Report) -> Markup:
    """Return what the explorer knows before it reads any data, as JSON that cannot end the element it stands in."""
    said = {
        "page": config.page,
        "kinds": {
            found.name: {"here": len(found.ids), "total": found.total, "order": found.order} for found in collections
        },
        "recipes": {name: title for name, (title, _) in RECIPES.items()},
        "meanings": meanings_view(list(footers)),
        "made": made_view(footers),
    }
    return Markup(json.dumps(said, separators=(",", ":")).replace("<", "\\u003c"))


def _headline(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return the counter that is named first beside the mean-count baseline."""
    ours = metrics["counters"][0]
    return {"counter": ours["label"], "mae": cell(ours["mae"]), "baseline": cell(metrics["baseline"]["mae"])}


def _plot(path: Path, copy: str) -> dict[str, Any]:
    caption = CAPTIONS.get(path.stem, path.stem)
    above = path.parts[-2], " ".join(path.parts[-3:-1])
    return {"caption": caption, "image": copy, "wide": path.stem in WIDE, "stage": above[0], "of": above[1]}
