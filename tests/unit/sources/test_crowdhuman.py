import json
import zipfile

import numpy as np
import pytest

from throng.errors import ThrongError
from throng.sources import crowdhuman, odgt
from throng.sources.headers import Header
from throng.sources.listing import list_files

LIMIT = 10**6
HEADER = Header("jpeg", 200, 100, 3)
HEAD = [10, 20, 9, 11]


def person(**changes):
    return {
        "tag": "person",
        "hbox": HEAD,
        "vbox": [5, 18, 20, 60],
        "fbox": [-4, 18, 30, 90],
        "extra": {"box_id": 3, "occ": 1},
        "head_attr": {"ignore": 0, "occ": 1, "unsure": 0},
    } | changes


MASK = {"tag": "mask", "hbox": HEAD, "vbox": HEAD, "fbox": HEAD, "head_attr": {}, "extra": {"ignore": 1}}


def write(root, images, **tables):
    (root / "Images").mkdir(exist_ok=True)
    for name in images:
        (root / "Images" / f"{name}.jpg").write_bytes(b"jpeg " + name.encode())
    for split, records in tables.items():
        lines = (one if isinstance(one, str) else json.dumps(one) for one in records)
        (root / f"annotation_{split}.odgt").write_text("\n".join(lines))


def samples(root):
    return crowdhuman.samples(list_files(root, LIMIT), lambda path: (root / path).read_bytes())


def labels_of(root, *boxes):
    write(root, ["1,a"], train=[{"ID": "1,a", "gtboxes": list(boxes)}])
    (sample,) = samples(root)
    return sample.labels(HEADER)


def test_only_persons_that_are_not_ignored_count(tmp_path):
    labels = labels_of(
        tmp_path,
        person(),
        MASK,
        person(extra={"ignore": 1}),
        person(head_attr={"ignore": 1}),
        {"tag": "person", "hbox": [30, 20, 10, 10], "vbox": [1, 1, 2, 2], "fbox": [1, 1, 2, 2]},
    )
    np.testing.assert_array_equal(labels.points, [[14.0, 25.0], [14.0, 25.0], [34.5, 24.5]])
    assert [one["ignore"] for one in labels.people] == [False, True, True, False, False]
    assert [one["head_ignore"] for one in labels.people] == [False, False, False, True, False]
    first = labels.people[0]
    assert first["full"] == {"x": -4, "y": 18, "w": 30, "h": 90}
    assert (first["box_id"], first["occluded"], first["head_occluded"], first["head_unsure"]) == (3, 1, 1, 0)
    assert labels.people[4]["box_id"] is None


def test_a_person_without_a_head_box_gets_the_middle_of_the_top_seventh(tmp_path):
    labels = labels_of(
        tmp_path, person(hbox=[0, 0, 0, 0], fbox=[10, 20, 21, 70]), {"tag": "person", "vbox": [1, 7, 3, 14]}
    )
    np.testing.assert_allclose(labels.points, [[20.0, 24.5], [2.0, 7.5]])
    assert labels.people[0]["head"] is None


def test_heads_outside_the_frame_are_moved_onto_its_edge_and_noted(tmp_path):
    labels = labels_of(tmp_path, person(hbox=[-30, 40, 10, 10]), person(hbox=[195, 95, 20, 20]), person())
    np.testing.assert_allclose(labels.points, [[0, 44.5], [199, 99], [14, 25]])
    assert labels.notes == ("2 points outside the frame by up to 25.00 px: moved onto its edge",)


def test_full_boxes_without_an_area_are_left_out_and_noted(tmp_path):
    labels = labels_of(tmp_path, person(fbox=[10, 20, 0, 70]), person(fbox=[10, 20, 30, -1]), person())
    assert [each["full"] is None for each in labels.people] == [True, True, False]
    assert labels.notes == ("2 full boxes without an area: left out",)


def test_an_empty_image_is_labelled_zero(tmp_path):
    labels = labels_of(tmp_path)
    assert labels.points.shape == (0, 2)
    assert labels.people == []


@pytest.mark.parametrize(
    ("box", "message"),
    [({"tag": "person"}, "neither a head"), ({"tag": "person", "hbox": [1, 2]}, "hbox"), ({"hbox": HEAD}, "tag")],
)
def test_bad_boxes_name_the_line(tmp_path, box, message):
    write(tmp_path, ["a"], train=[{"ID": "a", "gtboxes": [box]}])
    (sample,) = samples(tmp_path)
    with pytest.raises(ThrongError, match=f"^bad annotation: .*{message}"):
        sample.labels(HEADER)


