"""Stage ``release``: shards, recipes, tables, card and index, verified before anybody sees them."""

import logging

from throng.images import ImageStore
from throng.release.build import build
from throng.release.corpus import Corpus
from throng.release.publish import whole_folder
from throng.release.verify import verify
from throng.sections.release import Release
from throng.stage import Context, Files

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Release, context: Context) -> None:
    """Write the release into the folder of output ``index``, replacing an older one whole.

    Raises ThrongError for backends that are not listed, scenes in two splits, rows that do not add up, and whatever
    :func:`throng.release.verify.verify` finds; nothing is published then.
    """
    corpus = Corpus.read(inputs.many, context.parents)
    work = context.workdir()
    with whole_folder(outputs.one("index").parent) as folder:
        build(corpus, ImageStore(context.roots), config, context.provenance(), folder)
        log.info("verified: %s", verify(folder, work.path / "datasets"))
    work.remove()
