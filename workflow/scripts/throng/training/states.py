"""What a checkpoint of one network holds, and where the parts go when a run goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from throng.training.progress import Progress, Stateful


@dataclass
class States:
    """Everything a checkpoint holds beside the progress."""

    model: nn.Module
    optimizer: Any
    average: nn.Module | None
    scaler: Any
    watch: dict[str, Stateful]
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    def compare(self, candidate: nn.Module, score: float, progress: Progress) -> None:
        """Keep the candidate's weights when its score is the lowest so far."""
        if score < progress.best_score:
            progress.best_score, progress.best_step = score, progress.step
            self.best = _copied(candidate)

    def settle(self) -> None:
        """Give the model the best weights, or without validation its average."""
        if self.best:
            self.model.load_state_dict(self.best)
        elif self.average is not None:
            self.model.load_state_dict(self.average.state_dict())

    def parts(self, progress: Progress) -> dict[str, Any]:
        """Return the parts of a checkpoint by name."""
        return {
            "progress": {
                **asdict(progress),
                "sums": {name: float(total) for name, total in progress.sums.items()},
                "scaler": self.scaler.state_dict() if self.scaler is not None else {},
                "watch": {name: item.state_dict() for name, item in self.watch.items()},
            },
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "best": self.best,
        }

    def restore(self, parts: dict[str, Any]) -> Progress:
        """Load the parts and return the progress they were saved at."""
        rest = dict(parts["progress"])
        scaler, watch = rest.pop("scaler"), rest.pop("watch")
        self.model.load_state_dict(parts["model"])
        self.optimizer.load_state_dict(parts["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(parts["average"])
        if self.scaler is not None:
            self.scaler.load_state_dict(scaler)
        for name, item in self.watch.items():
            item.load_state_dict(watch[name])
        self.best = parts["best"]
        return Progress(**rest)


def _copied(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
