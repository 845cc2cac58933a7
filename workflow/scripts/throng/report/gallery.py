"""What is shown of a run: pairs, edits and synthesised images, chosen by id so that the choice never changes."""

import itertools
from collections.abc import Sequence
from typing import Any

from throng.manifest import OK
from throng.release.corpus import Corpus
from throng.report.pictures import Thumbnails
from throng.roots import RESULTS
from throng.tables.detections import Detection
from throng.tables.gan_samples import GanSampleRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import EQUAL, MORE, Crop, RankedPairRow
from throng.tables.removals import CHAIN, REDUCE, SHAM, RemovalRow

View = dict[str, Any]


def pair_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return pairs of every kind in turn, and of as many different photographs as there are.

    In the fuller image the people who went are outlined, or the window that the other image is.
    """
    return [_pair_view(corpus, thumbnails, row) for row in _chosen(corpus.ranked_pairs, number)]


def _pair_view(corpus: Corpus, thumbnails: Thumbnails, row: RankedPairRow) -> View:
    photograph = corpus.photograph(row.parent_id, f"ranked pair {row.id}")[0]
    frame = Crop(x=0, y=0, w=photograph.width, h=photograph.height)
    outer, inner = row.more_crop or frame, row.fewer_crop or frame
    return {
        "id": row.id,
        "kind": row.kind,
        "says": _says(row),
        "split": row.split,
        "scene": row.scene,
        "more": thumbnails.window(row.more_source, row.more_path, row.more_crop),
        "fewer": thumbnails.window(row.fewer_source, row.fewer_path, row.fewer_crop),
        "more_size": (outer["w"], outer["h"]),
        "fewer_size": (inner["w"], inner["h"]),
        "boxes": _boxes(_people(corpus, row.parent_id), row.removed),
        "window": (inner["x"] - outer["x"], inner["y"] - outer["y"]) if outer != inner else None,
    }


def _says(row: RankedPairRow) -> str:
    if row.relation == MORE:
        return "more" if row.delta is None else f"{row.delta} more"
    return "as many" if row.relation == EQUAL else "as many or more"


def _chosen(pairs: Sequence[RankedPairRow], number: int) -> list[RankedPairRow]:
    kinds: dict[str, list[RankedPairRow]] = {}
    for row in sorted(pairs, key=lambda row: row.id):
        kinds.setdefault(row.kind, []).append(row)
    ordered = [_different_photographs(rows) for rows in kinds.values()]
    in_turn = [row for rows in itertools.zip_longest(*ordered) for row in rows if row is not None]
    return in_turn[:number]


def _different_photographs(pairs: Sequence[RankedPairRow]) -> list[RankedPairRow]:
    seen: set[str] = set()
    first, rest = [], []
    for row in pairs:
        (rest if row.parent_id in seen else first).append(row)
        seen.add(row.parent_id)
    return first + rest


def strip_views(corpus: Corpus, thumbnails: Thumbnails, recipe: str, number: int) -> list[View]:
    """Return the longest rows of edits of one recipe, photograph first, each edit with what was done to it."""
    strips: dict[str, list[RemovalRow]] = {}
    for row in sorted(corpus.removals, key=lambda row: (row.parent_id, row.level)):
        if row.status == OK and row.recipe == recipe:
            strips.setdefault(row.parent_id, []).append(row)
    longest = sorted(strips, key=lambda parent: (-len(strips[parent]), parent))[:number]
    views = []
    for parent in longest:
        photograph = corpus.photograph(parent, f"a {recipe} edit")[0]
        found = strips[parent][0].detected_count
        start = {
            "says": f"{found} detected{' left' if recipe == CHAIN else ''}",
            "done": "photograph",
            "image": thumbnails.uri(photograph.source, photograph.path),
        }
        steps = [_step(row) | {"image": thumbnails.uri(RESULTS, row.path)} for row in strips[parent]]
        views.append({"name": _name(photograph), "split": photograph.split, "steps": [start, *steps]})
    return views


def _step(row: RemovalRow) -> View:
    if row.recipe == CHAIN:
        gone = len(row.removed)
        return {"says": f"{row.detected_count - gone} detected left", "done": f"{gone} removed"}
    if row.recipe == SHAM:
        areas = f"{row.areas} area{'s' if row.areas != 1 else ''} painted"
        return {"says": f"{row.detected_count - len(row.removed)} detected", "done": areas}
    return {"says": "fewer" if row.recipe == REDUCE else "more", "done": f"variant {row.level}"}


def synthetic_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return synthesised images spread evenly over their counts, with their head points."""
    prompts = {row.id: row.text for row in corpus.prompts}
    labels = {row.id: row.class_name for row in corpus.density_labels if row.table == "synthetic"}
    kept = sorted(corpus.counted, key=lambda pair: (pair[1].count or 0, pair[0].id))
    shown = [kept[k * len(kept) // number] for k in range(number)] if len(kept) > number else kept
    return [
        {
            "requested": row.density if row.requested is None else row.requested,
            "count": f"{known.count:g}" if known.exact else f"{known.count:.1f} ± {known.std:.1f}",
            "points": row.points or [],
            "known": row.points is not None,
            "width": row.width,
            "height": row.height,
            "prompt": prompts.get(row.prompt_id, ""),
            "density": labels.get(row.id, ""),
            "backend": row.maker if row.maker == row.backend else f"{row.maker} ({row.backend})",
            "image": thumbnails.uri(RESULTS, row.path),
        }
        for row, known in shown
    ]


def drawn_views(corpus: Corpus, thumbnails: Thumbnails, number: int) -> list[View]:
    """Return, by sampler and requested label, the first images that a generator drew.

    Images of one seed stand one above the other, so that the label alone differs where the sampler kept scenes.
    """
    samplers: dict[str, list[GanSampleRow]] = {}
    for row in sorted(corpus.drawn, key=lambda row: (row.sampler, row.label, row.seed_index)):
        samplers.setdefault(row.sampler, []).append(row)
    return [
        {
            "name": name,
            "gan": rows[0].gan,
            "run": rows[0].run,
            "number": len(rows),
            "labels": [_label_view(list(same), thumbnails, number) for _, same in itertools.groupby(rows, _label)],
        }
        for name, rows in samplers.items()
    ]


def _label(row: GanSampleRow) -> list[float]:
    return row.label


def _label_view(rows: Sequence[GanSampleRow], thumbnails: Thumbnails, number: int) -> View:
    shown = [
        {"image": thumbnails.uri(RESULTS, row.path), "width": row.width, "height": row.height} for row in rows[:number]
    ]
    return {"name": rows[0].label_name, "number": len(rows), "images": shown}


def _people(corpus: Corpus, image_id: str) -> list[Detection]:
    return next((row.people for row in corpus.detections if row.id == image_id), [])


def _boxes(people: Sequence[Detection], indices: Sequence[int]) -> list[Detection]:
    return [people[index] for index in indices if index < len(people)]


def _name(photograph: ImageRow) -> str:
    return f"{photograph.source}: {photograph.path}"
