"""Stage ``rank_pairs``: every wanted pair that photographs and their edits hold."""

import logging
from collections import Counter

from throng.chunks import members, part_name
from throng.manifest import OK, check_conserved, read_rows, write_table
from throng.ranking.checks import check_apart, check_order
from throng.ranking.pairs import pairs_of
from throng.sections.rank_pairs import RankPairs
from throng.stage import Context, Files
from throng.tables import images, ranked_pairs, removals
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: RankPairs, context: Context) -> None:
    """Write the pairs of all photographs, verified to be free of contradictions and apart by split."""
    photographs = members(read_rows(inputs.one("images"), images.TABLE, ImageRow), part_name(0, 1))
    edits: dict[str, list[RemovalRow]] = {}
    for row in read_rows(inputs.many("removals"), removals.TABLE, RemovalRow):
        edits.setdefault(row.parent_id, []).append(row)
    check_conserved("rank_pairs", photographs, edits)
    pairs = [
        pair
        for key, photograph in photographs.items()
        for pair in pairs_of(photograph, [row for row in edits[key] if row.status == OK], config, context.seed)
    ]
    check_order(pairs)
    check_apart(pairs)
    write_table(outputs.one("table"), ranked_pairs.TABLE, pairs, context.provenance())
    found = Counter(pair.kind for pair in pairs)
    log.info("rank_pairs: %s", {kind: found[kind] for kind in config.kinds})
