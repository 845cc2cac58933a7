"""What stays out of a release though its stage kept it: near copies of held-out images, and what somebody withdrew."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from throng.release.products import Sample


@dataclasses.dataclass(frozen=True)
class Exclusions:
    """Why samples that show or come from an image are left out, by the id of the photograph or made image.

    A reason is "short kind: detail", as in the tables. The images in ``withdrawn`` lose their rows in the plain tables
    too, and whatever was made of them does.
    """

    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    withdrawn: frozenset[str] = frozenset()

    def kind(self, sample: Sample) -> str | None:
        """Return what a sample is left out for, the part before the colon, or None when it stays."""
        members = (sample.fields[name] for name in ("more_id", "fewer_id") if name in sample.fields)
        for shown in (sample.id, *sample.parents, *members):
            if shown in self.reasons:
                return self.reasons[shown].partition(":")[0]
        return None

    def divide(self, samples: Sequence[Sample]) -> tuple[list[Sample], dict[str, int]]:
        """Return the samples that stay, in their order, and how many are left out by reason."""
        kinds = [self.kind(sample) for sample in samples]
        stay = [sample for sample, kind in zip(samples, kinds, strict=True) if kind is None]
        return stay, dict(sorted(Counter(kind for kind in kinds if kind is not None).items()))
