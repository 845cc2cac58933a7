"""Reusing a UNet's deep features between steps, where they hardly change (Ma et al., DeepCache, CVPR 2024).

Every ``interval``-th step runs the whole UNet; the steps between run its outermost blocks only, which put the fine
detail of the current step onto the deep features of the last whole one.
"""

from collections.abc import Callable
from typing import Any

from throng.errors import ThrongError


class DeepReuse:
    """Makes a UNet2DConditionModel skip all blocks but the outermost at most steps."""

    def __init__(self, unet: Any, interval: int, section: str) -> None:
        if unet is None or len(unet.down_blocks) < 2:
            raise ThrongError(
                f"{section}.reuse_interval > 1 needs a model with a UNet of two or more levels; set it to 1 here"
            )
        self._interval, self._step = interval, -1
        self._kept: dict[int, Any] = {}
        unet.register_forward_pre_hook(self._count)
        deep = [*unet.down_blocks[1:], unet.mid_block, *unet.up_blocks[:-1]]
        for number, block in enumerate(block for block in deep if block is not None):
            block.forward = self._reused(number, block.forward)

    def restart(self) -> None:
        """Forget everything: what follows is another batch, and its first step runs the whole UNet."""
        self._step = -1
        self._kept.clear()

    def _count(self, *_: Any) -> None:
        self._step += 1

    def _reused(self, number: int, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            if self._step % self._interval == 0:
                self._kept[number] = forward(*args, **kwargs)
            return self._kept[number]

        return run
