"""Stage ``report``: one HTML page of everything a run made."""

import json
import logging

from throng.files import write_text
from throng.images import ImageStore
from throng.release.corpus import Corpus
from throng.release.index import read_index
from throng.report.page import read_metrics, render
from throng.sections.report import Report
from throng.stage import Context, Files

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Report, context: Context) -> None:
    """Write the page; it holds thumbnails of every source, so the page itself names those that forbid passing it on."""
    page = render(
        Corpus.read(inputs.many, context.parents),
        ImageStore(context.roots),
        config,
        metrics=read_metrics(inputs.one("metrics")),
        plots=inputs.many("plots"),
        index=read_index(inputs.one("index").parent),
        audit=json.loads(inputs.one("audit").read_text()),
        calibration=json.loads(inputs.one("calibration").read_text()),
        agreement=json.loads(inputs.one("agreement").read_text()),
    )
    write_text(outputs.one("page"), page)
    log.info("report of %.1f MB written", len(page) / 1e6)
