"""A release's Croissant file: valid by the library of its authors, which reads every record set with it."""

import json
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.release.facts import facts_of
from tests.unit.release.miniature import draw, make_run
from throng import stages
from throng.files import sha256_file
from throng.release.croissant import document
from throng.release.croissant.fields import column_field
from throng.release.croissant.provenance import DECIDED
from throng.release.products import PRODUCTS

# what the Evaluations and Datasets track of NeurIPS 2026 asks for beside the fields of Croissant itself
RESPONSIBLE = (
    "rai:dataLimitations",
    "rai:dataBiases",
    "rai:personalSensitiveInformation",
    "rai:dataUseCases",
    "rai:dataSocialImpact",
    "rai:hasSyntheticData",
    "prov:wasDerivedFrom",
    "prov:wasGeneratedBy",
)
REQUIRED = ("name", "description", "license", "url", "creator", "datePublished", "conformsTo", "distribution")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release with pixels, recipes and drawn images; its own check is another test's."""
    run = make_run({"open": True, "closed": False})
    draw(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages.release, "verify", lambda *_, **__: {})
        return run.write(tmp_path_factory.mktemp("run")).release()


@pytest.fixture(scope="module")
def dataset(release: Path) -> mlcroissant.Dataset:
    return mlcroissant.Dataset(str(release / "croissant.json"))


def test_the_library_finds_nothing_to_complain_of(dataset: mlcroissant.Dataset) -> None:
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert dataset.metadata.ctx.is_v1_1()


def test_it_says_all_that_is_required_and_no_path_of_this_machine(release: Path) -> None:
    text = (release / "croissant.json").read_text()
    said = json.loads(text)
    assert [name for name in (*REQUIRED, *RESPONSIBLE) if not said.get(name)] == []
    assert str(release) not in text
    assert str(Path.home()) not in text


def test_every_data_file_is_there_with_its_hash_and_size(release: Path) -> None:
    nodes = json.loads((release / "croissant.json").read_text())["distribution"]
    files = {node["contentUrl"]: node for node in nodes if node["@type"] == "cr:FileObject"}
    there = [path for path in release.rglob("*") if path.suffix in (".parquet", ".tar")]
    assert sorted(files) == sorted(path.relative_to(release).as_posix() for path in there)
    for name, node in files.items():
        path = release / name
        assert (node["sha256"], node["contentSize"]) == (sha256_file(path), f"{path.stat().st_size} B")


def test_every_configuration_reads_back_row_for_row(release: Path, dataset: mlcroissant.Dataset) -> None:
    held: dict[str, list[dict[str, Any]]] = {}
    for entry in json.loads((release / "index.json").read_text())["files"]:
        if entry["format"] == "parquet":
            rows = pq.read_table(release / entry["path"]).to_pylist()
            held.setdefault(entry["config"], []).extend(rows)
    sets = {one.uuid for one in dataset.metadata.record_sets} - {"splits"}
    assert sets == set(held)
    assert {"ranked_pairs", "ranked_pairs_recipes", "fixed_count", "density_labelled", "requested_density"} <= sets
    for name, rows in held.items():
        records = list(dataset.records(name))
        assert len(records) == len(rows)
        if name not in PRODUCTS:
            continue
        wanted = {row["id"]: row for row in rows}
        for record in records:
            check_record(name, record, wanted.pop(record[f"{name}/id"].decode()))


def check_record(name: str, record: dict[str, Any], row: dict[str, Any]) -> None:
    """Compare what the library makes of a row with the row: text, numbers, structs, lists and images."""
    assert record[f"{name}/split"].decode() == row["split"]
    for image in PRODUCTS[name].images:
        assert record[f"{name}/{image}"].size == (row["width"], row["height"])
    for column in ("delta", "count", "seed", "density_score", "truncation"):
        if column in row:
            assert record[f"{name}/{column}"] == row[column]
    if row.get("points"):
        points = [(point[f"{name}/points/x"], point[f"{name}/points/y"]) for point in record[f"{name}/points"]]
        assert points == [(point["x"], point["y"]) for point in row["points"]]
    if row.get("more_crop"):
        crop = record[f"{name}/more_crop"]
        assert {key.rpartition("/")[2]: value for key, value in crop.items()} == row["more_crop"]
    if "removed" in row:
        assert list(record[f"{name}/removed"]) == row["removed"]


def test_one_split_can_be_asked_for_alone(dataset: mlcroissant.Dataset) -> None:
    found = list(dataset.records("ranked_pairs", filters={"ranked_pairs/split": "val"}))
    assert {record["ranked_pairs/split"] for record in found} == {b"val"}
    assert len(found) == 5


def test_leaves_of_nested_columns_are_named_by_their_path() -> None:
    head = pa.struct([("x", pa.float64()), ("y", pa.float64())])
    person = pa.struct([("tag", pa.string()), ("head", head), ("flags", pa.list_(pa.string()))])
    node = column_field("t", {"fileObject": {"@id": "f"}}, pa.field("people", pa.list_(person)))
    assert (node["isArray"], node["arrayShape"]) == (True, "-1")
    leaves = {leaf["@id"]: leaf for leaf in node["subField"]}
    assert list(leaves) == ["t/people/tag", "t/people/head.x", "t/people/head.y", "t/people/flags"]
    assert leaves["t/people/head.x"]["source"]["transform"] == {"jsonPath": "head.x"}
    assert leaves["t/people/flags"]["isArray"] is True


def test_every_column_was_decided_by_a_stage_that_is_described(tmp_path: Path) -> None:
    said = document(facts_of(tmp_path))
    stages = {activity["@id"] for activity in said["prov:wasGeneratedBy"]}
    for one in said["recordSet"][1:]:
        nodes = one["field"] if one["@id"].removesuffix("_recipes") in PRODUCTS else [one]
        assert {node["prov:wasGeneratedBy"]["@id"] for node in nodes} <= stages
    for product, (_, others) in DECIDED.items():
        columns = {*PRODUCTS[product].images, *PRODUCTS[product].fields.names}
        assert {column for named in others.values() for column in named} <= columns


def test_sources_are_named_by_their_origin_where_it_is_known(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, card={"origins": {"open": "https://example.org/open"}})
    found = {node["prov:label"]: node for node in document(facts)["prov:wasDerivedFrom"]}
    assert found["open"]["@id"] == "https://example.org/open"
    assert found["closed"]["@id"] == "urn:throng:source:closed"
    assert found["closed"]["sc:license"] == "research only, no redistribution"
