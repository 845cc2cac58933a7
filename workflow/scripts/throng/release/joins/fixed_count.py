"""Synthesised images, each with what is known of its count, its prompt and its density label."""

from typing import Any

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.arrow import equal
from throng.release.corpus import TABLES, Corpus
from throng.release.joins import heads
from throng.release.joins.plan import Candidates, Need, Rows, rows_of, split_codes
from throng.release.products import MEDIA, Picture, Sample
from throng.release.synthetics import Synthetics

CALIBRATED = ("count", "std", "exact", "detected", "predicted", "weight")
LABEL = ("density_class", "class_name", "score", "method", "mode")
SYNTHETIC = "synthetic"


def candidates(corpus: Corpus, synthetics: Synthetics, *, blur: bool) -> Candidates:
    """Return all synthesised images whose count is known; raises ThrongError for one without its prompt."""
    rows = np.flatnonzero(synthetics.counted)
    table = corpus.columns("synthetic", ["id", "split", "prompt_id"]).take(rows)
    prompts = rows_of(corpus.columns("prompts", ["id"]), table["prompt_id"])
    if (prompts < 0).any():
        lost = table["id"][int(np.flatnonzero(prompts < 0)[0])]
        raise ThrongError(f"synthetic image {lost} has no row in table prompts; rerun stage 'synthesize'")
    labels = corpus.columns("density_labels", ["id", "table", "status"])
    usable = equal(labels["table"], SYNTHETIC) & equal(labels["status"], OK)
    kept = np.append(np.flatnonzero(usable), -1)
    return Candidates(
        ids=table["id"],
        order=table["id"],
        splits=split_codes(table, "synthetic"),
        shown=synthetics.shown[rows],
        kinds=synthetics.kinds[rows],
        needs={
            "image": Need("synthetic", tuple(TABLES["synthetic"][0].schema.names), rows),
            "known": Need(
                "calibrated_counts", CALIBRATED, rows_of(corpus.columns("calibrated_counts", ["id"]), table["id"])
            ),
            "prompt": Need("prompts", tuple(TABLES["prompts"][0].schema.names), prompts),
            "label": Need("density_labels", LABEL, kept[rows_of(labels.filter(pa.array(usable)), table["id"])]),
        },
        make=lambda row, shown: _sample(row, shown, synthetics.emptied_by, blur=blur),
    )


def _sample(rows: Rows, shown: bool, emptied_by: tuple[str, ...], *, blur: bool) -> Sample:
    image, known, prompt, label = rows["image"], rows["known"], rows["prompt"], rows["label"]
    assert image and known and prompt
    parents = parents_of(image)
    same = ("id", "requested", "density", "points", "boxes", "masks", "split", "scene", "width", "height", "sha256")
    terms = ("background_id", "licence", "maker", "backend", "options")
    text = ("template", "viewpoint", "conditions", "wording", "repeat", "seed")
    fields = {
        **{name: image[name] for name in (*same, *terms)},
        **{name: prompt[name] for name in text},
        "prompt": prompt["text"],
        "negative_prompt": prompt["negative"],
        "count": known["count"],
        "count_std": known["std"],
        "count_exact": known["exact"],
        "count_detected": known["detected"],
        "count_predicted": known["predicted"],
        "weight": known["weight"],
        "density_class": label["density_class"] if label else None,
        "density_class_name": label["class_name"] if label else None,
        "density_score": label["score"] if label else None,
        "density_method": f"{label['method']} {label['mode']}" if label else None,
        "parents": list(parents),
    }
    shot = picture(image, emptied_by, blur=blur)
    return Sample(image["id"], image["split"], fields, {"image": shot}, shown, parents)


def parents_of(image: dict[str, Any]) -> tuple[str, ...]:
    """Return the ids of all photographs whose pixels a synthesised image shows, sorted."""
    return tuple(sorted({*image["parents"], image["background_id"]} - {""}))


def picture(image: dict[str, Any], emptied_by: tuple[str, ...], *, blur: bool) -> Picture:
    """Return a synthesised image; of people only composites show real ones, whose heads may be blurred.

    Whoever emptied the photograph behind a composite had a hand in it too.
    """
    medium = MEDIA.get(image["backend"], "synthesised")
    areas = heads.in_composite(image) if blur and medium == "composite" else ()
    makers = (image["backend"], *(emptied_by if medium == "composite" and image["background_id"] else ()))
    return Picture("results", image["path"], image["sha256"], medium, ", ".join(makers), areas)
