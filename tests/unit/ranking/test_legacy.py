"""Legacy annotation files: what they look like to the byte of their structure, there and back, and bad ones."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.ranking.legacy import (
    LegacyCount,
    LegacyPair,
    LegacyTriple,
    counts_text,
    ranking_text,
    read_counts,
    read_ranking,
)

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    lambda name: name not in (".", "..")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
TWO = st.lists(PATHS, min_size=2, max_size=2, unique=True)
THREE = st.lists(PATHS, min_size=3, max_size=3, unique=True)
COUNTS = st.one_of(st.integers(0, 10**6), st.floats(0, 1e6))


def written(folder: Path, content: object) -> Path:
    path = folder / "annotations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_as_syrac_has_it(tmp_path: Path):
    entry = {"source_image": "/JHU/a.jpg", "target_image": "/JHU/a_0.png", "info": {"type": "empty", "seed": 3}}
    path = written(tmp_path, {"train": [entry], "val": []})
    assert read_ranking(path) == {"train": [LegacyPair("/JHU/a.jpg", "/JHU/a_0.png", "empty")], "val": []}
    text = ranking_text({"train": [LegacyPair("/JHU/a.jpg", "/JHU/a_0.png", "empty")]})
    del entry["info"]["seed"]
    assert json.loads(text) == {"train": [entry], "val": []}


def test_a_file_as_afreeca_has_it(tmp_path: Path):
    content = {"train": [], "val": [["/D/add/1.png", "/D/1.png", "/D/remove/1.png"]]}
    ranked = read_ranking(written(tmp_path, content))
    assert ranked["val"] == [LegacyTriple("/D/add/1.png", "/D/1.png", "/D/remove/1.png")]
    assert json.loads(ranking_text(ranked)) == content


def test_counts_as_syrac_has_them(tmp_path: Path):
    listed = [{"image": "/S/1.png", "count": 20}]
    assert read_counts(written(tmp_path, listed)) == {"train": [LegacyCount("/S/1.png", 20)]}
    assert read_counts(written(tmp_path, {"test": listed})) == {"test": [LegacyCount("/S/1.png", 20)]}
    assert json.loads(counts_text([LegacyCount("/S/1.png", 20)], real=False)) == listed
    assert json.loads(counts_text([LegacyCount("/S/1.png", 20)], real=True)) == {"test": listed}


@given(
    pairs=st.fixed_dictionaries(
        {s: st.lists(st.builds(lambda two, kind: LegacyPair(*two, kind), TWO, st.text())) for s in ("train", "val")}
    )
)
def test_pairs_go_there_and_back(tmp_path_factory: pytest.TempPathFactory, pairs: dict[str, list[LegacyPair]]):
    assert read_ranking(written(tmp_path_factory.mktemp("legacy"), ranking_text(pairs))) == pairs


@given(
    triples=st.fixed_dictionaries(
        {s: st.lists(THREE.map(lambda three: LegacyTriple(*three))) for s in ("train", "val")}
    )
)
def test_triples_go_there_and_back(tmp_path_factory: pytest.TempPathFactory, triples: dict[str, list[LegacyTriple]]):
    assert read_ranking(written(tmp_path_factory.mktemp("legacy"), ranking_text(triples))) == triples


@given(counts=st.lists(st.builds(LegacyCount, PATHS, COUNTS)), real=st.booleans())
def test_counts_go_there_and_back(tmp_path_factory: pytest.TempPathFactory, counts: list[LegacyCount], real: bool):
    found = read_counts(written(tmp_path_factory.mktemp("legacy"), counts_text(counts, real=real)))
    assert found == {"test" if real else "train": counts}


PAIR = {"source_image": "/D/a.jpg", "target_image": "/D/b.jpg", "info": {"type": "x"}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not readable as JSON"),
        ([], "expected an object with the keys train and val"),
        ({"train": []}, "expected an object with the keys train and val"),
        ({"train": {}, "val": []}, "train: expected a list, found dict"),
        ({"train": [PAIR, 3], "val": []}, "train, entry 1: expected source_image"),
        ({"train": [PAIR], "val": [["/a", "/b", "/c"]]}, "val, entry 0: expected source_image"),
        ({"train": [PAIR | {"info": {}}], "val": []}, "info with a type"),
        ({"train": [PAIR | {"target_image": "/D/a.jpg"}], "val": []}, "/D/a.jpg is ranked against itself"),
        ({"train": [PAIR | {"target_image": "D/b.jpg"}], "val": []}, "'D/b.jpg' cannot be put behind data_dir"),
        ({"train": [PAIR | {"target_image": "/../b.jpg"}], "val": []}, "cannot be put behind data_dir"),
        ({"train": [PAIR | {"target_image": "/"}], "val": []}, "cannot be put behind data_dir"),
        ({"train": [PAIR | {"target_image": None}], "val": []}, "None cannot be put behind data_dir"),
        ({"train": [["/a", "/b"]], "val": []}, "entry 0: expected three images"),
        ({"train": [["/a", "/b", "/a"]], "val": []}, "is in a triple with itself"),
    ],
)
def test_bad_rankings_are_one_sentence(tmp_path: Path, content: object, said: str):
    with pytest.raises(ThrongError) as caught:
        read_ranking(written(tmp_path, content))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"train": []}, "or an object with such a list under test"),
        ({"test": 3}, "test: expected a list, found int"),
        ([{"image": "/a"}], "the list, entry 0: expected image and count"),
        ([{"image": "/a", "count": -1}], "count is -1"),
        ([{"image": "/a", "count": True}], "count is True"),
        ('[{"image": "/a", "count": NaN}]', "count is nan"),
        ([{"image": "a", "count": 1}], "cannot be put behind data_dir"),
    ],
)
def test_bad_counts_are_one_sentence(tmp_path: Path, content: object, said: str):
    with pytest.raises(ThrongError) as caught:
        read_counts(written(tmp_path, content))
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ThrongError, match=r"gone.json: cannot be read"):
        read_ranking(tmp_path / "gone.json")


def test_paths_that_cannot_be_joined_are_not_written():
    with pytest.raises(ThrongError, match="cannot be put behind data_dir"):
        ranking_text({"train": [LegacyPair("a.jpg", "/b.jpg", "x")]})
    with pytest.raises(ThrongError, match="cannot be put behind data_dir"):
        counts_text([LegacyCount("a.jpg", 1)], real=True)
