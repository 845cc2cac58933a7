"""What a release's card says: counts, figures, cost, terms, and nothing that a value could smuggle in."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit.release.facts import facts_of, with_footer
from tests.unit.release.miniature import draw, make_run
from throng.errors import ThrongError
from throng.release.card import card_text
from throng.release.card_parts.markdown import percent
from throng.release.citation import bibtex, citation_text
from throng.release.cost import LOGS, measured
from throng.release.facts import Facts
from throng.release.model_terms import UNRECORDED, model_terms
from throng.sections.release_card import Card


def share(value: float | None, number: int = 10) -> dict[str, Any]:
    return {"share": value, "low": 0.25, "high": 1.0, "number": number, "right": 0}


AUDIT = {
    "order": {
        "all": share(0.98765, 81),
        "by_kind": [share(1.0) | {"group": "sham-equal"}],
        "delta": share(None, 0),
        "pairs": 90,
        "unaudited": {"no truth": 9},
        "wrong": {"bystander": 1},
    },
    "pixels": {"outside": share(1.0), "between_levels": share(1.0), "heads": share(0.9999, 20000)},
    "shortcut": [
        {
            "backend": "opencv",
            "verdict": "none found",
            "painted": {"accuracy": 0.5, "low": 0.4, "high": 0.6, "patches": 7},
            "sham_pairs": share(0.5),
            "edited_means_fewer": [],
        }
    ],
}
ERROR = {"error": 0.48, "low": 0.45, "high": 0.49, "images": 3, "mean_count": 1.0}
CALIBRATION = {
    "errors": [
        {"maker": "drawn", "requested": 2, "images": 6, "calibrated": ERROR, "detected": None, "published": 0.11}
    ],
    "noise": [{"maker": "drawn", "bucket": "2", "mean_std": 0.409, "mean_weight": 0.61}],
}
AGREEMENT = {
    "truth": [
        {
            "group": "rendered photographs",
            "meaning": "number of people",
            "images": 9,
            "best": "grid fixed",
            "labellers": [
                {"labeller": "threshold fixed", "value": 0.875, "low": 0.8, "high": 0.9, "images": 8},
                {"labeller": "grid fixed", "value": 0.95, "low": 0.9, "high": 0.97, "images": 9},
            ],
        }
    ],
    "agreement": [
        {
            "first": "grid fixed",
            "second": "threshold fixed",
            "images": 12,
            "weighted_kappa": {"value": 0.375},
            "spearman": None,
        }
    ],
    "ground": [{"group": "rendered photographs", "errors": {"people per square metre": {"covered": share(0.95)}}}],
}
LEAKAGE = {
    "looked_at": {"images": {"train": 40, "test": 9}},
    "test_sets": {"part_b": 316},
    "not_looked_at": [{"id": "x", "reason": "not decoded"}],
    "leaks": {
        "images": 2,
        "pairs": 3,
        "identical": 1,
        "mirrored": 0,
        "by": [
            {"table": "images", "split": "train", "found_in": "part_b", "found_split": "test", "images": 2, "pairs": 3}
        ],
    },
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return facts_of(tmp_path_factory.mktemp("run"))


def front_matter(card: str) -> dict[str, Any]:
    return yaml.safe_load(card.split("---\n")[1])


def section(card: str, title: str) -> str:
    return re.split(rf"^#+ {title}$", card, flags=re.M)[1].split("\n## ")[0]


def test_front_matter_names_every_file_once_and_adds_up_its_rows(facts: Facts) -> None:
    front = front_matter(card_text(facts))
    paths = {
        (config["config_name"], entry["split"]): entry["path"]
        for config in front["configs"]
        for entry in config["data_files"]
    }
    assert paths == {
        ("ranked_pairs", "train"): "data/ranked_pairs/train-*.parquet",
        ("ranked_pairs", "val"): "data/ranked_pairs/val-00000-of-00001.parquet",
        ("ranked_pairs_recipes", "train"): "recipes/ranked_pairs/train-00000-of-00001.parquet",
        ("fixed_count", "train"): "data/fixed_count/train-00000-of-00001.parquet",
        ("images", "rows"): "tables/images.parquet",
    }
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["ranked_pairs"]
    (pairs,) = (info for info in front["dataset_info"] if info["config_name"] == "ranked_pairs")
    assert pairs["splits"] == [
        {"name": "train", "num_bytes": 1000, "num_examples": 10},
        {"name": "val", "num_bytes": 500, "num_examples": 5},
    ]
    assert (front["version"], front["license"]) == ("1.2.0", "cc-by-4.0")


def test_recipes_are_said_to_be_what_they_are(facts: Facts) -> None:
    card = card_text(facts)
    assert "**10 of 27 samples are recipes without pixels**" in card
    assert "| `ranked_pairs_recipes` | the same without pixels | 10 | 0 | 0 | 10 |" in card
    assert "throng rebuild FOLDER --source DIR" in card
    pixels = [dataclasses.replace(total, recipes={}) for total in facts.totals]
    assert "throng rebuild" not in section(card_text(dataclasses.replace(facts, totals=pixels)), "Load it")
    recipes = [dataclasses.replace(total, pixels={}) for total in facts.totals]
    card = card_text(dataclasses.replace(facts, totals=recipes))
    assert "holds recipes only, no pixels" in card
    assert "`image_fewer` lacks; without pixels | 10 |" in card


def test_left_out_samples_are_counted_by_reason(facts: Facts) -> None:
    assert "Left out of the release" not in card_text(facts)
    said = {"ranked_pairs": {"withdrawn": 3, "near copy of a held-out image": 2}, "fixed_count": {}}
    card = card_text(dataclasses.replace(facts, left_out=said))
    assert "| `ranked_pairs` | near copy of a held-out image | 2 |" in card
    assert "| `ranked_pairs` | withdrawn | 3 |" in card
    assert "less 5 samples that were left out" in card


def test_figures_of_the_audits_are_stated_with_their_intervals(facts: Facts) -> None:
    assert "Nothing was measured of this release." in section(card_text(facts), "Quality")
    measured = dataclasses.replace(
        with_footer(facts, "density_labels", backend="threshold fixed"),
        audit=AUDIT,
        calibration=CALIBRATION,
        agreement=AGREEMENT,
        leakage=LEAKAGE,
    )
    quality = section(card_text(measured), "Quality")
    assert "90 pairs, 9 without a truth" in quality
    assert "| order accuracy | 98.8 % | 25.0 % to 100.0 % | 81 pairs |" in quality
    assert "| order accuracy, sham-equal | 100.0 % |" in quality
    assert "| difference is exactly right | – | – | 0 pairs |" in quality
    assert "| head is painted over | 99.99 % |" in quality, "what is not all of it must not round to 100 %"
    assert "Why the wrong ones are wrong: bystander: 1." in quality
    assert "| sham accuracy: sham told from its photograph (opencv) | 50.0 % |" in quality
    assert "- opencv: none found" in quality
    assert "| drawn | 2 | 3 | calibrated | 0.48 | 0.45 to 0.49 | 0.11 | 0.41 | 0.61 |" in quality
    assert "| rendered photographs | number of people | 8 | 0.88 | 0.80 to 0.90 | grid fixed 0.95 |" in quality
    assert "| grid fixed | 12 | 0.38 | – |" in quality
    assert "49 images were looked at, 1 could not be." in quality
    assert "| images | train | part_b | test | 2 | 3 |" in quality


def test_near_duplicates_are_a_limit_only_where_nobody_looked(facts: Facts) -> None:
    assert "were not searched for" in section(card_text(facts), "Bias, risks and limits")
    searched = dataclasses.replace(facts, leakage=LEAKAGE)
    assert "were not searched for" not in section(card_text(searched), "Bias, risks and limits")


def test_values_of_a_run_cannot_break_out_of_the_card(tmp_path: Path) -> None:
    nasty = "me | you\n## Forged <script>alert(1)</script>"
    facts = facts_of(tmp_path, card={"creators": [nasty], "purpose": nasty, "contact": nasty, "maintenance": nasty})
    facts = dataclasses.replace(
        with_footer(facts, "detections", model={"file": nasty, "sha256": "0" * 64}),
        left_out={"ranked_pairs": {nasty: 1}},
        audit=AUDIT | {"order": AUDIT["order"] | {"wrong": {nasty: 1}}},
        leakage=LEAKAGE | {"test_sets": {nasty: 1}},
    )
    html = MarkdownIt("commonmark").enable("table").render(card_text(facts).split("---\n", 2)[2])
    assert "<script" not in html
    assert not re.search(r"<h\d>Forged", html)
    rows = re.findall(r"<tr>.*?</tr>", html.partition("Left out of the release")[2], flags=re.S)[:2]
    assert [len(re.findall(r"<t[dh][ >]", row)) for row in rows] == [3, 3]


def test_licence_of_a_model_is_looked_up_and_says_what_it_asks(facts: Facts) -> None:
    def terms(licences: dict[str, str], **footer: Any) -> tuple[str, str]:
        (one,) = model_terms(with_footer(facts, "detections", **footer).footers, licences)
        return one.licence, one.duty

    model = {"file": "crowd.onnx", "sha256": "ab" * 32}
    licence, duty = terms({}, backend="ultralytics", model=model)
    assert (licence, "passes the model or its software on" in duty) == ("AGPL-3.0", True)
    assert terms({"crowd.onnx": "MIT"}, backend="ultralytics", model=model) == ("MIT", "")
    licence, duty = terms({"ab" * 32: "CreativeML-OpenRAIL-M"}, backend="lama", model=model)
    assert (licence, "use restrictions" in duty) == ("CreativeML-OpenRAIL-M", True)
    licence, duty = terms({}, backend="lama", model=model)
    assert (licence, "release.card.model_licences" in duty) == (UNRECORDED, True)
    licence, _ = terms(
        {}, backend="diffusers", model=model, stage="synthesize", config={"synthesize": {"licence": "X"}}
    )
    assert licence == "X"


HUGE = '{"state": "done", "start_cpu_seconds": ' + "9" * 400 + "}"


def write_record(path: Path, **said: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"state": "done", "rows_resumed": 0, "start_cpu_seconds": 0.5} | said))


def test_cost_is_summed_over_jobs_and_divided_by_the_images_of_the_ledger(facts: Facts, tmp_path: Path) -> None:
    folder = tmp_path / LOGS
    for part, seconds, megabytes in (("part-000-of-002", 12.0, 300), ("part-001-of-002", 5.0, 400)):
        record = {"wall_seconds": seconds, "cpu_seconds": 8.5, "memory_peak_bytes": megabytes * 2**20}
        write_record(folder / "detect" / f"{part}.log.measured.json", **record)
    write_record(folder / "detect" / "part-002-of-002.log.measured.json", state="failed")
    card = Card(hardware="two cores", gpu_stages=["detect"])
    assert measured(tmp_path, Card()) == {}, "times mean nothing without a machine"
    found = measured(tmp_path, card)
    assert found == {"detect": {"jobs": 2, "seconds": 18.0, "cpu_seconds": 18.0, "gpu_seconds": 18.0, "peak_mb": 400.0}}
    config = facts.config.model_copy(update={"card": card})
    cost = section(card_text(dataclasses.replace(facts, config=config, cost=found)), "Cost")
    assert "| `detect` | 6 | 2 | 18.0 | 3.000 | 3.000 | 3.000 | 400 |" in cost
    assert "two cores" in cost
    assert "names no machine" in section(card_text(facts), "Cost")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"state": "done", "start_cpu_seconds": NaN}', "[" * 100_000, HUGE])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    write_record(tmp_path / LOGS / "detect.log.measured.json")
    (tmp_path / LOGS / "detect.log.measured.json").write_text(text)
    with pytest.raises(ThrongError, match=r"detect\.log\.measured\.json: expected what a job of throng took"):
        measured(tmp_path, Card(hardware="any"))


def test_citation_tells_people_from_bodies(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, card={"creators": ["Doe, Jane", "The R&D Lab"], "date": "2027-03-01"})
    cited = yaml.safe_load(citation_text(facts))
    assert cited["authors"] == [{"family-names": "Doe", "given-names": "Jane"}, {"name": "The R&D Lab"}]
    assert (cited["type"], cited["date-released"], cited["license"]) == ("dataset", "2027-03-01", "CC-BY-4.0")
    assert "- **Curated by:** Jane Doe, The R&D Lab" in card_text(facts)
    assert "author = {Doe, Jane and {The R\\&D Lab}}," in bibtex(facts)
    own = dataclasses.replace(
        facts, config=facts.config.model_copy(update={"card": Card(bibtex="@article{x,\n  title = {Y}\n}")})
    )
    assert "@article{x," in section(card_text(own), "Citation")


@given(st.integers(1, 10**8), st.data())
def test_a_share_looks_like_all_or_nothing_only_where_it_is(number: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, number))
    shown = float(percent(right / number).removesuffix(" %"))
    assert (shown == 100, shown == 0) == (right == number, right == 0)
    assert abs(shown - 100 * right / number) <= 0.05


@pytest.mark.slow
def test_datasets_finds_columns_and_rows_as_the_front_matter_says(tmp_path: Path) -> None:
    import datasets

    run = make_run({"open": True, "closed": False})
    draw(run)
    folder = run.write(tmp_path).release()
    infos = {info["config_name"]: info for info in front_matter((folder / "README.md").read_text())["dataset_info"]}
    files = [one for one in json.loads((folder / "index.json").read_text())["files"] if one["format"] == "parquet"]
    assert set(infos) == {one["config"] for one in files}
    for config, info in infos.items():
        loaded = datasets.load_dataset(str(folder), config, cache_dir=str(tmp_path / "cache"))
        assert {split: rows.num_rows for split, rows in loaded.items()} == {
            one["name"]: one["num_examples"] for one in info["splits"]
        }
        for one in (one for one in files if one["config"] == config):
            kept = json.loads(pq.read_schema(folder / one["path"]).metadata[b"huggingface"])
            assert loaded[one["split"]].features == datasets.Features.from_dict(kept["info"]["features"])