def test_every_image_and_every_line_is_accounted_for_once(tmp_path):
    one = {"ID": "1,a", "gtboxes": []}
    write(
        tmp_path,
        ["1,a", "2,b", "3,c"],
        train=[one, {"ID": "2,b", "gtboxes": []}, {"ID": "9,z", "gtboxes": []}, '{"ID": "4', {"gtboxes": []}],
        val=[one],
    )
    found = {sample.path: sample for sample in samples(tmp_path)}
    assert {path: (sample.split, sample.problem.split(":")[0]) for path, sample in found.items()} == {
        "Images/1,a.jpg": ("val", ""),
        "Images/2,b.jpg": ("train", ""),
        "Images/3,c.jpg": ("", "no annotation"),
        "annotation_train.odgt:1": ("train", "duplicate ID"),
        "annotation_train.odgt:3": ("train", "no image"),
        "annotation_train.odgt:4": ("train", "bad annotation"),
        "annotation_train.odgt:5": ("train", "bad annotation"),
    }
    assert found["annotation_train.odgt:1"].problem == (
        "duplicate ID: 1,a is also in annotation_val.odgt:1, which is kept"
    )
    assert "ID" in found["annotation_train.odgt:5"].problem


def test_zips_are_read_in_place_and_an_unpacked_copy_comes_first(tmp_path):
    write(tmp_path, ["1,a"], train=[{"ID": "1,a", "gtboxes": []}, {"ID": "2,b", "gtboxes": []}])
    with zipfile.ZipFile(tmp_path / "CrowdHuman_train01.zip", "w") as archive:
        archive.writestr("Images/1,a.jpg", b"packed")
        archive.writestr("Images/2,b.jpg", b"packed")
    found = {sample.path: sample.problem for sample in samples(tmp_path)}
    assert found == {
        "Images/1,a.jpg": "",
        "CrowdHuman_train01.zip/Images/1,a.jpg": "duplicate ID: Images/1,a.jpg has the same",
        "CrowdHuman_train01.zip/Images/2,b.jpg": "",
    }


def test_keys_do_not_depend_on_packing(tmp_path):
    (tmp_path / "packed").mkdir()
    write(tmp_path, ["1,a"], train=[{"ID": "1,a", "gtboxes": []}])
    (tmp_path / "packed" / "annotation_train.odgt").write_bytes((tmp_path / "annotation_train.odgt").read_bytes())
    with zipfile.ZipFile(tmp_path / "packed" / "x.zip", "w") as archive:
        archive.writestr("Images/1,a.jpg", b"")
    packed = samples(tmp_path / "packed")
    (tmp_path / "packed" / "x.zip").unlink()
    (tmp_path / "packed" / "annotation_train.odgt").unlink()
    assert [sample.key for sample in samples(tmp_path)] == [sample.key for sample in packed]


def test_a_broken_archive_is_a_row_and_no_odgt_is_an_error(tmp_path):
    (tmp_path / "CrowdHuman_train01.zip").write_bytes(b"half")
    with pytest.raises(ThrongError, match=r"no \.odgt file"):
        samples(tmp_path)
    write(tmp_path, [], train=[{"ID": "1,a", "gtboxes": []}])
    assert {sample.path: sample.problem.split(":")[0] for sample in samples(tmp_path)} == {
        "CrowdHuman_train01.zip": "unreadable",
        "annotation_train.odgt:1": "no image",
    }


def test_published_numbers_are_compared(tmp_path):
    write(tmp_path, ["1,a"], train=[{"ID": "1,a", "gtboxes": []}])
    assert list(crowdhuman.missing(samples(tmp_path))) == [
        "train has 1 annotated images, the published set has 15000",
        "val has 0 annotated images, the published set has 4370",
    ]


@pytest.mark.real_data
def test_real_records(real_data):
    data = (real_data / "crowdhuman" / "annotation_sample.odgt").read_bytes()
    records = [odgt.record(line) for line in odgt.lines(data)]
    assert [len(record.gtboxes) for record in records] == [6, 5, 7, 18, 7]
    assert [sum(map(crowdhuman.counted, record.gtboxes)) for record in records] == [6, 4, 7, 18, 6]
    assert crowdhuman.head_point(records[0].gtboxes[0]) == (171 + 31 - 0.5, 208 + 41.5 - 0.5)
    assert len(odgt.read_boxes(data).boxes) == 43
