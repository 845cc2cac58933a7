"""How far a run is, and what must be kept of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch


class Stateful(Protocol):
    """Anything beside the network whose state must survive a kill."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and plain values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        ...


@dataclass
class Progress:
    """How far a run is, and the sums of the log interval that is open.

    A run that is stopped while it validates step n owes that validation: ``validated`` is less than ``step``.
    """

    step: int = 0
    validated: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float | torch.Tensor] = field(default_factory=dict)
    best_step: int = 0
    best_score: float = math.inf
