"""Photographs and synthesised images, each with how crowded it is."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.arrow import equal
from throng.release.corpus import TABLES, Corpus
from throng.release.exclusions import STAYS, Exclusions
from throng.release.joins import heads
from throng.release.joins.fixed_count import parents_of, picture
from throng.release.joins.plan import Candidates, Need, Row, Rows, rows_of, split_codes
from throng.release.photographs import Photographs, medium
from throng.release.products import ANNOTATED, DENSITY_LABELLED, Picture, Sample
from throng.release.synthetics import Synthetics
from throng.tables.density_labels import GROUND

LABEL = tuple(name for name in TABLES["density_labels"][0].schema.names if name not in ("labels", "status", "reason"))
IMAGE = ("id", "source", "path", "sha256", "licence", "split", "scene", "width", "height", "points")
MADE = (
    *("id", "maker", "split", "scene", "width", "height", "sha256", "path", "points", "boxes"),
    *("background_id", "parents", "licence", "backend"),
)
MEASURED = tuple(name for name in GROUND.names if name in DENSITY_LABELLED.fields.names)


def candidates(
    corpus: Corpus,
    photographs: Photographs,
    synthetics: Synthetics,
    exclusions: Exclusions,
    *,
    rendered: Collection[str],
    blur: bool,
) -> Candidates:
    """Return all labelled images; raises ThrongError for one that is in neither table."""
    labels = corpus.columns("density_labels", ["id", "table", "status"])
    rows = np.flatnonzero(equal(labels["status"], OK))
    labels = labels.take(rows)
    taken = equal(labels["table"], "images")
    at = np.where(taken, photographs.find(labels["id"]), -1)
    made = np.where(taken, -1, rows_of(pa.table({"id": synthetics.ids}), labels["id"]))
    if ((at < 0) & (made < 0)).any():
        lost = labels["id"][int(np.flatnonzero((at < 0) & (made < 0))[0])]
        raise ThrongError(f"density label {lost} is of no image that a table holds; rerun stage 'label_density'")
    shot = np.append(photographs.rows, -1)[at]
    sides = (_codes(corpus, "images", shot), _codes(corpus, "synthetic", made))
    return Candidates(
        ids=labels["id"],
        order=labels["id"],
        splits=np.where(taken, *sides),
        shown=np.where(taken, np.append(photographs.shown, False)[at], np.append(synthetics.shown, False)[made]),
        kinds=np.where(taken, exclusions.codes(labels["id"]), np.append(synthetics.kinds, STAYS)[made]),
        needs={
            "label": Need("density_labels", LABEL, rows),
            "image": Need("images", (*IMAGE, *(("people",) if blur else ())), shot),
            "made": Need("synthetic", MADE, made),
            "detection": Need(
                "detections",
                heads.DETECTION if blur else heads.DETECTION[:1],
                np.where(taken & blur, rows_of(corpus.columns("detections", ["id"]), labels["id"]), -1),
            ),
        },
        make=lambda row, shown: _sample(row, shown, photographs, synthetics.emptied_by, rendered, blur=blur),
    )


def _codes(corpus: Corpus, table: str, rows: np.ndarray) -> np.ndarray:
    codes, has = np.zeros(len(rows), np.int8), rows >= 0
    codes[has] = split_codes(corpus.columns(table, ["id", "split"]).take(pa.array(rows[has])), table)
    return codes


def _sample(
    rows: Rows,
    shown: bool,
    photographs: Photographs,
    emptied_by: tuple[str, ...],
    rendered: Collection[str],
    *,
    blur: bool,
) -> Sample:
    label, image, made = rows["label"], rows["image"], rows["made"]
    assert label
    if image:
        areas = heads.in_photograph(image, rows["detection"]) if blur and image["source"] not in rendered else ()
        shot = Picture(image["source"], image["path"], image["sha256"], medium(image["source"], rendered), areas=areas)
        parents = (image["id"],)
        own = {
            "source": image["source"],
            "path": image["path"],
            "source_sha256": image["sha256"],
            "licence": photographs.licence(image),
            "maker": "",
            "backend": "",
        }
    else:
        assert made
        shot, parents = picture(made, emptied_by, blur=blur), parents_of(made)
        own = {"source": "", "path": "", "source_sha256": ""}
        own |= {name: made[name] for name in ("licence", "maker", "backend")}
    row = image or made or {}
    same = {name: row[name] for name in ("split", "scene", "width", "height", "sha256", "points")}
    fields = _labelled(label) | own | same | {"medium": shot.medium, "parents": list(parents)}
    if image and not shown:
        fields |= dict.fromkeys(ANNOTATED)
    return Sample(label["id"], row["split"], fields, {"image": shot}, shown, parents)


def _labelled(label: Row) -> Row:
    ground = label["ground"] or dict.fromkeys(MEASURED)
    return {
        "id": label["id"],
        "table": label["table"],
        "count": label["count"],
        "window": {side: label[f"crop_{side}"] for side in "xywh"},
        "density_class": label["density_class"],
        "density_class_name": label["class_name"],
        "density_score": label["score"],
        "density_method": f"{label['method']} {label['mode']}",
        "scale": label["scale"],
    } | {name: ground[name] for name in MEASURED}
