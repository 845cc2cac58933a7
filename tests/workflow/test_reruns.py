"""The rerun contract: an edit reruns exactly the stage it touches and what follows; everything else, nothing."""

import os
import re
import shutil

import pytest
import yaml

from tests.workflow.conftest import Project, checkout
from throng.config import Config
from throng.holding import Hold, take

AFTER_EVALUATE = {"report"}
AFTER_RELEASE = {"report"}
AFTER_TRAIN = {"evaluate", *AFTER_EVALUATE}
AFTER_AUDIT = {"release", *AFTER_RELEASE}
AFTER_LABEL = {"audit_density", "convert_dataset", "release", *AFTER_RELEASE}
AFTER_CALIBRATE = {"label_density", *AFTER_LABEL, "train_counter", *AFTER_TRAIN}
AFTER_COUNT = {"calibrate_counts", *AFTER_CALIBRATE}
AFTER_SYNTHESIZE = {"count_synthetic", "audit_leakage", *AFTER_COUNT}
AFTER_PAIRS = {"audit_pairs", "release", *AFTER_RELEASE}
AFTER_MATERIAL = {"synthesize", *AFTER_SYNTHESIZE}
AFTER_REMOVE = {"rank_pairs", *AFTER_PAIRS, "gather_material", *AFTER_MATERIAL}
AFTER_DETECT = {"remove", *AFTER_REMOVE}
AFTER_INGEST = {"detect", "audit_leakage", *AFTER_DETECT}
AFTER_RENDER = {"ingest", *AFTER_INGEST}
AFTER_PROMPT = {"synthesize", *AFTER_SYNTHESIZE}

# one edit of a value that decides the output, for every section
EDITS = {
    "render": ("render: {max_people: 61}", AFTER_RENDER),
    "ingest": ("ingest: {val_fraction: 0.2}", AFTER_INGEST),
    "detect": ("detect: {confidence: 0.35}", AFTER_DETECT),
    "remove": ("remove: {radius: 4.5}", AFTER_REMOVE),
    "rank_pairs": ("rank_pairs: {min_delta: 2}", AFTER_PAIRS),
    "audit_pairs": ("audit_pairs: {patches: 40}", AFTER_AUDIT),
    "prompt": ("prompt: {repeats: 4}", AFTER_PROMPT),
    "synthesize": (
        "synthesize: {makers: [{name: composite, backend: composite, jpeg_quality: 91}]}",
        AFTER_SYNTHESIZE,
    ),
    "count_synthetic": ("count_synthetic: {reference: 63}", AFTER_COUNT),
    "calibrate_counts": ("calibrate_counts: {half_weight: 0.3}", AFTER_CALIBRATE),
    "label_density": ("label_density: {stature_m: 1.7}", AFTER_LABEL),
    "audit_density": ("audit_density: {draws: 499}", AFTER_AUDIT),
    "convert_dataset": ("convert_dataset: {resolution: 32}", set()),
    "train_counter": ("train_counter: {counters: [{name: compact, model: mcnn}]}", AFTER_TRAIN),
    "evaluate": ("evaluate: {bootstrap: 999}", AFTER_EVALUATE),
    "audit_leakage": ("audit_leakage: {distance: 5}", AFTER_AUDIT),
    "release": ("release: {version: 0.1.1}", AFTER_RELEASE),
    "report": ("report: {title: another}", set()),
}
SECTIONS_WITHOUT_RULE_IN_DEMO = {"fetch_models", "train_detector", "train_demo_diffusion", "sample_gan"}

LADDER = ("results/ladder/ladder.html", "results/probe/probe.json")
# the same for what counts without labels, which is made on demand
LADDER_EDITS = {
    "pretrain_count": ("pretrain_count: {networks: [{name: pretext, units: 32}]}", {"probe"}),
    "pretrain_rank": ("pretrain_rank: {encoders: [{name: synthetic, steps: 239}]}", {"fit_counts", "ladder"}),
    "fit_counts": (
        'fit_counts: {fits: [{name: synthetic, ridge: 0.1}, {name: random, encoder: "random:small"}]}',
        {"ladder"},
    ),
    "probe": ("probe: {leak: {pictures: 47}}", set()),
    "ladder": ("ladder: {bootstrap: 999}", set()),
}

