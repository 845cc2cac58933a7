"""Ranked pairs, each with its photograph, its edits and the detector that found the people."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.arrow import equal
from throng.release.corpus import TABLES, Corpus
from throng.release.exclusions import Exclusions
from throng.release.joins import heads
from throng.release.joins.plan import Candidates, Need, Row, Rows, rows_of, split_codes
from throng.release.photographs import Photographs, medium
from throng.release.products import Area, Picture, Sample

IMAGE = ("id", "source", "path", "sha256", "licence", "width", "height")
EDIT = ("sha256", "removed", "backend")
SIDES = ("more", "fewer")


def candidates(
    corpus: Corpus, photographs: Photographs, exclusions: Exclusions, *, rendered: Collection[str], blur: bool
) -> Candidates:
    """Return all ranked pairs; raises ThrongError for one whose photograph or edit is not there."""
    pairs = corpus.columns("ranked_pairs", ["id", "parent_id", "split", "more_id", "fewer_id"])
    parents = photographs.find(pairs["parent_id"])
    _check(pairs, "parent_id", parents < 0, "comes from image {}, which table images does not hold as ok")
    edits = corpus.columns("removals", ["id", "status"])
    edits = edits.append_column("row", pa.array(np.arange(len(edits)))).filter(pa.array(equal(edits["status"], OK)))
    rows = edits["row"].to_numpy()
    needs = {
        "pair": Need("ranked_pairs", tuple(TABLES["ranked_pairs"][0].schema.names), np.arange(len(pairs))),
        "image": Need("images", (*IMAGE, *(heads.PHOTOGRAPH[:2] if blur else ())), photographs.rows[parents]),
    }
    for side in SIDES:
        at = rows_of(edits, pairs[f"{side}_id"])
        edited = ~equal(pairs[f"{side}_id"], pairs["parent_id"])
        wrong = edited & (at < 0)
        _check(pairs, f"{side}_id", wrong, "member {} is neither its photograph nor a kept row of table removals")
        needs[side] = Need("removals", EDIT, np.where(edited, np.append(rows, -1)[at], -1))
    detected = rows_of(corpus.columns("detections", ["id"]), pairs["parent_id"])
    needs["detection"] = Need("detections", heads.DETECTION if blur else heads.DETECTION[:1], detected)
    return Candidates(
        ids=pairs["id"],
        order=pairs["parent_id"],
        splits=split_codes(pairs, "ranked pair"),
        shown=photographs.shown[parents],
        kinds=exclusions.first(*(pairs[name] for name in ("id", "parent_id", "more_id", "fewer_id"))),
        needs=needs,
        make=lambda row, shown: _sample(row, shown, photographs, rendered, blur=blur),
    )


def _check(pairs: pa.Table, column: str, wrong: np.ndarray, said: str) -> None:
    if wrong.any():
        row = pairs.slice(int(np.flatnonzero(wrong)[0]), 1).to_pylist()[0]
        raise ThrongError(f"ranked pair {row['id']}: {said.format(repr(row[column]))}; rerun stage 'rank_pairs'")


def _sample(rows: Rows, shown: bool, photographs: Photographs, rendered: Collection[str], *, blur: bool) -> Sample:
    pair, image, detection = rows["pair"], rows["image"], rows["detection"]
    assert pair and image
    edits = {side: rows[side] for side in SIDES}
    shas = {side: edit["sha256"] if edit else image["sha256"] for side, edit in edits.items()}
    members = ((pair["more_source"], pair["more_path"]), (pair["fewer_source"], pair["fewer_path"]))
    source, path = photographs.place(image, *members)
    fields = {
        "id": pair["id"],
        "kind": pair["kind"],
        "relation": pair["relation"],
        "delta": pair["delta"],
        "removed": pair["removed"],
        "weight": pair["weight"],
        "split": pair["split"],
        "scene": pair["scene"],
        "width": image["width"],
        "height": image["height"],
        "parent_id": pair["parent_id"],
        "parent_source": source,
        "parent_path": path,
        "parent_sha256": image["sha256"],
        "licence": photographs.licence(image),
        "detector": detection["backend"] if detection else "",
        "remover": ", ".join(sorted({edit["backend"] for edit in edits.values() if edit})),
    }
    for side, edit in edits.items():
        fields |= {
            f"{side}_id": pair[f"{side}_id"],
            f"{side}_sha256": shas[side],
            f"{side}_crop": pair[f"{side}_crop"],
            f"{side}_removed": edit["removed"] if edit else [],
        }
    areas = heads.in_photograph(image, detection) if blur and source not in rendered else ()
    pictures = {f"image_{side}": _picture(pair, side, edits[side], image, rendered, areas) for side in SIDES}
    return Sample(pair["id"], pair["split"], fields, pictures, shown, (pair["parent_id"],))


def _picture(
    pair: Row, side: str, edit: Row | None, image: Row, rendered: Collection[str], areas: tuple[Area, ...]
) -> Picture:
    """Return one member; an edit is blurred where its photograph is, lest the blur tell them apart."""
    source, path = pair[f"{side}_source"], pair[f"{side}_path"]
    if edit:
        return Picture(source, path, edit["sha256"], "edit", edit["backend"], areas)
    return Picture(source, path, image["sha256"], medium(source, rendered), areas=areas)
