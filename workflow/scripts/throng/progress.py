"""How far a job is, as one line of its log, and that line read again."""

import dataclasses
import re

LINE = re.compile(
    r"(?P<what>[^:]+): (?P<done>[\d.e+-]+) of (?P<total>[\d.e+-]+), (?P<rate>[\d.e+-]+)/s, (?P<left>\d+) s left$"
)


@dataclasses.dataclass(frozen=True)
class Heard:
    """What a line said: ``done`` of ``total`` at ``rate`` a second, and the seconds that are left."""

    what: str
    done: float
    total: float
    rate: float
    left: float


def said(what: str, done: float, total: float, rate: float) -> str:
    """Return the line that says how far a job is; ``rate`` is what it did per second since it began."""
    return f"{what}: {done:.10g} of {total:.10g}, {rate:.3g}/s, {max(0.0, total - done) / max(rate, 1e-9):.0f} s left"


def heard(line: str) -> Heard | None:
    """Return what such a line says, wherever in a log it stands; None for any other line."""
    found = LINE.search(line.rstrip("\n"))
    if found is None:
        return None
    numbers = {name: float(found[name]) for name in ("done", "total", "rate", "left")}
    return Heard(found["what"].split(" ")[-1], **numbers)
