"""Stage ``prompt``: the images to be synthesised, one row each."""

import logging
from collections import Counter

from throng.manifest import write_table
from throng.prompts import prompt_rows
from throng.sections.prompt import Prompt
from throng.stage import Context, Files
from throng.tables.prompts import TABLE

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Prompt, context: Context) -> None:
    """Write table ``prompts``: counts x templates x repeats."""
    rows = prompt_rows(context.seed, config.counts, config.templates, config.repeats, config.val_fraction)
    log.info("%d prompts, by split: %s", len(rows), dict(Counter(row.split for row in rows)))
    write_table(outputs.one("prompts"), TABLE, rows, context.provenance())
