"""What a run took is read from what it leaves behind, and told apart into a job's share and an image's."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.rows import removal_row
from throng.cli import app
from throng.errors import ThrongError
from throng.manifest import write_table
from throng.operations.throughput import SHIPPED, Run, key_of, measure, read, split_cost, write
from throng.plan_cli import number, short
from throng.provenance import Provenance
from throng.tables import detections, removals
from throng.tables.detections import DetectionRow

MADE = Provenance("detect", {}, "c0de", 0)


def finished_job(
    results: Path, stage: str, part: str, rows: list, *, wall: float, cpu: float, config: dict, **said
) -> None:
    """Leave behind what a job of a chunked stage does; its job file names the folder where it ran."""
    table = {"detect": detections.TABLE, "remove": removals.TABLE}[stage]
    write_table(results / stage / f"{part}.parquet", table, rows, MADE)
    named = {"table": [f"results/{stage}/{part}.parquet"]}
    if stage == "remove":
        (results / stage / f"{part}.zip").write_bytes(b"p" * 1000)
        named["pixels"] = [f"results/{stage}/{part}.zip"]
    job = {"stage": stage, "log": f"results/logs/{stage}/{part}.log", "outputs": named, "wildcards": {"part": part}}
    job |= {"params": {"config": json.dumps({stage: config, "seed": 0})}, "section": said.get("section", {})}
    (results / "logs" / stage).mkdir(parents=True, exist_ok=True)
    (results / "logs" / stage / f"{part}.log.job.json").write_text(json.dumps(job))
    started = said.get("started", 0.0)
    record = {"state": "done", "rows_resumed": said.get("resumed", 0), "start_cpu_seconds": started}
    record |= {"wall_seconds": wall - started, "cpu_seconds": cpu - started, "memory_peak_bytes": 500 * 2**20}
    (results / "logs" / stage / f"{part}.log.measured.json").write_text(json.dumps(record))


def found_people(number: int, first: int = 0) -> list[DetectionRow]:
    return [DetectionRow(f"{k:016x}", "annotations", [], "ok", "") for k in range(first, first + number)]


ANNOTATIONS = {"backend": "annotations"}


def test_a_line_through_jobs_of_two_sizes_is_found_again(tmp_path):
    # 4 s a job and a quarter of a second an image, on a machine so busy that the clock says nothing
    for part, images in (("part-000-of-002", 20), ("part-001-of-002", 100)):
        rows = found_people(images, images)
        finished_job(tmp_path, "detect", part, rows, wall=900.0, cpu=4 + images / 4, config=ANNOTATIONS)
    found = measure([Run(tmp_path)], "a machine")["detect:annotations"]
    assert (found.fixed, found.per_image) == (pytest.approx(4.0), pytest.approx(0.25))
    assert (found.jobs, found.least, found.most, found.peak_mb, found.hardware) == (2, 20, 100, 500.0, "a machine")
    size = sum(path.stat().st_size for path in (tmp_path / "detect").iterdir())
    assert found.table_bytes == pytest.approx(size / 120)
    assert found.seconds(8) == pytest.approx(6.0)


def test_of_jobs_of_one_size_only_the_start_up_is_told_apart(tmp_path):
    finished_job(tmp_path, "detect", "p", found_people(10), wall=8.0, cpu=4.0, config=ANNOTATIONS, started=1.0)
    found = measure([Run(tmp_path)], "a machine")["detect:annotations"]
    assert (found.fixed, found.per_image) == (pytest.approx(1.0), pytest.approx(0.3))


def test_edits_are_counted_by_photograph_and_their_pixels_weighed(tmp_path):
    rows = [removal_row(id=f"e{k}", parent_id=f"p{k % 2}", level=1 + k // 2) for k in range(6)]
    config = {"backend": "opencv", "check": None}
    finished_job(tmp_path, "remove", "p", rows, wall=3.0, cpu=3.0, config=config)
    found = measure([Run(tmp_path)], "a machine")["remove:opencv"]
    assert (found.most, found.pixel_bytes, found.files) == (2, 500.0, 2)


def test_a_job_on_a_gpu_is_timed_by_the_clock(tmp_path):
    gpu = {"backend": "ultralytics", "device": "cuda"}
    finished_job(tmp_path, "detect", "p", found_people(10), wall=5.0, cpu=50, config=gpu, section=gpu)
    found = measure([Run(tmp_path)], "a GPU")["detect:ultralytics"]
    assert found.gpu
    assert found.per_image == pytest.approx(0.5)


def test_an_unfinished_job_is_left_out_and_a_folder_without_any_refused(tmp_path):
    with pytest.raises(ThrongError, match="holds no finished job"):
        Run(tmp_path)
    finished_job(tmp_path, "detect", "p", found_people(10), wall=5.0, cpu=5, config=ANNOTATIONS)
    finished_job(tmp_path, "detect", "q", found_people(3), wall=5.0, cpu=5, config=ANNOTATIONS)
    (tmp_path / "detect" / "q.parquet").unlink()
    finished_job(tmp_path, "detect", "r", found_people(3), wall=5.0, cpu=1.0, config=ANNOTATIONS, resumed=2)
    assert [taken.images for taken in Run(tmp_path).taken] == [10]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("logs/detect/p.log.job.json", "{}", "no job file"),
        ("logs/detect/p.log.measured.json", "s\n", "what a job of throng took"),
    ],
)
def test_a_file_that_is_not_what_a_job_leaves_is_named(tmp_path, name, text, said):
    finished_job(tmp_path, "detect", "p", found_people(10), wall=5.0, cpu=5, config=ANNOTATIONS)
    (tmp_path / name).write_text(text)
    with pytest.raises(ThrongError, match=f"{name}: .*{said}"):
        Run(tmp_path)


def test_costs_that_no_line_explains_are_shared_out():
    fixed, per_image, how = split_cost([(10, 50.0, 1.0), (100, 40.0, 1.0)])  # the larger job was quicker
    assert (fixed, per_image) == (1.0, pytest.approx(88 / 110))
    assert how.startswith("start-up as the jobs said")
    # noise around 3 + n / 2 is found by an independent least-squares solution
    sizes = np.array([10, 20, 40, 80])
    seconds = 3 + sizes / 2 + np.array([0.1, -0.2, 0.1, 0.0])
    wanted = np.linalg.lstsq(np.stack([np.ones(4), sizes], 1), seconds, rcond=None)[0]
    assert split_cost(list(zip(sizes, seconds, [0.0] * 4, strict=True)))[:2] == pytest.approx(tuple(wanted))


def test_figures_are_written_and_read_again(tmp_path):
    finished_job(tmp_path / "run", "detect", "p", found_people(10), wall=5.0, cpu=5, config=ANNOTATIONS)
    found = measure([Run(tmp_path / "run")], "a machine")
    write(tmp_path / "figures.json", found, {"chunk": 1.0})
    assert read(tmp_path / "figures.json") == (found, {"chunk": 1.0})
    (tmp_path / "figures.json").write_text('{"stages": {"detect": {"speed": 1}}, "reading": {}}')
    with pytest.raises(ThrongError, match=r"figures\.json: no table of throughputs .* throng plan --measured"):
        read(tmp_path / "figures.json")


def test_keys_name_what_decides_the_time():
    assert key_of("count_synthetic", {"detector": None}) == "count_synthetic:none"
    assert key_of("remove", {"backend": "lama", "check": {"detectors": []}}) == "remove:lama+check"
    assert key_of("train_counter", {"model": "mcnn"}) == "train_counter:mcnn"
    assert key_of("ingest", {"sources": []}) == "ingest"


@pytest.mark.parametrize(
    ("text", "value"), [("1200", 1200), ("1.2k", 1200), ("10M", 10**7), ("1_000", 1000), ("2G", 2 * 10**9)]
)
def test_numbers_as_people_write_them(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "M", "-3", "0", "1.5", "ten", "1e400", "nan", "10MM"])
def test_text_that_is_no_number_of_images_is_refused(text):
    with pytest.raises(ThrongError, match="is no number of images"):
        number(text)


def test_numbers_as_people_say_them():
    assert [short(value) for value in (None, 0, 950, 1200, 10**7, 2.5e12)] == ["?", "0", "950", "1.2k", "10M", "2.5T"]


def test_the_engines_seconds_of_a_plan_are_those_on_record():
    record = Path(__file__).parents[3] / "benchmarks" / "results" / "engine_overhead.json"
    _, reading = read(SHIPPED)
    assert reading["engine"] == json.loads(record.read_text())["Slurm"]["engine, seconds per job"]


def test_the_shipped_figures_plan_the_demo_and_name_their_machine():
    done = CliRunner().invoke(app, ["plan", "--images", "10k", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    known, _ = read(SHIPPED)
    assert all(one.hardware for one in known.values())
    detect = next(one for one in told["stages"] if one["name"] == "detect")
    assert detect["images"] == 10_000
    assert told["total"]["jobs"] == sum(one["jobs"] for one in told["stages"])


def test_given_seconds_replace_measured_ones(tmp_path):
    overlay = tmp_path / "gpu.yaml"
    overlay.write_text("detect: {device: cuda}\n")
    arguments = ["plan", "--images", "1M", "--gpus", "4", "--config", str(overlay), "--keep-chunks", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--seconds-per-image", "detect=0.02"])
    detect = next(one for one in json.loads(done.output)["stages"] if one["name"] == "detect")
    assert detect["gpu"]
    assert detect["source"] == "given; seconds per image"
    assert detect["machine_seconds"] == pytest.approx(20_000, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--images", "many"], "is no number of images"),
        (["--seconds-per-image", "detekt=1"], "there is no stage 'detekt'"),
        (["--seconds-per-image", "detect=fast"], "expected seconds above 0, as in detect=0.02"),
        (["--time-limit", "0"], "expected hours above 0"),
        (["--record", "x.json"], "name one or more with --measured"),
        (["--config", "missing.yaml"], r"missing\.yaml: not a readable YAML file"),
    ],
)
def test_arguments_that_mean_nothing_get_a_sentence(arguments, said):
    done = CliRunner().invoke(app, ["plan", *arguments])
    assert isinstance(done.exception, ThrongError)
    assert re.search(said, str(done.exception))
