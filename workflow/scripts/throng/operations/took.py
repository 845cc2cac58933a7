"""What a finished job took, as it said itself beside its log: the one source of cards and plans.

Snakemake's benchmark files look at a job every half minute from its fifteenth second on and not at its end, so their
processor time is too little.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError, first_line

MEGABYTE = 2**20
MOST = 1e18  # of seconds or bytes; what is more was no job


@dataclasses.dataclass(frozen=True)
class Took:
    """Seconds by the clock and of processor time, interpreter and imports included, which are ``started`` alone.

    ``peak_mb`` is the most memory at once, in MiB; ``whole`` is false where an earlier attempt made a part of it.
    """

    seconds: float
    cpu_seconds: float
    started: float
    peak_mb: float
    whole: bool


def took(record: Path) -> Took | None:
    """Return what the job with this record took, None where there is none or it has not ended well.

    Raises ThrongError for a file that is no such record.
    """
    if not record.is_file():
        return None
    try:
        said: Mapping[str, Any] = json.loads(record.read_text())
        if said["state"] != "done":
            return None
        started = _number(said["start_cpu_seconds"])
        return Took(
            seconds=_number(said["wall_seconds"]) + started,
            cpu_seconds=_number(said["cpu_seconds"]) + started,
            started=started,
            peak_mb=_number(said["memory_peak_bytes"]) / MEGABYTE,
            whole=not said["rows_resumed"],
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ThrongError(
            f"{record}: expected what a job of throng took, as JSON ({first_line(error)}); remove it"
        ) from error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < MOST:
        raise ValueError(f"{value!r} is no duration or size")
    return float(value)
