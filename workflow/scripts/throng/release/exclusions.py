"""What stays out of a release though its stage kept it: near copies of held-out images, and what somebody withdrew."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pyarrow as pa

from throng.release.arrow import Column, among, places

STAYS = -1


@dataclasses.dataclass(frozen=True)
class Exclusions:
    """Why samples that show or come from an image are left out, by the id of the photograph or made image.

    A reason is "short kind: detail", as in the tables. The images in ``withdrawn`` lose their rows in the plain tables
    too, and whatever was made of them does.
    """

    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    withdrawn: frozenset[str] = frozenset()

    @cached_property
    def kinds(self) -> list[str]:
        """The kinds of reasons, sorted: what stands before the colon."""
        return sorted({reason.partition(":")[0] for reason in self.reasons.values()})

    @cached_property
    def _ids(self) -> pa.Array:
        return pa.array(list(self.reasons), pa.string())

    @cached_property
    def _codes(self) -> np.ndarray:
        places = {kind: place for place, kind in enumerate(self.kinds)}
        codes = [places[reason.partition(":")[0]] for reason in self.reasons.values()]
        return np.array([*codes, STAYS], np.int32)

    def codes(self, ids: Column) -> np.ndarray:
        """Return for each id the place of its reason's kind in ``kinds``, int32; -1 where it stays."""
        return self._codes[places(ids, self._ids)]

    def first(self, *columns: Column) -> np.ndarray:
        """Return for each row the code of the first of its ids that is left out, -1 where all stay."""
        codes = self.codes(columns[0])
        for column in columns[1:]:
            codes = np.where(codes == STAYS, self.codes(column), codes)
        return codes

    def is_withdrawn(self, ids: Column) -> np.ndarray:
        """Tell of each id whether it was withdrawn."""
        return among(ids, sorted(self.withdrawn))
