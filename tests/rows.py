"""Rows of tables with unremarkable values, for tests to say only what matters to them."""

from typing import Any

from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow


def removal_row(**said: Any) -> RemovalRow:
    """An ok chain edit of photograph ``p`` that removed person 0."""
    values: dict[str, Any] = {
        "id": "e1",
        "parent_id": "p",
        "recipe": "chain",
        "level": 1,
        "base_id": said.get("parent_id", "p"),
        "removed": [0],
        "removed_count": len(said.get("removed", [0])),
        "detected_count": 9,
        "areas": len(said.get("removed", [0])),
        "mask": None,
        "seed": 0,
        "attempts": 1,
        "options": "",
        "count_before": None,
        "count_after": None,
        "residual": None,
        "hallucinated": None,
        "lost": None,
        "path": f"remove/part-000-of-001.zip/{said.get('id', 'e1')}.png",
        "sha256": "",
        "width": 10,
        "height": 10,
        "backend": "opencv",
        "status": "ok",
        "reason": "",
    }
    return RemovalRow(**values | said)


def pair_row(**said: Any) -> RankedPairRow:
    """A pair of photograph ``p`` and its edit ``e1``."""
    values: dict[str, Any] = {
        "id": "pair",
        "parent_id": "p",
        "kind": "real-edited",
        "relation": "more",
        "more_id": "p",
        "more_source": "source",
        "more_path": "p.jpg",
        "more_crop": None,
        "fewer_id": "e1",
        "fewer_source": "results",
        "fewer_path": "remove/part-000-of-001.zip/e1.png",
        "fewer_crop": None,
        "delta": len(said.get("removed", [0])),
        "removed": [0],
        "weight": 1.0,
        "split": "train",
        "scene": "s",
    }
    return RankedPairRow(**values | said)
