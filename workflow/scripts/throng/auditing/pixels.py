"""The measured edits in figures: identity outside the mask, seams, blur, and distance to the true background."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from throng.auditing.shares import share
from throng.manifest import OK
from throng.tables.audited_edits import AuditedEditRow

QUANTILES = (0.05, 0.5, 0.95)
TEXTURE = ("seam", "sharpness", "sharpness_before")
QUALITY = ("psnr", "ssim", "gmsd")
Record = dict[str, Any]


def figures(rows: Sequence[AuditedEditRow]) -> Record:
    """Return the figures of the measured edits; what was not measured is counted by reason."""
    measured = [row for row in rows if row.status == OK]
    masked = [row for row in measured if row.changed_outside is not None]
    stacked = [row for row in measured if row.changed_base is not None]
    return {
        "edits": len(rows),
        "measured": len(measured),
        "photographs": len({row.parent_id for row in measured}),
        "unmeasured": dict(sorted(Counter(row.reason.partition(":")[0] for row in rows if row.status != OK).items())),
        "outside": _untouched(masked, [row.changed_outside or 0 for row in masked]),
        "between_levels": _untouched(stacked, [row.changed_base or 0 for row in stacked]),
        "heads": _heads([row for row in measured if row.heads_painted]),
        "texture": _groups([row for row in masked if row.painted], TEXTURE, by_background=False),
        "quality": _groups([row for row in masked if row.background], QUALITY, by_background=True),
    }


def _untouched(rows: Sequence[AuditedEditRow], changed: Sequence[int]) -> Record:
    """Return the share of edits that change no pixel where they must not, and which ones do."""
    return share(sum(pixels == 0 for pixels in changed), len(rows)) | {
        "changed": {row.id: pixels for row, pixels in zip(rows, changed, strict=True) if pixels}
    }


def _heads(rows: Sequence[AuditedEditRow]) -> Record:
    """Return the share of painted heads that look changed, and the edits in which some do not."""
    painted = sum(row.heads_painted or 0 for row in rows)
    unchanged = {row.id: row.heads_unchanged for row in rows if row.heads_unchanged}
    return share(painted - sum(unchanged.values()), painted) | {"unchanged": unchanged}


def _groups(rows: Sequence[AuditedEditRow], names: Sequence[str], *, by_background: bool) -> list[Record]:
    groups: dict[tuple[str, ...], list[AuditedEditRow]] = {}
    for row in rows:
        groups.setdefault((row.backend, row.recipe, *([row.background] if by_background else [])), []).append(row)
    records: list[Record] = []
    for key in sorted(groups):
        record: Record = dict(zip(("backend", "recipe", "background"), key, strict=False)) | {"edits": len(groups[key])}
        for name in names:
            record[name] = _quantiles([value for row in groups[key] if (value := getattr(row, name)) is not None])
        records.append(record)
    return records


def _quantiles(values: Sequence[float]) -> Record | None:
    if not values:
        return None
    low, median, high = np.quantile(np.asarray(values, np.float64), QUANTILES)
    return {
        "number": len(values),
        "mean": float(np.mean(values)),
        "p05": float(low),
        "median": float(median),
        "p95": float(high),
    }
