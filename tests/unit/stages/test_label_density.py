import json

import numpy as np
import pytest

from tests.rows import calibrated_row, synthetic_row
from tests.unit.synthesizers.drawn import image_row
from throng.errors import ThrongError
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.stages import label_density
from throng.tables import calibrated_counts, density_labels, detections, images, synthetic
from throng.tables.density_labels import DensityLabelRow
from throng.tables.images import Box, Person, Point

FOOTER = Provenance("test", {}, "code", 0)
BAD = {"status": "rejected", "reason": "broken: file"}
TABLES = {
    "images": images.TABLE,
    "detections": detections.TABLE,
    "synthetic": synthetic.TABLE,
    "calibrated": calibrated_counts.TABLE,
}
WIDTH, HEIGHT, HORIZON, SLOPE = 640, 480, 60.0, 0.35


def standing(count, seed=0, ignored=0):
    """People of one stature on a flat ground before a level camera: head points and annotated boxes."""
    rng = np.random.default_rng(seed)
    feet = np.stack([rng.uniform(40, WIDTH - 40, count + ignored), rng.uniform(200, 460, count + ignored)], 1)
    heights = SLOPE * (feet[:, 1] - HORIZON)
    points, people = [], []
    for k, ((x, y), h) in enumerate(zip(feet.tolist(), heights.tolist(), strict=True)):
        full = Box(x=x - 0.2 * h, y=y - h, w=0.4 * h, h=h)
        head = Box(x=x - 0.05 * h, y=y - h, w=0.1 * h, h=0.135 * h)
        people.append(
            Person(
                tag="person" if k < count else "mask",
                box_id=k,
                head=head,
                visible=full,
                full=full,
                ignore=k >= count,
                head_ignore=k >= count,
                occluded=0,
                unsure=0,
                head_occluded=0,
                head_unsure=0,
            )
        )
        if k < count:
            points.append(Point(x=x, y=y - 0.93 * h))
    return {"points": points, "people": people, "count": count}


def photograph(name, **known):
    return image_row(name, "s", f"{name}.png", (HEIGHT, WIDTH), **known)


def run(folder, rows, frozen=None, **config):
    """Run the stage on tables given by name; returns the written rows by table and id, and the frozen counts."""
    inputs = {}
    for name, table in TABLES.items():
        inputs[name] = [str(folder / f"{name}.parquet")]
        write_table(folder / f"{name}.parquet", table, rows.get(name, []), FOOTER)
    if frozen is not None:
        inputs["frozen"] = [str(frozen)]
    outputs = {"table": [str(folder / "labels.parquet")], "normalisation": [str(folder / "normalisation.json")]}
    context = Context("label_density", 0, 2, {}, {"results": folder}, {"label_density": {}}, "code", {})
    label_density.run(Files(inputs), Files(outputs), LabelDensity.model_validate(config), context)
    written = read_rows(folder / "labels.parquet", density_labels.TABLE, DensityLabelRow)
    return {(row.table, row.id): row for row in written}, json.loads((folder / "normalisation.json").read_text())


def labels(row):
    return {f"{label['method']} {label['mode']}": label for label in row.labels}


def test_every_good_image_gets_a_label_and_the_others_a_reason(tmp_path):
    rows = {
        "images": [
            photograph("p0", **standing(10)),
            photograph("p1", **standing(11)),
            photograph("p2", **standing(31)),
            photograph("p3"),
            photograph("p4", **BAD),
        ],
        "synthetic": [
            synthetic_row(id="s0", prompt_id="q0", requested=20, count=None, points=None, boxes=None, masks=None),
            synthetic_row(id="s1", prompt_id="q1", **BAD),
        ],
        "calibrated": [calibrated_row(id="s0", count=20.4, exact=False), calibrated_row(id="s1", **BAD)],
    }
    found, _ = run(tmp_path, rows)
    assert {
        key: (row.density_class, row.class_name, row.score and round(row.score, 3)) for key, row in found.items()
    } == {
        ("images", "p0"): (0, "low", 10.0),
        ("images", "p1"): (1, "medium", 11.0),
        ("images", "p2"): (2, "high", 31.0),
        ("images", "p3"): (None, "", None),
        ("synthetic", "s0"): (1, "medium", 20.4),
    }
    assert found["images", "p3"].reason.split(":")[0] == "unlabelled"
    assert {row.method for row in found.values()} == {"threshold"}
    drawn = labels(found["synthetic", "s0"])
    assert drawn["normalised fixed"]["score"] is not None
    assert drawn["kde fixed"]["reason"].split(":")[0] == "no positions"
    assert drawn["grid compat"]["reason"].split(":")[0] == "no boxes"


