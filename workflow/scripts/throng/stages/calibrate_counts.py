"""Stage ``calibrate_counts``: how many people every synthesised image shows, how surely, and what it weighs."""

import json
import logging
from typing import Any

import numpy as np

from throng.calibration import figures as made_figures
from throng.calibration import filters
from throng.calibration.buckets import PUBLISHED
from throng.calibration.estimation import Estimated, agreement, estimate
from throng.calibration.filters import Sifted, sift
from throng.calibration.gathering import Gathered, gather
from throng.calibration.page import Page
from throng.files import sha256_file, write_text
from throng.images import ImageStore
from throng.manifest import OK, REJECTED, check_conserved, tally, write_table
from throng.sections.calibrate_counts import CalibrateCounts
from throng.stage import Context, Files
from throng.tables import calibrated_counts
from throng.tables.calibrated_counts import CalibratedCountRow

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: CalibrateCounts, context: Context) -> None:
    """Write a row for every synthesised image, made or not, all figures as JSON, and the page."""
    scores = next(iter(inputs.many("scores")), None)
    gathered = gather(inputs.one("prompts"), inputs.many("synthetic"), inputs.many("counts"), scores)
    sifted = sift(gathered, config)
    estimated = estimate(gathered, sifted.kept, config)
    rows = [row_of(index, gathered, sifted, estimated) for index in range(len(gathered.images))]
    check_conserved("calibrate_counts", (image.id for image in gathered.images), (row.id for row in rows))
    model = {"scores_sha256": sha256_file(scores)} if scores else None
    write_table(outputs.one("table"), calibrated_counts.TABLE, rows, context.provenance(model=model))
    found = figures(gathered, sifted, estimated, config, context.seed)
    write_text(outputs.one("figures"), json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    store = ImageStore(context.roots)
    write_text(outputs.one("page"), Page(gathered, sifted, estimated, store, context.seed).render(found, config))
    store.close()
    log.info("calibrate_counts: %s", tally(rows))
    for record in found["errors"]:
        seen, calibrated = record["detected"] or record["predicted"], record["calibrated"]
        log.info(
            "%s, %d requested: relative error %s seen, %s calibrated, %.2f published",
            record["maker"],
            record["requested"],
            f"{seen['error']:.2f}" if seen else "not",
            f"{calibrated['error']:.2f}" if calibrated else "not",
            record["published"],
        )


def row_of(index: int, gathered: Gathered, sifted: Sifted, estimated: Estimated) -> CalibratedCountRow:
    """Return the row of one image."""
    image, reason = gathered.images[index], sifted.reasons[index]
    kept = not reason
    return CalibratedCountRow(
        id=image.id,
        maker=image.bucket.maker,
        requested=image.bucket.requested,
        detected=image.detected,
        predicted=image.predicted,
        rank_score=_known(estimated.scores[index]),
        agreement=agreement(image.bucket.requested, image.seen),
        exact=image.exact is not None,
        count=_known(estimated.counts[index]) if kept else None,
        std=_known(estimated.stds[index]) if kept else None,
        weight=float(estimated.weights[index]),
        prototype_distance=_known(sifted.distances[index]),
        duplicate_of=sifted.duplicate_of[index],
        status=OK if kept else REJECTED,
        reason=reason,
    )


def figures(gathered: Gathered, sifted: Sifted, estimated: Estimated, config: CalibrateCounts, seed: int) -> Record:
    """Return all figures of the page."""
    return {
        "makers": made_figures.summary(gathered, estimated, sifted.kept),
        "published": [{"requested": count, "error": error} for count, error in PUBLISHED.items()],
        "errors": made_figures.error_curves(gathered, estimated, seed, config.bootstrap),
        "filters": filters.figures(gathered, sifted, config),
        "responses": made_figures.responses(gathered, estimated),
        "errors_alike": estimated.instruments.alike,
        "transfer_std": config.transfer_std,
        "noise": made_figures.noise(gathered, estimated, sifted.kept),
    }


def _known(value: float | np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
