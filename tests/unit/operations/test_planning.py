"""A plan's sums follow from its figures, more machines never make a run slower, and more images never cheaper."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.config import CONFIG_FILE, Config, load
from throng.errors import ThrongError
from throng.operations.plan_config import merged, overlay
from throng.operations.planned import stages_of
from throng.operations.planning import MOST_CHUNKS, OVERHEAD, Machines, Reading, cost, recommended, total
from throng.operations.throughput import Throughput

READING = Reading(chunk=1e-6, rows=1e-5, rows_mb=0.001, engine=7.0, log_bytes=4000, log_files=3, record_bytes=2000)
DAY = Machines(gpus=4, cpus=32, limit=4 * 3600.0)
CONFIG = Config()


def figures(key: str, per_image: float = 0.5, fixed: float = 3.0, **said) -> Throughput:
    values = {"peak_mb": 900.0, "table_bytes": 500.0, "pixel_bytes": 0.0, "job_bytes": 0.0, "files": 1.0, "gpu": False}
    told = {"jobs": 2, "least": 10, "most": 100, "how": "line through jobs of several sizes", "hardware": "a machine"}
    return Throughput(key=key, per_image=per_image, fixed=fixed, **values | told | said)


def known(value: float | None) -> float:
    assert value is not None
    return value


def planned(images: int, machines: Machines = DAY, config: Config = CONFIG, **fields):
    stages = stages_of(config, images, 10_000, {"remove": 4})
    of = {stage.name: figures(stage.key, **fields) for stage in stages}
    chunks = {stage.name: stage.chunks for stage in stages} | recommended(stages, of, READING, machines)
    return [cost(stage, chunks[stage.name], of[stage.name], READING, machines) for stage in stages]


def test_cost_of_a_stage_known_answer():
    stage = next(one for one in stages_of(CONFIG, 6_400, None, {}) if one.name == "detect")
    found = cost(stage, 64, figures("detect:ultralytics", files=1.0), READING, DAY)
    # a job: imports 3 s, engine 7 s, 6,400 rows of table images at 1 us, 100 images at half a second
    assert found.job_seconds == pytest.approx(3 + 7 + 0.0064 + 50)
    assert found.machine_seconds == pytest.approx(64 * 60.0064)
    assert found.wall_seconds == pytest.approx(60.0064 * 64 / 32)
    assert found.overhead == pytest.approx(10.0064 / 60.0064)
    assert found.memory_mb == pytest.approx(900 + 0.1)
    assert found.bytes == 6_400 * 500 + 64 * (4000 + 2000)
    assert found.inodes == 64 * (1 + 3 + 1)


def test_jobs_of_several_threads_take_turns_on_the_cores():
    stage = next(one for one in stages_of(CONFIG, 6_400, None, {"remove": 4}) if one.name == "remove")
    found = cost(stage, 64, figures("remove"), READING, DAY)
    assert found.wall_seconds == pytest.approx(known(found.job_seconds) / 4 * 64 / 8)


def test_while_one_core_starts_a_job_its_others_wait():
    stages = [
        next(one for one in stages_of(CONFIG, 6_400, None, {"remove": n}) if one.name == "remove") for n in (1, 4)
    ]
    one, four = (cost(stage, 64, figures("remove"), READING, DAY) for stage in stages)
    assert known(four.fixed) == pytest.approx(4 * known(one.fixed))
    assert known(four.job_seconds) / 4 == pytest.approx(known(one.fixed) + 50 / 4)
    on_gpu = load({"detect": {"backend": "ultralytics", "device": "cuda"}})
    stage = next(one for one in stages_of(on_gpu, 6_400, None, {"detect": 4}) if one.name == "detect")
    assert cost(stage, 64, figures("detect:ultralytics"), READING, DAY).fixed == pytest.approx(3 + 7 + 0.0064)


def test_a_stage_on_a_gpu_says_that_its_figure_is_of_a_cpu():
    config = load({"detect": {"backend": "ultralytics", "device": "cuda"}})
    stage = next(one for one in stages_of(config, 100, None, {}) if one.name == "detect")
    assert stage.gpu
    assert "measured on a CPU (a machine); no GPU figure" in cost(stage, 2, figures("d"), READING, DAY).source
    assert "no GPU figure" not in cost(stage, 2, figures("d", gpu=True), READING, DAY).source


def test_prompts_of_a_maker_are_those_that_the_stage_chooses():
    from throng.prompts import prompt_rows

    rows = list(prompt_rows(0, CONFIG.prompt))
    found = {stage.name: stage.images for stage in stages_of(CONFIG, 10, None, {})}
    assert found["prompt"] == len(rows)
    for maker in CONFIG.synthesize.makers:
        wanted = sum(maker.wants(row.count, row.density, row.template) for row in rows)
        assert found[f"synthesize/{maker.name}"] == found[f"count_synthetic/{maker.name}"] == wanted


@pytest.mark.parametrize("images", [1_000, 100_000, 10_000_000])
def test_recommended_chunks_keep_overhead_and_time_limit(images: int):
    for one in planned(images):
        if one.stage.path is None:
            continue
        assert one.chunks & (one.chunks - 1) == 0
        wall = known(one.job_seconds) / one.stage.threads
        assert wall <= DAY.limit
        needed = one.chunks > MOST_CHUNKS or wall > DAY.limit / 4
        assert known(one.overhead) <= OVERHEAD or one.chunks == 1 or needed
    assert sum(one.chunks for one in planned(images)) < 50_000


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(0, 60), st.integers(0, 60), st.integers(1, 500))
def test_more_images_are_never_cheaper_and_more_machines_never_slower(one, other, gpus, more, cpus):
    fewer, many = sorted([one, other])
    config = load({"detect": {"backend": "ultralytics", "device": "cuda"}})
    small, large = (Machines(n, cpus + n, 4 * 3600.0) for n in sorted([gpus, gpus + more]))
    cheap, dear = (total(planned(images, small, config), small) for images in (fewer, many))
    assert cheap.core_seconds <= dear.core_seconds * (1 + 1e-9)
    assert cheap.gpu_seconds <= dear.gpu_seconds * (1 + 1e-9)
    assert (cheap.bytes, cheap.jobs) <= (dear.bytes, dear.jobs)
    fast = total(planned(many, large, config), large)
    assert fast.least_wall <= dear.least_wall * (1 + 1e-9)
    assert fast.most_wall <= dear.most_wall * (1 + 1e-9)
    assert dear.least_wall <= dear.most_wall


def test_a_run_ends_no_sooner_than_its_longest_chain():
    costs = planned(1_000, Machines(0, 10**6, 4 * 3600.0))
    walls = {one.stage.name: known(one.wall_seconds) for one in costs}
    chain = ["ingest", "detect", "remove", "synthesize/composite", "count_synthetic/composite", "calibrate_counts"]
    chain += ["label_density", "audit_density", "release", "report"]
    assert total(costs, Machines(0, 10**6, 1.0)).least_wall >= sum(walls[name] for name in chain) - 1e-6


def test_stages_without_figures_are_named_and_count_nothing():
    stages = stages_of(CONFIG, 100, None, {})
    found = total([cost(stage, 1, None, READING, DAY) for stage in stages], DAY)
    assert found.unknown == tuple(stage.name for stage in stages)
    assert (found.core_seconds, found.least_wall) == (0.0, 0.0)


def test_overlay_sets_chunks_and_repeats_the_list_of_makers_whole(tmp_path):
    raw = {"synthesize": {"makers": [{"name": "a", "backend": "composite"}, {"name": "b", "backend": "rendered"}]}}
    stages = stages_of(load(raw), 100, None, {})
    told = yaml.safe_load(overlay(raw, stages, {"detect": 8, "synthesize/a": 4, "synthesize/b": 2}))
    assert told["detect"] == {"chunks": 8}
    assert [(maker["name"], maker["backend"], maker["chunks"]) for maker in told["synthesize"]["makers"]] == [
        ("a", "composite", 4),
        ("b", "rendered", 2),
    ]
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(told))
    again = load(merged([CONFIG_FILE, tmp_path / "overlay.yaml"]))
    assert [again.detect.chunks, *(maker.chunks for maker in again.synthesize.makers)] == [8, 4, 2]


def test_files_are_laid_over_one_another_as_snakemake_does(tmp_path):
    from snakemake.utils import update_config

    texts = ("detect: {chunks: 2, imgsz: 640}\nsources: [1, 2]\n", "detect: {chunks: 4}\nsources: [3]\nseed: 1\n")
    wanted = {}
    for name, text in zip("ab", texts, strict=True):
        (tmp_path / name).write_text(text)
        update_config(wanted, yaml.safe_load(text))
    assert merged([tmp_path / "a", tmp_path / "b"]) == wanted


@pytest.mark.parametrize("text", ["- a list", "{", "a: [1"])
def test_a_file_that_is_no_configuration_is_named(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ThrongError, match=r"bad\.yaml: (not a readable YAML file|expected keys)"):
        merged([tmp_path / "bad.yaml"])


def test_no_photographs_and_prompts_of_unknown_number_are_refused():
    with pytest.raises(ThrongError, match="0 photographs"):
        stages_of(CONFIG, 0, None, {})
    own = load({"prompt": {"own": "mine.csv"}})
    with pytest.raises(ThrongError, match=r"prompt\.own: .* give --synthetic"):
        stages_of(own, 10, None, {})


def test_every_stage_waits_only_for_stages_before_it():
    names = [stage.name for stage in stages_of(CONFIG, 10, None, {})]
    for stage in stages_of(CONFIG, 10, None, {}):
        assert all(names.index(name) < names.index(stage.name) for name in stage.after)
    assert len(set(names)) == len(names)
