"""The whole workflow for real, at its smallest: every stage, a verified release, the same bytes wherever it runs."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from tests.workflow.conftest import Project, checkout
from throng.manifest import read_footer
from throng.release.verify import verify

OVERLAY = ("--configfile", "config/tiny.yaml")
RESULTS = Path("results") / "tiny"
LADDER = ("results/tiny/ladder/ladder.html", "results/tiny/probe/probe.json")
GAN = ("results/tiny/evaluate_gan/crowds/seed-1/gan.html",)
LABEL_FREE = ("pretrain_count", "pretrain_rank", "fit_counts", "probe", "ladder")
# what follows from arithmetic that may differ with the number of threads
TRAINED = ("train_counter", "evaluate", "train_gan", "evaluate_gan", "report", "logs", "benchmarks", *LABEL_FREE)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, worker_id: str) -> Project:
    """The workflow run once for all test processes, which wait for the first of them; nobody may change it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "tiny"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            building = checkout(tmp_path_factory.mktemp("building"))
            building.run("all", *LADDER, *GAN, *OVERLAY)
            building.folder.rename(folder)
    return Project(folder)


@pytest.fixture
def own_tiny(tiny: Project, tmp_path: Path) -> Project:
    """A copy of it to change."""
    return Project(shutil.copytree(tiny.folder, tmp_path / "own", symlinks=True))


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in TRAINED
    }


def test_the_release_verifies_and_nothing_is_left_to_do(tiny: Project):
    summary = verify(tiny.folder / RESULTS / "release" / "throng-tiny")
    assert summary["samples"]
    assert tiny.would_run(*OVERLAY) == set()
    assert not list((tiny.folder / RESULTS / ".work").rglob("*.json")), "finished jobs leave no scratch rows"


def test_every_table_says_what_made_it(tiny: Project):
    tables = [p for p in (tiny.folder / RESULTS).rglob("*.parquet") if not {"release", ".kept"} & {*p.parts}]
    assert len(tables) == 21
    for table in tables:
        footer = read_footer(table)
        assert footer["code"] and footer["stage"] in footer["config"]
        assert str(tiny.folder) not in json.dumps(footer)
        assert footer["stage"] == "prompt" or footer["parents"], table


def test_only_images_of_one_scene_are_called_copies(tiny: Project):
    folder = tiny.folder / RESULTS
    photographs = pq.read_table(folder / "ingest" / "images.parquet", columns=["id", "path"]).to_pylist()
    paths = {row["id"]: row["path"] for row in photographs}
    made = sorted((folder / "synthesize").rglob("*.parquet"))
    backgrounds = {row["id"]: row["background_id"] for path in made for row in pq.read_table(path).to_pylist()}
    truth = pq.read_table(tiny.folder / "resources" / "tiny" / "truth.parquet", columns=["path", "scene"]).to_pylist()
    scenes = {row["path"].partition("/")[2]: row["scene"] for row in truth}
    rows = pq.read_table(folder / "audit_leakage" / "near_duplicates.parquet").to_pylist()
    assert json.loads((folder / "audit_leakage" / "leakage.json").read_text())["pairs_compared"] == len(rows)
    for row in rows:
        shown, held_out = backgrounds.get(row["id"], row["id"]), row["other_id"]
        if row["verdict"] == "leak":
            assert scenes[paths[shown]] == scenes[paths[held_out]], row


def test_metrics_stand_beside_the_baseline_and_the_page_shows_them(tiny: Project):
    metrics = json.loads((tiny.folder / RESULTS / "evaluate" / "metrics.json").read_text())
    assert [record["counter"] for record in metrics["counters"]] == ["compact"]
    assert all(record["rmse"] >= record["mae"] > 0 for record in (metrics["baseline"], *metrics["counters"]))
    page = (tiny.folder / RESULTS / "report" / "report.html").read_text()
    assert all((tiny.folder / RESULTS / "report" / path).is_file() for path in re.findall('src="([^"]+)"', page))
    assert "throng-tiny" in page


def test_the_ladder_stands_beside_its_page(tiny: Project):
    ladder = json.loads((tiny.folder / RESULTS / "ladder" / "ladder.json").read_text())
    assert [record["rung"] for record in ladder["rungs"]] == ["mean count", "random features", "synthetic rank"]
    assert all(record["rmse"] >= record["mae"] > 0 for record in ladder["rungs"])
    accuracy = json.loads(
        (tiny.folder / RESULTS / "pretrain_rank" / "synthetic" / "seed-1" / "accuracy.json").read_text()
    )
    assert accuracy
    probe = json.loads((tiny.folder / RESULTS / "probe" / "probe.json").read_text())
    assert probe["networks"]


def test_a_generator_stands_beside_what_was_measured_of_it(tiny: Project):
    folder = tiny.folder / RESULTS
    metrics = json.loads((folder / "evaluate_gan" / "crowds" / "seed-1" / "metrics.json").read_text())
    assert metrics
    history = (folder / "train_gan" / "crowds" / "seed-1" / "history.jsonl").read_text()
    steps = [json.loads(line) for line in history.splitlines()]
    assert steps
    assert (folder / "train_gan" / "crowds" / "seed-1" / "fakes.png").stat().st_size


def test_a_release_takes_along_what_a_generator_drew(own_tiny: Project):
    drawn = own_tiny
    sampler = "sample_gan: {samplers: [{name: crowds, labels: {kind: every, per_label: 2}}]}"
    drawn.run("all", *OVERLAY, drawn.overlay(sampler)[1])
    folder = drawn.folder / RESULTS / "release" / "throng-tiny"
    assert verify(folder)["samples"]["requested_density/train"] == 6, "two of each of three classes"


AUDITS = (("audit_pairs", "audit.html"), ("audit_density", "density.html"))


def test_a_second_run_elsewhere_on_one_core_gives_the_same_bytes(tiny: Project, tmp_path):
    other = checkout(tmp_path)
    index = str(RESULTS / "release" / "throng-tiny" / "index.json")
    pages = [str(RESULTS / stage / page) for stage, page in AUDITS]
    other.run(index, *pages, str(RESULTS / "convert_dataset" / "dataset.parquet"), *OVERLAY, "--cores", "1")
    first, second = digests(tiny.folder / RESULTS), digests(other.folder / RESULTS)
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == set()


def test_a_job_replays_from_its_job_file(own_tiny: Project):
    table = own_tiny.folder / RESULTS / "rank_pairs" / "ranked_pairs.parquet"
    before = table.read_bytes()
    table.unlink()
    job = RESULTS / "logs" / "rank_pairs.log.job.json"
    script = own_tiny.folder / "workflow" / "scripts" / "rank_pairs.py"
    subprocess.run([sys.executable, str(script), "--job", str(job)], cwd=own_tiny.folder, check=True)
    assert table.read_bytes() == before
