"""What is shown of a run: pairs, chains and synthesised images, chosen by id so that the choice never changes."""

from collections.abc import Sequence
from typing import Any

from throng.manifest import OK
from throng.release.corpus import Corpus
from throng.report.pictures import Thumbnails
from throng.roots import RESULTS
from throng.tables.detections import Detection
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow

View = dict[str, Any]


def pair_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return pairs of as many different photographs as there are, the removed people outlined in the fuller image."""
    views = []
    for row in _different_photographs(corpus.ranked_pairs, number):
        photograph = corpus.photograph(row.parent_id, f"ranked pair {row.id}")[0]
        views.append(
            {
                "id": row.id,
                "kind": row.kind,
                "delta": row.delta,
                "split": row.split,
                "scene": row.scene,
                "more": thumbnails.uri(row.more_source, row.more_path),
                "fewer": thumbnails.uri(row.fewer_source, row.fewer_path),
                "width": photograph.width,
                "height": photograph.height,
                "boxes": _boxes(_people(corpus, row.parent_id), row.removed),
            }
        )
    return views


def _different_photographs(pairs: Sequence[RankedPairRow], number: int) -> list[RankedPairRow]:
    by_id = sorted(pairs, key=lambda row: row.id)
    seen: set[str] = set()
    first, rest = [], []
    for row in by_id:
        (rest if row.parent_id in seen else first).append(row)
        seen.add(row.parent_id)
    return (first + rest)[:number]


def chain_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return the longest removal chains, photograph first, each with what has gone at every step."""
    chains: dict[str, list[View]] = {}
    for row in sorted(corpus.removals, key=lambda row: (row.parent_id, row.level)):
        if row.status == OK:
            left = row.detected_count - row.removed_count
            step = {"gone": row.removed_count, "left": left, "image": (RESULTS, row.path)}
            chains.setdefault(row.parent_id, []).append(step)
    longest = sorted(chains, key=lambda parent: (-len(chains[parent]), parent))[:number]
    views = []
    for parent in longest:
        photograph = corpus.photograph(parent, "a removal chain")[0]
        found = chains[parent][0]["left"] + chains[parent][0]["gone"]
        start = {"gone": 0, "left": found, "image": (photograph.source, photograph.path)}
        steps = [step | {"image": thumbnails.uri(*step["image"])} for step in (start, *chains[parent])]
        views.append({"name": _name(photograph), "split": photograph.split, "steps": steps})
    return views


def synthetic_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return synthesised images spread evenly over the requested counts, with their head points."""
    prompts = {row.id: row.text for row in corpus.prompts}
    labels = {row.id: row.class_name for row in corpus.density_labels if row.table == "synthetic"}
    kept = sorted((row for row in corpus.synthetic if row.status == OK), key=lambda row: (row.requested, row.id))
    shown = [kept[k * len(kept) // number] for k in range(number)] if len(kept) > number else kept
    return [
        {
            "requested": row.requested,
            "count": row.count,
            "points": row.points or [],
            "known": row.points is not None,
            "width": row.width,
            "height": row.height,
            "prompt": prompts.get(row.id, ""),
            "density": labels.get(row.id, ""),
            "backend": row.backend,
            "image": thumbnails.uri(RESULTS, row.path),
        }
        for row in shown
    ]


def _people(corpus: Corpus, image_id: str) -> list[Detection]:
    return next((row.people for row in corpus.detections if row.id == image_id), [])


def _boxes(people: Sequence[Detection], indices: Sequence[int]) -> list[Detection]:
    return [people[index] for index in indices if index < len(people)]


def _name(photograph: ImageRow) -> str:
    return f"{photograph.source}: {photograph.path}"
