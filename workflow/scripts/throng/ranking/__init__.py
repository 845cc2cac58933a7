"""Ranking: ordered pairs and what is learnt from them.

``rank_loss(score_more, score_fewer)`` and ``fit_counts(features, counts, weights=None)`` are found when they are asked
for: stages that only need pairs neither import PyTorch nor depend on what is learnt from them.
"""

import importlib
from typing import Any

PUBLIC = {"rank_loss": "throng.ranking.losses", "fit_counts": "throng.ranking.fit"}


def __getattr__(name: str) -> Any:
    if name in PUBLIC:
        return getattr(importlib.import_module(PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC])