GAN = ("results/evaluate_gan/crowds/seed-1/gan.html",)
# and for generators
GAN_EDITS = {
    "train_gan": ("train_gan: {gans: [{name: crowds, kimg: 31}]}", {"evaluate_gan"}),
    "evaluate_gan": ("evaluate_gan: {images: 999}", set()),
}


def test_every_section_has_an_edit():
    shared = {"seed", "results", "data_root", "log_level"}
    edited = EDITS.keys() | LADDER_EDITS.keys() | GAN_EDITS.keys()
    assert edited | SECTIONS_WITHOUT_RULE_IN_DEMO == Config.model_fields.keys() - shared


@pytest.mark.parametrize("section", EDITS)
def test_edit_of_a_section_reruns_it_and_what_follows(finished: Project, section: str):
    text, after = EDITS[section]
    assert finished.would_run(*finished.overlay(text)) == {section, *after}


@pytest.fixture(scope="module")
def climbed(finished: Project) -> Project:
    """The finished checkout, in which the ladder has been asked for as well."""
    finished.run("all", *LADDER, "--quiet")
    assert finished.would_run(*LADDER) == set()
    return finished


@pytest.mark.parametrize("section", LADDER_EDITS)
def test_edit_of_a_section_reruns_what_follows_on_the_ladder(climbed: Project, section: str):
    text, after = LADDER_EDITS[section]
    assert climbed.would_run(*LADDER, *climbed.overlay(text)) == {section, *after}


@pytest.fixture(scope="module")
def drawn(finished: Project) -> Project:
    """The finished checkout, in which a generator has been asked for as well."""
    finished.run("all", *GAN, "--quiet")
    assert finished.would_run(*GAN) == set()
    return finished


@pytest.mark.parametrize("section", GAN_EDITS)
def test_edit_of_a_section_reruns_what_follows_of_a_generator(drawn: Project, section: str):
    text, after = GAN_EDITS[section]
    assert drawn.would_run(*GAN, *drawn.overlay(text)) == {section, *after}


def test_edit_of_one_fit_leaves_the_others_alone(climbed: Project):
    fits = yaml.safe_load((climbed.folder / "config.yaml").read_text())["fit_counts"]["fits"]
    fits[0]["ridge"] = 0.1
    done = climbed.snakemake(*LADDER, "-n", *climbed.overlay(yaml.safe_dump({"fit_counts": {"fits": fits}})))
    wanted = [f"{fits[0]['name']} seed-1"]
    assert len(fits) > 1
    assert re.findall(r"from features to people, (\S+ \S+)", done.stdout + done.stderr) == wanted


def test_edit_of_one_maker_leaves_the_images_of_the_others_alone(finished: Project):
    makers = yaml.safe_load((finished.folder / "config.yaml").read_text())["synthesize"]["makers"]
    assert len(makers) > 1
    makers[0]["jpeg_quality"] = 91
    done = finished.snakemake("-n", *finished.overlay(yaml.safe_dump({"synthesize": {"makers": makers}})))
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    for message in ("images with a requested count", "who is seen in synthesised images"):
        assert set(re.findall(rf"{message}, ([^,]+), part-", text)) == {makers[0]["name"]}


def test_material_is_gathered_anew_only_for_what_decides_it(finished: Project):
    makers = yaml.safe_load((finished.folder / "config.yaml").read_text())["synthesize"]["makers"]
    assert makers[0]["backend"] == "composite"
    makers[0]["max_cutouts"] = 99
    edited = finished.overlay(yaml.safe_dump({"synthesize": {"makers": makers}}))
    assert finished.would_run(*edited) == {"gather_material", *AFTER_MATERIAL}


