"""Stage ``rank_pairs``: every ordered pair that the removal chains hold."""

import logging
from collections import Counter

from throng.chunks import members, part_name
from throng.manifest import OK, check_conserved, read_rows, write_table
from throng.ranking.pairs import chain_pairs, check_order
from throng.sections.rank_pairs import RankPairs
from throng.stage import Context, Files
from throng.tables import images, ranked_pairs, removals
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: RankPairs, context: Context) -> None:
    """Write the pairs of all photographs, verified to be free of contradictions."""
    photographs = members(read_rows(inputs.one("images"), images.TABLE, ImageRow), part_name(0, 1))
    chains: dict[str, list[RemovalRow]] = {}
    for row in read_rows(inputs.many("removals"), removals.TABLE, RemovalRow):
        chains.setdefault(row.parent_id, []).append(row)
    check_conserved("rank_pairs", photographs, chains)
    pairs = [
        pair
        for key, photograph in photographs.items()
        for pair in chain_pairs(
            photograph, [row for row in chains[key] if row.status == OK], config.kinds, config.min_delta
        )
    ]
    check_order(pairs)
    write_table(outputs.one("table"), ranked_pairs.TABLE, pairs, context.provenance())
    log.info("rank_pairs: %s", dict(sorted(Counter(pair.kind for pair in pairs).items())))
