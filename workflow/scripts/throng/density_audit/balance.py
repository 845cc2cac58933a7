"""What the labels say of the images as a whole: shares of classes, levels of service, and what is not told and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from throng.density.service import LETTERS
from throng.density_audit.agreement import Opinion
from throng.density_audit.gathering import Gathered, Labelled
from throng.manifest import OK

Record = dict[str, Any]


def labellers(gathered: Gathered, opinions: Sequence[Opinion]) -> list[Record]:
    """Return by labeller how many images each class has by table, and why and on what assumption the others do not."""
    tables = np.array([one.row.table for one in gathered.images])
    records: list[Record] = []
    for place, (labeller, opinion) in enumerate(zip(gathered.labellers, opinions, strict=True)):
        said = [one.row.labels[place] for one in gathered.images if one.row.labels]
        balance = {
            table: np.bincount(mine[mine >= 0], minlength=opinion.sizes).tolist()
            for table in sorted(set(tables.tolist()))
            for mine in [opinion.classes[tables == table]]
        }
        used = np.unique(opinion.classes[opinion.classes >= 0])
        records.append(
            {
                "labeller": opinion.name,
                "classes": list(labeller.classes),
                "balance": balance,
                "classified": int((opinion.classes >= 0).sum()),
                "constant": labeller.classes[used[0]] if len(used) == 1 else None,
                "unsaid": _kinds(label["reason"] for label in said if label["density_class"] is None),
                "undefined": sum(label["score"] is None and label["density_class"] is not None for label in said),
                "flags": dict(sorted(Counter(flag for label in said for flag in label["flags"]).items())),
            }
        )
    return records


def service(gathered: Gathered) -> Record:
    """Return the images of each level of service and of each hazard mark by table, and why others have none."""
    letters: dict[str, list[int]] = {}
    hazards: Counter[str] = Counter()
    for table in sorted({one.row.table for one in gathered.images}):
        found = Counter(g["level_of_service"] for one in _of(gathered, table) if (g := one.row.ground) is not None)
        letters[table] = [found[letter] for letter in LETTERS]
        hazards.update(g["hazard"] for one in _of(gathered, table) if (g := one.row.ground) is not None)
    return {
        "scheme": gathered.section.get("service", ""),
        "letters": list(LETTERS),
        "images": letters,
        "hazards": dict(hazards.most_common()),
        "untold": {
            table: _kinds(one.row.ground_reason for one in _of(gathered, table) if one.row.ground is None)
            for table in letters
        },
    }


def rejections(gathered: Gathered) -> Record:
    """Return by table how many rows are ok or rejected, by reason."""
    return {
        table: {"ok": sum(one.row.status == OK for one in rows)}
        | _kinds(one.row.reason for one in rows if one.row.status != OK)
        for table in sorted({one.row.table for one in gathered.images})
        for rows in [list(_of(gathered, table))]
    }


def _of(gathered: Gathered, table: str) -> Iterable[Labelled]:
    return (one for one in gathered.images if one.row.table == table)


def _kinds(reasons: Iterable[str]) -> dict[str, int]:
    """Count reasons by their short kind, the part before the colon."""
    return dict(sorted(Counter(reason.split(":")[0] or "no reason given" for reason in reasons).items()))
