"""What came of a release's recipes."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from throng.files import write_text


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How many recipes of each product became samples with identical pixels, and why the others did not, by id."""

    rebuilt: Mapping[str, int]
    faults: Mapping[str, Mapping[str, str]]

    @property
    def complete(self) -> bool:
        """Whether every recipe was rebuilt."""
        return not any(self.faults.values())

    def kinds(self, product: str) -> dict[str, int]:
        """Count a product's faults by their kind, the part before the colon."""
        return dict(sorted(Counter(reason.partition(":")[0] for reason in self.faults[product].values()).items()))

    @property
    def first_fault(self) -> str:
        """What is wrong with the first sample that is not identical; empty when all are."""
        return next((reason for faults in self.faults.values() for reason in faults.values()), "")


def write_faults(outcome: Outcome, path: Path) -> Path | None:
    """Write product, sample and reason of every recipe that was not rebuilt, and return the file; None for none."""
    lines = [
        f"{product}\t{name}\t{reason}\n"
        for product, faults in outcome.faults.items()
        for name, reason in sorted(faults.items())
    ]
    if not lines:
        path.unlink(missing_ok=True)
        return None
    write_text(path, "product\tsample\treason\n" + "".join(lines))
    return path
