"""What must hold of all ranked pairs together: no contradiction, and no photograph or scene on two sides."""

from collections.abc import Sequence

import numpy as np

from throng.errors import ThrongError
from throng.tables.ranked_pairs import EQUAL, MORE, Crop, RankedPairRow

TEST = "test"
Node = tuple[str, tuple[int, ...]]


def check_order(pairs: Sequence[RankedPairRow]) -> None:
    """Raise ThrongError when the pairs contradict each other.

    Read as "has at least as many people as", the pairs make a directed graph, equal ones both ways. Whatever can reach
    each other in it has the same number of people, so no pair between two of them may say "more".
    """
    if not pairs:
        return
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes: dict[Node, int] = {}
    ends = np.array(
        [
            (
                nodes.setdefault(_node(pair.more_id, pair.more_crop), len(nodes)),
                nodes.setdefault(_node(pair.fewer_id, pair.fewer_crop), len(nodes)),
            )
            for pair in pairs
        ]
    )
    back = ends[[pair.relation == EQUAL for pair in pairs]][:, ::-1]
    start, end = np.concatenate([ends, back]).T
    graph = coo_array((np.ones(len(start), np.int8), (start, end)), shape=(len(nodes), len(nodes))).tocsr()
    _, group = connected_components(graph, connection="strong")
    for pair, (more, fewer) in zip(pairs, ends, strict=True):
        if more == fewer or (pair.relation == MORE and group[more] == group[fewer]):
            raise ThrongError(
                f"the ranked pairs contradict each other: pair {pair.id} says that {pair.more_id} and {pair.fewer_id} "
                f"are {pair.relation!r}, others together say that the second has as many people or more; "
                f"run remove again"
            )


def check_apart(pairs: Sequence[RankedPairRow]) -> None:
    """Raise ThrongError when a photograph or a scene has pairs for training and for validation.

    Scenes that a source was published with in test and another split are left to ``release.shared_scenes``.
    """
    seen: dict[tuple[str, str], RankedPairRow] = {}
    for pair in pairs:
        for what, name in (("photograph", pair.parent_id), ("scene", pair.scene)):
            if pair.split == TEST or not name:
                continue
            first = seen.setdefault((what, name), pair)
            if first.split != pair.split:
                raise ThrongError(
                    f"{what} {name!r} has ranked pairs on both sides of the split: {first.id} in {first.split!r}, "
                    f"{pair.id} in {pair.split!r}; give its images one split in their source and run ingest again"
                )


def _node(member: str, crop: Crop | None) -> Node:
    return member, () if crop is None else (crop["x"], crop["y"], crop["w"], crop["h"])
