"""Stage ``release``: shards, recipes, tables, card and index, verified before anybody sees them."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from throng.folders import whole_folder
from throng.images import ImageStore
from throng.manifest import read_table
from throng.release.build import Findings, build
from throng.release.corpus import Corpus
from throng.release.cost import measured
from throng.release.exclusions import Exclusions
from throng.release.finishing import Finisher
from throng.release.leaking import leaking
from throng.release.opt_out import opted_out
from throng.release.pixels import Pixels
from throng.release.verify import verify
from throng.roots import RESULTS
from throng.sections.release import Release
from throng.stage import Context, Files
from throng.tables import gan_samples, images, removals, synthetic

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Release, context: Context) -> None:
    """Write the release into the folder of output ``index``, replacing an older one whole.

    Raises ThrongError for backends that are not listed, scenes in two splits, rows that do not add up, and whatever
    :func:`throng.release.verify.verify` finds; nothing is published then.
    """
    corpus = Corpus.read(inputs.many, context.parents)
    work = context.workdir()
    pixels = Pixels(ImageStore(context.roots), Finisher(config.privacy, config.marking), work.path / "blurred")
    with whole_folder(outputs.one("index").parent) as folder:
        build(
            corpus,
            pixels,
            config,
            context.provenance(),
            folder,
            scratch=work.path / "rows",
            exclusions=_exclusions(inputs, config),
            findings=_findings(inputs, measured(context.roots[RESULTS], config.card)),
            previous=inputs.many("previous"),
        )
        checked = verify(folder, work.path / "datasets", pool=ThreadPoolExecutor(context.threads))
        log.info("verified: %s", checked)
    work.remove()


def _exclusions(inputs: Files, config: Release) -> Exclusions:
    reasons: dict[str, str] = {}
    for table in inputs.many("near_duplicates"):
        reasons |= leaking(table, config.near_duplicates)
    withdrawn: dict[str, str] = {}
    for path in inputs.many("opt_out"):
        photographs = read_table(inputs.many("images"), images.TABLE, ["id", "source", "path", "sha256"])
        made = [
            read_table(inputs.many(table.name), table, ["id", "sha256"])
            for table in (removals.TABLE, synthetic.TABLE, gan_samples.TABLE)
            if inputs.many(table.name)
        ]
        withdrawn |= opted_out(path, photographs, made)
    return Exclusions(reasons | withdrawn, frozenset(withdrawn))


def _findings(inputs: Files, cost: dict[str, dict[str, float]]) -> Findings:
    def read(name: str) -> dict[str, Any] | None:
        return json.loads(inputs.one(name).read_bytes()) if inputs.many(name) else None

    return Findings(
        leakage=read("leakage"),
        audit=read("audit"),
        calibration=read("calibration"),
        agreement=read("agreement"),
        cost=cost,
    )