def test_people_on_a_ground_have_a_density_with_an_interval(tmp_path):
    found, _ = run(tmp_path, {"images": [photograph("p", **standing(40))]})
    row = found["images", "p"]
    ground = row.ground
    assert ground is not None, row.ground_reason
    assert row.scale == "full-boxes"
    assert ground["horizon_px"] == pytest.approx(HORIZON, abs=12)
    assert ground["camera_height_low_m"] < 1.685 / SLOPE < ground["camera_height_high_m"]
    assert ground["people_per_m2_low"] < ground["people_per_m2"] < ground["people_per_m2_high"]
    assert ground["people_per_m2"] * ground["area_m2"] == pytest.approx(40)
    assert ground["level_of_service"] in "ABCDEF"
    assert len(labels(row)) == 12
    untold = {name: label["reason"].split(":")[0] for name, label in labels(row).items() if label["score"] is None}
    assert untold == {"normalised compat": "no spread"}


def test_ignored_regions_are_people_for_the_original_only(tmp_path):
    found, _ = run(tmp_path, {"images": [photograph("p", **standing(9, ignored=5))]})
    said = labels(found["images", "p"])
    assert (said["threshold fixed"]["score"], said["threshold compat"]["score"]) == (9, 14)
    assert (said["threshold fixed"]["class_name"], said["threshold compat"]["class_name"]) == ("low", "medium")


def test_people_outside_the_crop_change_nothing_inside(tmp_path):
    people = standing(40)
    inside = [80 - 0.5 <= point["x"] < 560 - 0.5 for point in people["points"]]
    kept = {
        "points": [p for p, within in zip(people["points"], inside, strict=True) if within],
        "people": people["people"],
        "count": sum(inside),
    }
    assert 0 < sum(inside) < 40
    rows = {"images": [photograph("all", **people)]}
    found, _ = run(tmp_path, rows, crop="center-crop")
    row = found["images", "all"]
    assert (row.crop_x, row.crop_y, row.crop_w, row.crop_h) == (80, 0, 480, 480)
    assert row.count == len(kept["points"])
    drawn = synthetic_row(id="s", prompt_id="q", count=None, points=None, boxes=None, masks=None, width=99, height=50)
    uncut, _ = run(tmp_path, {"synthetic": [drawn], "calibrated": [calibrated_row(id="s")]}, crop="center-crop")
    assert uncut["synthetic", "s"].reason.split(":")[0] == "unlocated"


def test_the_training_counts_are_frozen_for_other_runs(tmp_path):
    mine = tmp_path / "mine"
    others = tmp_path / "others"
    train = [photograph(f"t{n}", **standing(n)) for n in (2, 4, 6, 8)]
    test = photograph("test", split="test", **standing(7))
    found, frozen = run(mine, {"images": [*train, test]})
    assert frozen == {"reference": [2.0, 4.0, 6.0, 8.0], "extremes": {"s": [2, 8]}}
    assert labels(found["images", "test"])["normalised fixed"]["score"] == 0.75
    alone, same = run(others, {"images": [test]}, frozen=mine / "normalisation.json")
    assert same == frozen
    assert labels(alone["images", "test"]) == labels(found["images", "test"])
    (others / "bad.json").write_text("[1]")
    with pytest.raises(ThrongError, match=r"bad\.json is no normalisation\.json of stage label_density"):
        run(others, {"images": [test]}, frozen=others / "bad.json")


def test_a_labeller_that_cannot_tell_rejects_the_image_whose_class_it_is(tmp_path):
    said = {"labellers": [{"method": "kde", "thresholds": "hcm-walkway"}], "label": "kde fixed"}
    points = {"points": [Point(x=5.0, y=5.0)], "count": 1}
    found, _ = run(tmp_path, {"images": [photograph("a", **points), photograph("b", **standing(30))]}, **said)
    assert found["images", "a"].status == "rejected"
    assert found["images", "a"].reason.split(":")[0] == "no scale"
    assert found["images", "b"].class_name in "ABCDEF"
    assert found["images", "b"].status == "ok"


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    rows = {"images": [photograph(f"p{n:02d}", **standing(n)) for n in range(70)]}
    whole, _ = run(tmp_path / "whole", rows)
    made = []
    row_of = label_density.Labelling.row

    def dying(self, subject):
        if len(made) == 66:
            raise KeyboardInterrupt
        made.append(subject.row.id)
        return row_of(self, subject)

    monkeypatch.setattr(label_density.Labelling, "row", dying)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", rows)
    made.clear()
    monkeypatch.setattr(label_density.Labelling, "row", lambda self, s: made.append(s.row.id) or row_of(self, s))
    again, _ = run(tmp_path / "killed", rows)
    assert again == whole
    assert len(made) < 70
