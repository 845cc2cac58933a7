"""How often a ranker is right: by kind of pair, on ties that should tell nothing, and on photographs that are labelled.

Labels are read here alone, when training is over: nothing of this chooses weights, steps or options.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.evaluation.resampling import LEVEL, share_interval
from throng.ranking.kinds import EDITED_EDITED, REAL_EDITED, SHAM_EDITED
from throng.ranking.pair_table import RankedPair
from throng.tables.ranked_pairs import RankedPairRow

# upper ends of the bins of larger over smaller count; the last has no end, and holds the pictures of nobody too
RATIOS = (1.25, 1.5, 2.0, 4.0, math.inf)
SIDE_RULE = (
    "share of the pairs that show the same people in which the sham, the side that was painted on more, has the higher "
    "score; half a win when equal. 0.5 is right: painting tells nothing. The photograph is no sham, nor is a member "
    "that a pair of kind real-edited, edited-edited or sham-edited ranks below another; every other member is one, and "
    "pairs of two shams are left out."
)
REAL_RULE = (
    "photographs of split val with labels, two of different counts at a time, by larger over smaller count; the labels "
    "were read after training"
)


def kind_accuracies(pairs: Sequence[RankedPair], leads: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return the accuracy of every kind of ordered pairs and of ``all``; ``leads`` (P,) are the first ones' leads."""
    wins: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for pair, lead in zip(pairs, leads.tolist(), strict=True):
        if not pair.tie:
            wins[pair.kind].append((pair.parent, _win(lead)))
            wins["all"].append((pair.parent, _win(lead)))
    return {kind: share_of(wins[kind]) for kind in sorted(wins)}


def sham_wins(
    pairs: Sequence[RankedPair], leads: np.ndarray, rows: Mapping[str, RankedPairRow], edits: set[str]
) -> dict[str, Any]:
    """Return how often the sham wins its ties, over all and apart for photographs and edits; see SIDE_RULE.

    ``rows`` are the table's by id of pair, ``edits`` the ids of members that are edits (:func:`edited_members`).
    """
    wins: dict[str, list[tuple[str, float]]] = {"all": [], "against_photograph": [], "against_edit": []}
    for pair, lead in zip(pairs, leads.tolist(), strict=True):
        if not pair.tie:
            continue
        row = rows[pair.id]
        shams = [member not in edits and member != row.parent_id for member in (row.more_id, row.fewer_id)]
        if sum(shams) != 1:
            continue
        other = row.fewer_id if shams[0] else row.more_id
        win = _win(lead if shams[0] else -lead)
        for name in ("all", "against_photograph" if other == row.parent_id else "against_edit"):
            wins[name].append((row.parent_id, win))
    return {"rule": SIDE_RULE, **{name: share_of(found, "share") for name, found in wins.items()}}


def edited_members(rows: Sequence[RankedPairRow]) -> set[str]:
    """Return the ids of the members that show fewer people than another: edits, and no shams."""
    return {row.fewer_id for row in rows if row.kind in (REAL_EDITED, EDITED_EDITED, SHAM_EDITED)}


def real_accuracies(scores: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Return the accuracy on pairs of photographs by the ratio of their true counts, from (N,) scores and counts.

    An interval takes as many independent verdicts as there are photographs in its pairs, or pairs if these are fewer.
    """
    wins: dict[int, list[float]] = {number: [] for number in range(len(RATIOS))}
    shown: dict[int, set[int]] = {number: set() for number in wins}
    for one, other in itertools.combinations(range(len(counts)), 2):
        if counts[one] == counts[other]:
            continue
        more, fewer = (one, other) if counts[one] > counts[other] else (other, one)
        ratio = counts[more] / counts[fewer] if counts[fewer] else math.inf
        number = next(number for number, end in enumerate(RATIOS) if ratio <= end)
        wins[number].append(_win(scores[more] - scores[fewer]))
        shown[number] |= {more, fewer}
    bins = []
    for number, (low, high) in enumerate(itertools.pairwise((1.0, *RATIOS))):
        ends = {"ratio_above": low, "ratio_to": None if math.isinf(high) else high}
        bins.append(
            ends | _figures(wins[number], min(len(wins[number]), len(shown[number])), "photographs", shown[number])
        )
    everyone = [win for number in wins for win in wins[number]]
    all_shown = set().union(*shown.values())
    return {
        "rule": REAL_RULE,
        "all": _figures(everyone, min(len(everyone), len(all_shown)), "photographs", all_shown),
        "bins": bins,
    }


def share_of(wins: Sequence[tuple[str, float]], name: str = "accuracy") -> dict[str, Any]:
    """Return the mean of (photograph, win) with its 95 % interval, pairs of one photograph not being independent.

    Clopper and Pearson's interval at the effective number of pairs. Source: Korn and Graubard, "Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data", Survey Methodology 1998.
    """
    photographs = sorted({photograph for photograph, _ in wins})
    values = [win for _, win in wins]
    return _figures(values, effective_number(wins), "photographs", photographs, name)


def effective_number(wins: Sequence[tuple[str, float]]) -> float:
    """Return how many independent verdicts the (photograph, win) are worth: between photographs and pairs."""
    groups: dict[str, list[float]] = defaultdict(list)
    for photograph, win in wins:
        groups[photograph].append(win)
    if len(groups) < 2:
        return float(len(groups))
    share = sum(win for _, win in wins) / len(wins)
    rests = [sum(found) - len(found) * share for found in groups.values()]
    variance = sum(rest**2 for rest in rests) / len(wins) ** 2 * len(groups) / (len(groups) - 1)
    if variance == 0 or share in (0.0, 1.0):
        return float(len(groups))
    return float(np.clip(share * (1 - share) / variance, len(groups), len(wins)))


def _figures(
    wins: Sequence[float], number: float, what: str, shown: Sequence[Any] | set[Any], name: str = "accuracy"
) -> dict[str, Any]:
    share = float(np.mean(wins)) if wins else None
    interval = share_interval(share, number, LEVEL) if share is not None else None  # pyright: ignore[reportArgumentType]
    return {name: share, "interval": interval, "pairs": len(wins), what: len(shown)}


def _win(lead: float) -> float:
    return 0.5 if lead == 0 else float(lead > 0)
