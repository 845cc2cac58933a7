"""Whether a network still counts anything: the least-effort collapse of counting, noticed and said aloud."""

from __future__ import annotations

import torch

from throng.errors import ThrongError


def activity(counts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return ``active_units``, how many of (B, k) counts are above 0 for any picture, and ``mean_norm``, scalars."""
    with torch.no_grad():
        return {"active_units": (counts > 0).any(0).sum().float(), "mean_norm": counts.norm(dim=1).mean()}


def check_alive(active_units: float, when: str) -> None:
    """Raise ThrongError when no unit counts anything any more, which no gradient can mend."""
    if active_units == 0:
        raise ThrongError(
            f"the network collapsed {when}: none of its units counts anything any more, and no gradient will bring one "
            f"back; lower learning_rate, lengthen warmup_steps, raise margin, or train another seed"
        )
