"""Stage ``audit_density``: the density labellers against each other and against the truth, and drawn over images."""

import json
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from throng.density_audit import balance, ground_errors, pictures, verdict
from throng.density_audit.agreement import Opinion, pairs
from throng.density_audit.gathering import Gathered, gather
from throng.density_audit.page import Page, measured
from throng.density_audit.resampling import Draws
from throng.density_audit.truth import RenderedTruth
from throng.files import write_text
from throng.images import ImageStore
from throng.manifest import read_rows
from throng.sections.audit_density import AuditDensity
from throng.seeds import generator
from throng.stage import Context, Files
from throng.tables import detections
from throng.tables.detections import DetectionRow

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: AuditDensity, context: Context) -> None:
    """Write all figures as JSON, and the page; log the tables of truth and agreement."""
    truth = next(iter(inputs.many("truth")), None)
    rendered = RenderedTruth(truth, context.seed, context.roots) if truth else None
    gathered = gather(inputs.one("labels"), inputs.one("images"), inputs.many("synthetic"), rendered, config.tables)
    opinions = gathered.opinions()
    found = figures(gathered, opinions, config, context.seed)
    write_text(outputs.one("figures"), json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    store = ImageStore(context.roots)
    shown = pictures.chosen(gathered, config.pictures)
    wanted = {one.row.id for one in shown}
    detected = {
        row.id: row for row in read_rows(inputs.many("detections"), detections.TABLE, DetectionRow) if row.id in wanted
    }
    artist = pictures.Artist(store, detected, gathered.section, config.picture)
    judged = [*opinions, verdict.ground_plane(gathered)]
    write_text(outputs.one("page"), Page(gathered, judged, artist, config.target).render(config.title, found, shown))
    store.close()
    report(found)


def figures(gathered: Gathered, opinions: Sequence[Opinion], config: AuditDensity, seed: int) -> Record:
    """Return all figures of the page."""
    scenes = [one.scene for one in gathered.images]
    draws = Draws.of(scenes, config.draws, config.confidence, generator(seed, "audit_density", "draws"))
    judged = [*opinions, verdict.ground_plane(gathered)]
    return {
        "images": dict(sorted(Counter(one.row.table for one in gathered.images).items())),
        "scenes": draws.scenes,
        "draws": config.draws,
        "confidence": config.confidence,
        "target": config.target,
        "truth": verdict.judge(gathered, judged, draws, config.target),
        "ground": ground_errors.figures(gathered),
        "agreement": pairs(opinions, draws),
        "labellers": balance.labellers(gathered, opinions),
        "service": balance.service(gathered),
        "rows": balance.rejections(gathered),
    }


def report(found: Record) -> None:
    """Log which labeller tells the truth; every labeller's figures, which agreement.json holds, at level DEBUG."""
    for record in found["truth"]:
        log.info("%s (%d), %s: %s", record["group"], record["images"], record["meaning"], record["verdict"])
        for one in record["labellers"]:
            log.debug("  %-20s %-24s %5d images %s", one["labeller"], measured(one), one["images"], one["reason"])
    if not found["truth"]:
        log.info("nobody knows the truth of these images; how far the labellers agree follows")
    log.debug("%-20s %-20s %6s %-24s %-24s %s", "agreement of", "and", "images", "kappa", "weighted kappa", "Spearman")
    for record in found["agreement"]:
        said = [measured(record[name]) for name in ("kappa", "weighted_kappa", "spearman")]
        log.debug("%-20s %-20s %6d %-24s %-24s %s", record["first"], record["second"], record["images"], *said)
    for record in found["ground"]:
        for name, error in record["errors"].items():
            log.info(
                "%s, %s: median error %.1f %%, interval covers the truth in %.1f %% of %d",
                *(record["group"], name, 100 * error["median"], 100 * error["covered"]["share"], error["images"]),
            )
