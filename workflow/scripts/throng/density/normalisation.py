"""What the labeller ``normalised`` compares an image with, frozen to a file so that other runs can use the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from throng.errors import ThrongError


@dataclass(frozen=True)
class Normalisation:
    """People in every training image, ascending, and the fewest and most persons that each data set annotates."""

    reference: Sequence[float]
    extremes: Mapping[str, tuple[int, int]]

    def text(self) -> str:
        """Return the file's content."""
        content = {"reference": list(self.reference), "extremes": {k: list(v) for k, v in self.extremes.items()}}
        return json.dumps(content, indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Normalisation":
        """Read the file that label_density wrote; raises ThrongError when it is something else."""
        try:
            content = json.loads(path.read_text())
            reference = sorted(float(count) for count in content["reference"])
            extremes = {str(name): (int(low), int(high)) for name, (low, high) in content["extremes"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise ThrongError(
                f"label_density.normalisation: {path} is no normalisation.json of stage label_density "
                f"({type(error).__name__}: {error}); name the one of another run, or null"
            ) from error
        return cls(reference, extremes)
