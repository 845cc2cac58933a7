"""What the probe finds: whether edits can be told from photographs, and what that would be worth to a ranker.

The ranker that cheats calls the member that looks more edited the one with fewer people. On a photograph and its sham
edit, which show the same people, an honest probe of an edit without traces is right half of the time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from throng.auditing.probe import Folded, Patches, right
from throng.auditing.shares import grouped_interval, share
from throng.tables.audited_edits import AuditedEditRow
from throng.tables.ranked_pairs import MORE, RankedPairRow
from throng.tables.removals import CHAIN, REDUCE, SHAM

CHANCE, MARGIN = 0.5, 0.05
Record = dict[str, Any]


def teaches(row: AuditedEditRow) -> bool:
    """Tell whether an edit shows the editor's traces where nobody has gone: a sham, or all of a re-rendered image."""
    return row.recipe == SHAM or (row.recipe == REDUCE and row.painted is None)


def clean(row: AuditedEditRow) -> bool:
    """Tell whether an edit that :func:`teaches` painted over no annotated head: the number of people tells nothing."""
    return teaches(row) and not row.heads_painted


def steps(probes: Folded, painted: Sequence[Patches], cells: Mapping[str, int]) -> dict[str, float]:
    """Return by edit how much more edited than its base it looks: the difference of log-odds over what it painted.

    Patches that an edit left alone are the same in both and add nothing, so this is the difference over whole images;
    ``cells`` says how many painted cells the ``painted`` patches of an edit stand for; without any it looks as before.
    """
    found = {edit: 0.0 for edit, number in cells.items() if number == 0}
    for patches in painted:
        edited, original = probes.differences(patches)
        found[patches.edit] = float(cells[patches.edit] * (edited - original).mean())
    return found


def tells(bases: Mapping[str, str], stepped: Mapping[str, float]) -> dict[str, float]:
    """Return by edit how much more edited than the photograph it looks: its :func:`steps` and those of its bases.

    ``bases`` maps every edit to what it was made from, the photograph or another edit.
    """
    found: dict[str, float] = {}
    for edit in stepped:
        way = [edit]
        while bases[way[-1]] in bases:
            way.append(bases[way[-1]])
        if all(step in stepped for step in way):
            found[edit] = sum(stepped[step] for step in way)
    return found


def patch_figures(probes: Folded, judged: Sequence[Patches], rng: np.random.Generator) -> Record:
    """Return the share of patches that the probes judge rightly, with an interval by scenes."""
    if not probes.ready or not judged:
        return {"patches": 0, "scenes": 0, "accuracy": None, "low": None, "high": None}
    answers = [right(*probes.differences(patches)) for patches in judged]
    scenes = [patches.scene for patches, answer in zip(judged, answers, strict=True) for _ in answer]
    every = np.concatenate(answers)
    low, high = grouped_interval(every, scenes, rng)
    return {
        "patches": len(every),
        "scenes": len(set(scenes)),
        "accuracy": float(every.mean()),
        "low": low,
        "high": high,
    }


def sham_pairs(rows: Sequence[AuditedEditRow], stepped: Mapping[str, float]) -> Record:
    """Return how often the probe finds the sham among a sham and the image that it was made from.

    Shams that painted over annotated heads have no vote. Where a whole image was rendered again, what lies away from
    all people is taken for the sham.
    """
    return _votes([stepped[row.id] for row in rows if clean(row) and row.id in stepped])


def same_area_pairs(rows: Sequence[AuditedEditRow], told: Mapping[str, float]) -> Record:
    """Return how often an edit looks more edited than the sham that copies its areas, which shows more people.

    This is what the rule of :func:`rule_figures` is worth on pairs of kind sham-edited, whether they are made or not.
    """
    shams = {(row.parent_id, row.level): told[row.id] for row in rows if row.recipe == SHAM and row.id in told}
    chains = [row for row in rows if row.recipe == CHAIN and row.id in told]
    return _votes(
        [told[row.id] - shams[row.parent_id, row.level] for row in chains if (row.parent_id, row.level) in shams]
    )


def rule_figures(pairs: Sequence[RankedPairRow], told: Mapping[str, float]) -> list[Record]:
    """Return by kind how often "what looks more edited has fewer people" is right of pairs that differ in people."""
    known = {**told, **{pair.parent_id: 0.0 for pair in pairs}}
    votes: dict[str, list[float]] = {}
    for pair in pairs:
        whole = pair.more_crop is None and pair.fewer_crop is None
        if pair.relation == MORE and whole and pair.more_id in known and pair.fewer_id in known:
            votes.setdefault(pair.kind, []).append(known[pair.fewer_id] - known[pair.more_id])
    return [{"kind": kind} | _votes(votes[kind]) for kind in sorted(votes)]


def verdict(pairs: Record, rules: Sequence[Record]) -> str:
    """Say what the share of shams that are found, and the worth of the rule by kind, mean for who trains a ranker."""
    if not pairs["number"]:
        return "unknown: no sham edit was measured in two scenes or more, so nothing is known of shortcuts"
    if pairs["low"] > CHANCE + MARGIN:
        paying = ", ".join(rule["kind"] for rule in rules if rule["low"] > CHANCE + MARGIN) or "no kind measured here"
        return (
            f"shortcut: the edits give themselves away, and a ranker can win without looking at people on {paying}; "
            f"train with sham-equal and sham-edited pairs too, in which the edited image is not the one with fewer "
            f"people, or choose another backend"
        )
    if pairs["low"] >= CHANCE - MARGIN and pairs["high"] <= CHANCE + MARGIN:
        return "none found: this probe tells edits from photographs no better than chance; a stronger one might"
    return "undecided: too few sham pairs, or a probe that errs the same way each time; measure more photographs"


def _votes(differences: Sequence[float]) -> Record:
    return share(float(sum((np.sign(value) + 1) / 2 for value in differences)), len(differences))