def test_counters_and_their_seeds_are_trained_apart(finished: Project):
    counters = yaml.safe_load((finished.folder / "config.yaml").read_text())["train_counter"]["counters"]
    alone = {"name": "alone", "data": {"images": 1.0, "synthetic": 0.0}, "seeds": 2}
    counters[0]["seeds"] += 1
    overlay = finished.overlay(yaml.safe_dump({"train_counter": {"counters": [*counters, alone]}}))
    done = finished.snakemake("-n", *overlay)
    trained = re.findall(r"a counter from head points, (\S+ \S+)", done.stdout + done.stderr)
    assert sorted(trained) == ["alone seed-1", "alone seed-2", f"{counters[0]['name']} seed-{counters[0]['seeds']}"]
    # photographs alone wait for nothing that was synthesised
    target = "results/train_counter/alone/seed-1/counter.safetensors"
    assert finished.would_run(target, "--forcerun", "synthesize", *overlay) == {"train_counter"}


def test_swapping_two_values_of_a_section_is_noticed(finished: Project):
    assert "remove" in finished.would_run(*finished.overlay("remove: {dilation_px: 3.0, radius: 8.0}"))


@pytest.mark.parametrize(
    "text",
    [
        "evaluate: {device: cuda}",
        "log_level: DEBUG",
        "remove: {radius: 3}",
        "remove: {radius: 3.0, method: telea, kept: [0.75, 0.50, 0.25, 0]}",
        "seed: 0",
    ],
)
def test_edits_that_change_no_output_rerun_nothing(finished: Project, text: str):
    assert finished.would_run(*finished.overlay(text)) == set()


def test_a_new_dataset_seed_reruns_everything(finished: Project):
    assert finished.would_run(*finished.overlay("seed: 1")) == {"render", *AFTER_RENDER, "prompt"}


LIBRARY = "workflow/scripts/throng"


@pytest.mark.parametrize(
    ("module", "reruns"),
    [
        ("removers/opencv.py", {"remove", *AFTER_REMOVE}),
        ("removers/lama.py", set()),
        ("removers/check.py", {"remove", *AFTER_REMOVE}),
        ("detectors/ultralytics.py", {"detect", *AFTER_DETECT}),
        ("detectors/annotations.py", set()),
        ("synthesizers/silhouette.py", {"gather_material", *AFTER_MATERIAL}),
        ("auditing/probe.py", {"audit_pairs", *AFTER_AUDIT}),
        ("stages/rank_pairs.py", {"rank_pairs", *AFTER_PAIRS}),
        ("sections/evaluate.py", {"evaluate", *AFTER_EVALUATE}),
        ("sources/crowdhuman.py", {"ingest", *AFTER_INGEST}),
        ("density/compat.py", {"label_density", *AFTER_LABEL}),
        ("counting/compact.py", {"train_counter", *AFTER_TRAIN}),
        ("counting/sanet.py", set()),
        ("config.py", set()),
        ("cli.py", set()),
        ("stages/fetch_models.py", set()),
    ],
)
def test_edit_of_a_module_reruns_the_stages_that_import_it(finished: Project, module: str, reruns: set[str]):
    with finished.edited(f"{LIBRARY}/{module}", lambda text: text + "\nADDED_BY_A_TEST = 1\n"):
        assert finished.would_run() == reruns


def test_comments_docstrings_order_and_touch_rerun_nothing(finished: Project):
    for path in [*(finished.folder / "workflow" / "scripts").rglob("*.py"), *(finished.folder / "rules").glob("*.smk")]:
        os.utime(path)
    reverse = finished.overlay("remove: {method: telea, max_masked: 0.6}\ndetect: {backend: ultralytics}")
    with (
        finished.edited(f"{LIBRARY}/manifest.py", lambda text: "# a comment\n" + text),
        finished.edited(f"{LIBRARY}/seeds.py", lambda text: text.replace('"""', '"""Said otherwise: ', 1)),
    ):
        assert finished.would_run(*reverse) == set()


