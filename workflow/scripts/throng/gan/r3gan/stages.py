"""The stages of an R3GAN network: how many, how wide, and how their options are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from throng.errors import ThrongError

SMALLEST = 4


@dataclass(frozen=True)
class Stages:
    """Width, residual blocks and groups of each stage, from 4x4 pixels up to the resolution."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    groups: tuple[int, ...]
    expansion: int

    @property
    def depth(self) -> int:
        """Number of residual blocks in all."""
        return sum(self.blocks)

    @property
    def options(self) -> dict[str, list[int] | int]:
        """The stages as options of a network, fit for JSON."""
        return {
            "widths": list(self.widths),
            "blocks": list(self.blocks),
            "groups": list(self.groups),
            "expansion": self.expansion,
        }


def stages(
    resolution: int, widths: Sequence[int], blocks: int | Sequence[int], groups: int | Sequence[int], expansion: int
) -> Stages:
    """Return the checked stages of a network for ``resolution``; one number of blocks or groups holds for every stage.

    Raises ThrongError when the resolution is no power of two from 8 up, a list has not one entry per stage, a number is
    below 1, or the groups do not divide a stage's expanded channels.
    """
    if resolution < 2 * SMALLEST or resolution & (resolution - 1):
        raise ThrongError(f"r3gan draws squares of a power of two pixels, 8 or more: resolution is {resolution}")
    count = (resolution // SMALLEST).bit_length()
    lists = {"widths": tuple(widths)}
    for name, value in (("blocks", blocks), ("groups", groups)):
        lists[name] = (value,) * count if isinstance(value, int) else tuple(value)
    for name, values in lists.items():
        if len(values) != count:
            sizes = ", ".join(str(SMALLEST << stage) for stage in range(count))
            raise ThrongError(
                f"r3gan at {resolution} pixels has {count} stages ({sizes} pixels): {name} has {len(values)} numbers"
            )
        if min(values) < 1:
            raise ThrongError(f"{name} of r3gan must all be 1 or more: found {min(values)}")
    if expansion < 1:
        raise ThrongError(f"expansion of r3gan must be 1 or more: it is {expansion}")
    for width, group in zip(lists["widths"], lists["groups"], strict=True):
        if width * expansion % group:
            raise ThrongError(
                f"groups of r3gan must divide width times expansion: {group} does not divide {width} x {expansion}"
            )
    return Stages(lists["widths"], lists["blocks"], lists["groups"], expansion)
