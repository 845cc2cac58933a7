"""The page itself: one HTML file with everything inside, no script, nothing fetched."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.pages.frame import render_page
from throng.release.corpus import Corpus
from throng.release.ledger import balance
from throng.report.figures import (
    audit_view,
    bins_view,
    cell,
    counts_view,
    density_view,
    metrics_view,
    provenance_view,
    runs_view,
    service_view,
    size,
    sources_view,
    truth_view,
)
from throng.report.gallery import drawn_views, pair_views, strip_views, synthetic_views
from throng.report.pictures import Thumbnails, data_uri
from throng.sections.report import Report
from throng.tables.removals import CHAIN, ENLARGE, REDUCE, SHAM

HERE = Path(__file__).parent
METRICS_SCHEMA = 2
CAPTIONS = {
    "comparison": "mean absolute error of every counter",
    "scatter": "predicted against true counts",
    "bins": "errors by true count",
    "calibration": "errors and intervals",
    "curves": "training",
    "examples": "best, median and worst counted photograph of the first counter, with true and predicted density",
}
WIDE = ("calibration", "scatter", "examples")
PICTURES = {".png": "image/png", ".jpg": "image/jpeg"}
EDITS = {
    CHAIN: (
        "Removal chains",
        "One photograph, more and more of its detected people taken out. Whoever the detector missed is still there.",
    ),
    SHAM: (
        "Sham edits",
        "As many areas as the chain's edits have, painted where nobody was detected: the count stays.",
    ),
    REDUCE: ("Rendered again with fewer people", "The whole image comes from the model, the place included."),
    ENLARGE: ("Rendered again with more people", "The whole image comes from the model, the place included."),
}


def render(
    corpus: Corpus,
    store: ImageStore,
    config: Report,
    *,
    metrics: Mapping[str, Any],
    plots: Sequence[Path],
    index: Mapping[str, Any],
    audit: Mapping[str, Any],
    calibration: Mapping[str, Any],
    agreement: Mapping[str, Any],
) -> str:
    """Return the page's HTML; every text from data is escaped.

    ``metrics`` are the figures of stage evaluate and ``plots`` its PNG and JPEG files, ``index`` is a release's,
    ``audit`` are the figures of audit_pairs, ``calibration`` those of calibrate_counts, ``agreement`` those of
    audit_density.
    Raises ThrongError when an image to show cannot be read.
    """
    thumbnails = Thumbnails(store, config.thumbnail)
    sources = sources_view(corpus)
    content = {
        "title": config.title,
        "ledger": balance(corpus),
        "sources": sources,
        "closed": [source["source"] for source in sources if not source["open"]],
        "pairs": pair_views(corpus, thumbnails, config.pairs),
        "pairs_all": len(corpus.ranked_pairs),
        "audit": audit_view(audit),
        "edits": [
            {"title": title, "note": note, "strips": strip_views(corpus, thumbnails, recipe, config.chains)}
            for recipe, (title, note) in EDITS.items()
        ],
        "synthetic": synthetic_views(corpus, thumbnails, config.synthetic),
        "synthetic_all": len(corpus.counted),
        "drawn": drawn_views(corpus, thumbnails, config.drawn),
        "drawn_all": len(corpus.drawn),
        "counts": counts_view(calibration),
        "density": density_view(corpus),
        "truth": truth_view(agreement),
        "service": service_view(corpus),
        "metrics": metrics_view(metrics),
        "headline": _headline(metrics),
        "runs": runs_view(metrics),
        "bins": bins_view(metrics),
        "plots": [_plot(path) for path in plots],
        "index": index,
        "provenance": provenance_view(corpus, index),
    }
    return render_page(HERE, content, filters={"size": size}, style=HERE / "page.css")


def read_metrics(path: Path) -> dict[str, Any]:
    """Return the figures in a metrics file; raises ThrongError when it is not the one that evaluate writes."""
    metrics = json.loads(path.read_text())
    if not isinstance(metrics, dict) or metrics.get("schema") != METRICS_SCHEMA:
        raise ThrongError(f"{path}: expected metrics of schema {METRICS_SCHEMA}; rerun stage 'evaluate'")
    return metrics


def _headline(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return the counter that is named first beside the mean-count baseline."""
    ours = metrics["counters"][0]
    return {"counter": ours["label"], "mae": cell(ours["mae"]), "baseline": cell(metrics["baseline"]["mae"])}


def _plot(path: Path) -> dict[str, Any]:
    image = data_uri(PICTURES[path.suffix], path.read_bytes())
    return {"caption": CAPTIONS.get(path.stem, path.stem), "image": image, "wide": path.stem in WIDE}
