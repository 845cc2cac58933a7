"""Seeds as the command line takes them: ``0-15`` or ``1,4,9-12``."""

from __future__ import annotations

import re

from throng.errors import ThrongError

LARGEST = 2**64 - 1
MOST = 100_000


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of ``1,4,9-12`` in this order; raises ThrongError for anything else, or over 100000 of them."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= LARGEST or last - first >= MOST:
            raise ThrongError(
                f"seeds {text!r}: {part.strip()!r} is no number and no rising range of up to {MOST}; "
                f"expected such as 0-15 or 1,4,9-12"
            )
        seeds += range(first, last + 1)
    return seeds
