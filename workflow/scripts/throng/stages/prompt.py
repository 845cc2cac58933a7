"""Stage ``prompt``: the images to be synthesised, one row each."""

import logging
from collections import Counter

from throng.manifest import write_table
from throng.own_prompts import own_rows
from throng.prompts import prompt_rows
from throng.sections.prompt import Prompt
from throng.stage import Context, Files
from throng.tables.prompts import TABLE

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Prompt, context: Context) -> None:
    """Write table ``prompts``: what the templates ask for, and the rows of the input ``own``, where there is one."""
    rows = list(prompt_rows(context.seed, config))
    for path in inputs.many("own"):
        rows += own_rows(path, context.seed)
    log.info("%d prompts, by template: %s", len(rows), dict(Counter(row.template for row in rows)))
    write_table(outputs.one("prompts"), TABLE, rows, context.provenance())
