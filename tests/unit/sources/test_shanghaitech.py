import csv
import io
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from throng.errors import ThrongError
from throng.images import decode, image_id
from throng.sources import known, shanghaitech
from throng.sources.headers import Header, read_header
from throng.sources.listing import list_files

LIMIT = 10**8
HEADER = Header("jpeg", 200, 100, 3)


def mat(points, number=None, *, flat=False, **extra) -> bytes:
    points = np.asarray(points, np.float64)
    info = {"location": points, "number": len(points) if number is None else number}
    if flat:
        content = info
    else:
        content = np.empty((1, 1), object)
        content[0, 0] = info
    stream = io.BytesIO()
    savemat(stream, {"image_info": content} | extra)
    return stream.getvalue()


def put(root, path, data=b"jpeg"):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


def samples(root, part="B"):
    return shanghaitech.samples(list_files(root, LIMIT), lambda path: (root / path).read_bytes(), part)


def labels_of(tmp_path, data, header=HEADER):
    put(tmp_path, "train_data/images/IMG_1.jpg")
    put(tmp_path, "train_data/ground_truth/GT_IMG_1.mat", data)
    (sample,) = samples(tmp_path)
    return sample.labels(header)


@pytest.mark.parametrize("flat", [False, True])
def test_points_become_zero_based_once(tmp_path, flat):
    labels = labels_of(tmp_path, mat([[1, 1], [200, 100], [12.5, 7.25]], flat=flat))
    np.testing.assert_array_equal(labels.points, [[0, 0], [199, 99], [11.5, 6.25]])
    assert labels.notes == ()
    assert labels.people is None


@pytest.mark.parametrize("empty", [np.empty((0, 0)), np.empty((0, 2))])
def test_an_image_without_people_is_labelled_zero(tmp_path, empty):
    assert labels_of(tmp_path, mat(empty)).points.shape == (0, 2)


def test_what_is_wrong_with_points_is_noted(tmp_path):
    labels = labels_of(tmp_path, mat([[0.25, 50], [203, 50], [10, 10], [10, 10], [10, 10]], number=7))
    np.testing.assert_array_equal(labels.points, [[0, 49], [199, 49], [9, 9], [9, 9], [9, 9]])
    assert labels.notes == (
        "2 points outside the frame by up to 2.50 px: moved onto its edge",
        "2 points repeating another exactly: kept, the published counts include them",
        "number says 7, 5 points are given: points used",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        mat([[1, 2, 3]]),
        mat([[np.nan, 1]]),
        mat([[1, 2]])[:200],
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path, data):
    with pytest.raises(ThrongError, match=r"^bad annotation: "):
        labels_of(tmp_path, data)


def test_another_variable_is_no_annotation(tmp_path):
    stream = io.BytesIO()
    savemat(stream, {"points": np.ones((3, 2))})
    with pytest.raises(ThrongError, match="no image_info with one location"):
        labels_of(tmp_path, stream.getvalue())


@given(st.integers(0, 400), st.integers(0, 255), st.integers(0, 600))
@settings(max_examples=150, deadline=None)
def test_damaged_files_raise_nothing_else(position, value, length):
    data = bytearray(mat([[1, 2], [3, 4]]))
    data[position] = value
    try:
        points, _ = shanghaitech.read_mat(bytes(data[:length] if length < 500 else data))
    except ThrongError:
        return
    assert points.shape[1] == 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_with_the_image(orientation):
    stored = np.zeros((40, 60, 3), np.uint8)
    cv2.circle(stored, (13, 31), 3, (255, 255, 255), -1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, "JPEG", quality=100, exif=exif)
    rows, columns = np.nonzero(decode(stream.getvalue())[..., 1] > 128)
    turned = shanghaitech.shown(np.array([[13.0, 31.0]]), read_header(stream.getvalue(), LIMIT))
    np.testing.assert_allclose(turned, [[columns.mean(), rows.mean()]], atol=0.1)


