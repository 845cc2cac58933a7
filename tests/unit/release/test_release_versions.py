"""Two releases compared record by record, and the version that the difference calls for."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.provenance import Provenance
from throng.release.difference import COLUMNS, Step, compare_files, compare_records, leaves, read_records
from throng.release.index import FORMAT_VERSION
from throng.release.shards import Written
from throng.release.versions import moved, resolve, unversioned
from throng.sections.release import Release

MADE: dict[str, Any] = {"licence": "CC0-1.0", "shared_scenes": [], "provenance": {"code": "c0de"}, "made_by": {}}
Records = dict[tuple[str, str], tuple[str, str]]
RECORDS = st.dictionaries(
    st.tuples(st.sampled_from(["pairs", "counts"]), st.sampled_from("abcde")),
    st.tuples(st.sampled_from(["train", "val"]), st.sampled_from(["d1", "d2"])),
)


def table(records: Records) -> pa.Table:
    rows = sorted((product, split, row, digest) for (product, row), (split, digest) in records.items())
    return pa.table({name: pa.array([row[k] for row in rows], pa.string()) for k, name in enumerate(COLUMNS)})


@given(before=RECORDS, after=RECORDS)
def test_every_record_has_one_fate(before: Records, after: Records) -> None:
    found = {changes.product: changes for changes in compare_records(table(before), table(after))}
    assert set(found) == {product for product, _ in before | after}
    for product, changes in found.items():
        fates: dict[str, list[str]] = {name: [] for name in ("same", "added", "removed", "changed", "moved")}
        for key in sorted(key for key in before | after if key[0] == product):
            old, new = before.get(key), after.get(key)
            if old is None:
                fate = "added"
            elif new is None:
                fate = "removed"
            elif old[0] != new[0]:
                fate = "moved"
            else:
                fate = "same" if old == new else "changed"
            fates[fate].append(key[1])
        assert {name: getattr(changes, name) for name in fates} == {name: len(ids) for name, ids in fates.items()}
        assert changes.examples == {name: ids for name, ids in fates.items() if ids and name != "same"}


ONE: Records = {("pairs", "a"): ("train", "d1"), ("pairs", "b"): ("train", "d1")}


@pytest.mark.parametrize(
    ("after", "version"),
    [
        (ONE, "1.2.3"),
        (ONE | {("pairs", "c"): ("val", "d1")}, "1.3.0"),
        (ONE | {("counts", "a"): ("val", "d1")}, "1.3.0"),
        (ONE | {("pairs", "a"): ("train", "d2")}, "2.0.0"),
        (ONE | {("pairs", "a"): ("val", "d1")}, "2.0.0"),
        ({("pairs", "a"): ("train", "d1")}, "2.0.0"),
        ({("pairs", "a"): ("train", "d1"), ("pairs", "c"): ("train", "d1")}, "2.0.0"),
    ],
)
def test_records_decide_the_version(tmp_path: Path, after: Records, version: str) -> None:
    assert resolved(tmp_path, "next", after) == version
    assert resolved(tmp_path, version, after) == version
    assert resolved(tmp_path, "3.0.0", after) == "3.0.0"


def test_packaging_alone_moves_the_patch(tmp_path: Path) -> None:
    assert resolved(tmp_path, "next", ONE, shard="other bytes") == "1.2.4"
    assert resolved(tmp_path, "next", ONE, licence="CC-BY-4.0") == "1.2.4"


@pytest.mark.parametrize(
    ("version", "after", "said"),
    [
        ("1.2.9", ONE | {("pairs", "c"): ("val", "d1")}, "of pairs, records were: 1 added: 1.3.0 or higher is due"),
        ("1.9.9", {}, "of pairs, records were: 2 removed: 2.0.0 or higher is due"),
        ("1.2.2", ONE, "nothing differs: 1.2.3 or higher is due"),
    ],
)
def test_version_that_is_too_low_stops_the_release(tmp_path: Path, version: str, after: Records, said: str) -> None:
    with pytest.raises(ThrongError, match=f"release.version is {version}, but 1.2.3 is out and .*{said}"):
        resolved(tmp_path, version, after)


def resolved(tmp_path: Path, version: str, after: Records, *, shard: str = "bytes", **made: Any) -> str:
    """Resolve a version against release 1.2.3 of the records ``ONE``."""
    previous, now = tmp_path / "previous", tmp_path / "records.parquet"
    previous.mkdir(exist_ok=True)
    pq.write_table(table(ONE), previous / "records.parquet")
    pq.write_table(table(after), now)
    files = [written("bytes"), Written("README.md", "", "", "card", 0, 1, "of another version")]
    index = {"format": "throng-release", "format_version": FORMAT_VERSION, "name": "tiny", "version": "1.2.3"} | MADE
    index |= {"products": {}, "files": [vars(file) for file in files]}
    (previous / "index.json").write_text(json.dumps(index))
    config = Release(name="tiny", version=version, previous="previous")
    before = [previous / "index.json", previous / "records.parquet"]
    return resolve(config, before, now, [written(shard)], MADE | made)


def written(sha256: str) -> Written:
    return Written("data/pairs/train-00000-of-00001.parquet", "pairs", "train", "parquet", 2, 9, sha256)


def test_first_release(tmp_path: Path) -> None:
    records = tmp_path / "records.parquet"
    assert resolve(Release(version="next"), [], records, [], MADE) == "0.1.0"
    assert resolve(Release(version="4.0.1"), [], records, [], MADE) == "4.0.1"


def test_steps() -> None:
    assert [moved("0.9.4", step) for step in Step] == ["0.9.4", "0.9.5", "0.10.0", "1.0.0"]


def test_previous_release_of_another_dataset_is_refused(tmp_path: Path) -> None:
    resolved(tmp_path, "next", ONE)
    before = [tmp_path / "previous" / name for name in ("index.json", "records.parquet")]
    with pytest.raises(ThrongError, match=r"release.previous is release 'tiny', this is 'huge'"):
        resolve(Release(name="huge"), before, tmp_path / "records.parquet", [], MADE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pa.table({"product": ["a"]}), "not readable as the records of a release"),
        (table(ONE).set_column(2, "id", pa.array([1, 2])), "expected the text columns"),
        (pa.concat_tables([table(ONE)] * 2), "record 'a' of pairs occurs 2 times"),
        (table(ONE).set_column(3, "digest", pa.array(["d", None])), "lacks its"),
    ],
)
def test_records_of_another_shape_are_refused(tmp_path: Path, content: pa.Table, said: str) -> None:
    path = tmp_path / "records.parquet"
    pq.write_table(content.sort_by([(content.schema.names[0], "ascending")]), path)
    with pytest.raises(ThrongError, match=said):
        read_records(path)


def test_missing_records_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="take the file of a whole release"):
        read_records(tmp_path / "records.parquet")


def test_files_are_compared_by_path_and_hash() -> None:
    found = compare_files({"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1", "d": "1"})
    assert found == {"added": ["d"], "removed": ["a"], "changed": ["b"]}


def test_leaves_name_where_two_values_differ() -> None:
    assert leaves({"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}, 5], "c": 3}, "x") == [
        ("x.a[1].b", 2, 4),
        ("x.a[2]", None, 5),
    ]


def test_shards_do_not_know_their_version(tmp_path: Path) -> None:
    before = tmp_path / "index.json"
    before.write_text("{}")
    parents = {"release/tiny/index.json": sha256_file(before), "ingest/images.parquet": "ab"}

    def footer(version: str, previous: str | None) -> Provenance:
        section = {"name": "tiny", "version": version, "previous": previous}
        held = parents if previous else {"ingest/images.parquet": "ab"}
        return unversioned(Provenance("release", {"release": section}, "c0de", 7, held), [before] if previous else [])

    assert footer("next", "release/tiny") == footer("0.1.0", None)
