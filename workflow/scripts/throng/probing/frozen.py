"""Networks that a probe looks at and may not change."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from operator import itemgetter

from torch import nn

from throng.errors import ThrongError


def parameter_hash(network: nn.Module) -> str:
    """Return the hex sha256 over names, types, shapes and bytes of all parameters and buffers, in the names' order."""
    digest = hashlib.sha256()
    for name, value in sorted([*network.named_parameters(), *network.named_buffers()], key=itemgetter(0)):
        array = value.detach().cpu().contiguous()
        digest.update(f"{name}\x1f{array.dtype}\x1f{tuple(array.shape)}\x1f".encode())
        digest.update(array.numpy().tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def frozen(network: nn.Module, name: str) -> Iterator[str]:
    """Freeze a network while it is probed and yield its parameter hash.

    It counts in eval mode, so that no running statistic moves, and no parameter takes a gradient. Raises ThrongError
    when a parameter or a buffer is another one afterwards.
    """
    before = parameter_hash(network)
    network.eval().requires_grad_(False)
    yield before
    if parameter_hash(network) != before:
        raise ThrongError(f"{name} has changed while it was probed, so its figures would be another network's")