@pytest.mark.parametrize("home", ["part_B", "ShanghaiTech/part_B_final", "a/b/Part B", "."])
@pytest.mark.parametrize("truth", ["ground_truth", "ground-truth"])
def test_any_nesting_and_spelling(tmp_path, home, truth):
    for split in ("train", "test"):
        put(tmp_path, f"{home}/{split}_data/images/IMG_1.jpg")
        put(tmp_path, f"{home}/{split}_data/{truth}/GT_IMG_1.mat", mat([[1, 1]]))
    found = {sample.key: (sample.split, sample.problem) for sample in samples(tmp_path)}
    assert found == {"train/IMG_1": ("train", ""), "test/IMG_1": ("test", "")}


def test_only_the_asked_part_is_taken(tmp_path):
    for part, images in (("A_final", 2), ("B", 1)):
        for number in range(images):
            put(tmp_path, f"part_{part}/test_data/images/IMG_{number}.jpg")
            put(tmp_path, f"part_{part}/test_data/ground_truth/GT_IMG_{number}.mat", mat([[1, 1]]))
    assert len(samples(tmp_path, "A")) == 2
    assert len(samples(tmp_path, "B")) == 1


def test_a_root_with_the_other_part_only_says_so(tmp_path):
    put(tmp_path, "part_A/test_data/images/IMG_1.jpg")
    put(tmp_path, "part_A/test_data/ground_truth/GT_IMG_1.mat", mat([[1, 1]]))
    with pytest.raises(ThrongError, match=r"no images of part B .* found part A, set the source's part"):
        samples(tmp_path, "B")


def test_images_and_annotations_without_the_other_are_rows(tmp_path):
    put(tmp_path, "train_data/images/IMG_1.jpg")
    put(tmp_path, "train_data/ground_truth/GT_IMG_2.mat", mat([[1, 1]]))
    assert {sample.path: sample.problem for sample in samples(tmp_path)} == {
        "train_data/images/IMG_1.jpg": "no annotation: no GT_IMG_1.mat in the ground-truth folder beside images",
        "train_data/ground_truth/GT_IMG_2.mat": "no image: the annotation's image is missing",
    }


def test_a_difference_to_the_published_set_names_what_is_missing(tmp_path):
    for number in range(1, 401):
        if number not in (7, 12):
            put(tmp_path, f"train_data/images/IMG_{number}.jpg")
            put(tmp_path, f"train_data/ground_truth/GT_IMG_{number}.mat", b"")
    first, second = shanghaitech.missing(samples(tmp_path), "B")
    assert first == ("part B train has 398 annotated images, the published set has 400; missing 2: IMG_7, IMG_12")
    assert second.startswith("part B test has 0 annotated images, the published set has 316; missing 316: IMG_1, IMG_2")
    assert list(shanghaitech.heads_differ({"train": 49_151, "test": 39_121}, "B")) == []
    assert list(shanghaitech.heads_differ({"train": 49_150, "test": 39_121}, "B")) == [
        "part B train has 49150 heads, the published set has 49151"
    ]


def test_known_tables_are_well_formed():
    assert all(note.count(": ") == 1 for notes in known.errata().values() for note in notes)
    for part in "AB":
        assert min(Counter(known.scenes("shanghaitech", part).values()).values()) >= 2


@pytest.mark.real_data
@pytest.mark.parametrize(("folder", "part"), [("shanghaitech", "B"), ("shanghaitech_sample", "A")])
def test_the_errata_are_what_the_files_hold(real_data, folder, part):
    root = real_data / folder
    found = set()
    for sample in samples(root, part):
        data = (root / sample.path).read_bytes()
        name = sample.path.rpartition("/")[2].removesuffix(".jpg")
        notes = sample.labels(read_header(data, LIMIT)).notes
        found |= {(name, image_id(data), note) for note in notes}
    with known.ERRATA.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["part"] == part and "place" not in row["problem"]]
    written = {(row["image"], row["id"], f"{row['problem']}: {row['action']}") for row in rows}
    assert {row for row in written if "photograph" not in row[2]} == found


@pytest.mark.real_data
def test_scenes_name_photographs_that_are_there(real_data):
    root = real_data / "shanghaitech"
    named = known.scenes("shanghaitech", "B")
    there = {(file.stem, file.size) for file in list_files(root, LIMIT)}
    assert named.keys() <= there
