"""Labels as people spell them: names, numbers, scores and vectors, and what is said of those nobody knows."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.gan.generators import ENCODINGS, saved
from throng.errors import ThrongError
from throng.gan.files import StoredGenerator, read_generator
from throng.gan.requests import as_trained, every_label, labels_array, requests_of


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredGenerator]:
    root = tmp_path_factory.mktemp("generators")
    return {kind: read_generator(saved(root / f"{kind}.st", encoding)) for kind, encoding in ENCODINGS.items()}


def test_classes_go_by_name_or_number(stored: dict[str, StoredGenerator]) -> None:
    found = requests_of(stored["class"], ["many", 1, "0", 2.0])
    assert [(request.values, request.name) for request in found] == [
        ((2.0,), "many"),
        ((1.0,), "some"),
        ((0.0,), "few"),
        ((2.0,), "many"),
    ]
    assert labels_array(found).tolist() == [2, 1, 0, 2]


def test_every_label_is_every_class_or_three_percentiles(stored: dict[str, StoredGenerator]) -> None:
    assert [request.name for request in every_label(stored["class"])] == ["few", "some", "many"]
    assert [request.values for request in every_label(stored["score"])] == [(0.2,), (1.0,), (7.4,)]
    assert [request.values for request in every_label(stored["none"])] == [()]


def test_labels_as_in_training(stored: dict[str, StoredGenerator]) -> None:
    drawn = labels_array(as_trained(stored["class"], 1000, 3))
    assert np.bincount(drawn.astype(int), minlength=3)[1] == 0
    assert 0.75 < float(np.mean(drawn == 0)) < 0.85
    assert set(labels_array(as_trained(stored["score"], 100, 3))) == {0.0, 1.0, 3.0, 9.0}
    assert as_trained(stored["class"], 9, 3) == as_trained(stored["class"], 9, 3)


@pytest.mark.parametrize(
    ("kind", "spelled", "said"),
    [
        ("class", "crowd", "no class 'crowd': this generator knows 0 few, 1 some, 2 many"),
        ("class", 3, "no class 3: this generator knows 0 few, 1 some, 2 many"),
        ("class", "1.5", "no class '1.5'"),
        ("class", [1.0], r"no class \[1.0\]"),
        ("class", "nan", "no class 'nan'"),
        ("score", "9.5", "score 9.5 is out of range: this generator knows 0 to 9"),
        ("score", "many", "label 'many': this generator takes a score, a number"),
        ("score", "nan", "label 'nan': this generator takes a score"),
        ("vector", "1:2:3", "label '1:2:3': this generator takes 2 numbers with colons between them"),
        ("none", "0", "was trained without labels"),
    ],
)
def test_what_nobody_knows_is_refused(stored: dict[str, StoredGenerator], kind: str, spelled: str, said: str) -> None:
    with pytest.raises(ThrongError, match=said):
        requests_of(stored[kind], [spelled])


def test_labels_of_unknown_spread_must_be_named(tmp_path: Path, stored: dict[str, StoredGenerator]) -> None:
    with pytest.raises(ThrongError, match="name those that are wanted"):
        every_label(stored["vector"])
    with pytest.raises(ThrongError, match="does not say how its labels were spread"):
        as_trained(stored["vector"], 3, 1)
    bare = read_generator(saved(tmp_path / "bare.st", label_counts={}, classes=[]))
    assert [request.name for request in every_label(bare)] == ["0", "1", "2"]
    with pytest.raises(ThrongError, match="does not say how its classes were spread"):
        as_trained(bare, 3, 1)