def test_a_fresh_clone_with_the_results_moved_in_reruns_nothing(finished: Project, tmp_path):
    clone = checkout(tmp_path)
    stage = f"{LIBRARY}/stage.py"
    shutil.copy(finished.folder / stage, clone.folder / stage)
    for name in ("results", "resources", ".snakemake"):
        shutil.copytree(finished.folder / name, clone.folder / name)
    assert clone.would_run() == set()


def test_identical_bytes_stop_the_rerun(finished: Project, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "copy")
    project = Project(tmp_path / "copy")
    assert project.would_run("all", "--forcerun", "ingest") == {"ingest", *AFTER_INGEST}
    project.run("--quiet", "all", "--forcerun", "ingest", "--until", "ingest")
    assert project.would_run() == set()


def test_a_typo_stops_snakemake_with_the_nearest_key(finished: Project):
    done = finished.snakemake("-n", *finished.overlay("remove: {radios: 4}"))
    assert done.returncode != 0
    assert "remove.radios: unknown key; did you mean 'radius'?" in done.stdout + done.stderr


def test_a_missing_data_root_is_one_sentence(finished: Project):
    source = "ingest: {sources: [{name: mine, format: folder, root: nowhere}]}"
    done = finished.snakemake("-n", *finished.overlay(source))
    assert done.returncode != 0
    assert "nowhere not found; set data_root" in done.stdout + done.stderr


def test_the_shipped_detector_is_refused_for_photographs(finished: Project):
    (finished.folder / "mine").mkdir(exist_ok=True)
    done = finished.snakemake(
        "-n", *finished.overlay("ingest: {sources: [{name: mine, format: folder, root: mine}]}\nremove: {check: null}")
    )
    assert done.returncode != 0
    assert "knows rendered people only, but mine is something else; name a detector" in done.stdout + done.stderr


def test_a_detector_of_ones_own_is_trained_when_a_section_wants_it(finished: Project):
    wanted = finished.would_run(*finished.overlay("remove: {check: {detectors: [{model: trained}]}}"))
    assert wanted == {"train_detector", "remove", *AFTER_REMOVE}


PINNED = """
fetch_models:
  folders:
    filler:
      repo: owner/filler
      revision: 0123456789012345678901234567890123456789
      files: {unet/config.json: SHA, model_index.json: SHA}
remove: {backend: diffusers-inpaint, model: hub:filler}
""".replace("SHA", "ab" * 32)


def test_a_pinned_pipeline_is_fetched_file_by_file(finished: Project):
    done = finished.snakemake("-n", *finished.overlay(PINNED))
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    for file in ("model_index.json", "unet/config.json"):
        assert f"Missing output files: resources/models/filler/{file}" in text


def test_every_rule_has_exactly_the_two_params(finished: Project):
    for path in (finished.folder / "rules").glob("*.smk"):
        text = path.read_text()
        rules = text.count("\nrule ")
        assert text.count("**stage_params(") == text.count("    params:") == rules, path.name
        assert "    run:" not in text


def test_a_dry_run_writes_nothing(finished: Project):
    def state() -> dict[str, int]:
        return {str(p): p.stat().st_mtime_ns for p in finished.folder.rglob("*") if ".snakemake" not in p.parts}

    before = state()
    finished.would_run()
    assert state() == before


def test_a_second_run_in_the_results_folder_is_refused_and_a_dry_run_is_not(finished: Project):
    held = take(finished.folder / "results" / ".run.lock")
    assert isinstance(held, Hold)
    try:
        refused = finished.snakemake("results/prompt/prompts.parquet", "--forcerun", "prompt")
        assert refused.returncode != 0
        assert (
            f"results: another run is at work there (user {held.holder.user}, host {held.holder.host}" in refused.stderr
        )
        assert finished.would_run() == set(), "neither has the refused run deleted anything"
    finally:
        held.let_go()
