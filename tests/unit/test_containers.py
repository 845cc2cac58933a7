"""The container definitions for docker and for Apptainer make the same image: the lock, and what the workflow reads."""

import re
import subprocess
from pathlib import Path

import pytest

from throng.stage import ENVIRONMENT

ROOT = Path(__file__).parents[2]
DOCKER = (ROOT / "envs" / "Dockerfile").read_text()
APPTAINER = (ROOT / "envs" / "throng.def").read_text()
IMAGE = ROOT / "envs" / "image.sh"
CACHES = "XDG_CACHE_HOME"


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", DOCKER, re.MULTILINE)


def section(name: str) -> list[str]:
    (body,) = re.findall(rf"^%{name}\n((?:[ \t].*\n|\n)*)", APPTAINER, re.MULTILINE)
    return [line.strip() for line in body.splitlines() if line.strip() and not line.strip().startswith("#")]


def pairs(lines: list[str], divider: str) -> dict[str, str]:
    return {name: value.strip('"') for name, _, value in (line.partition(divider) for line in lines)}


def copied() -> dict[str, str]:
    """Return what Apptainer's image takes from the project, by its place there."""
    return {source: place for line in section("files") for source, place in [line.split()]}


def test_both_start_from_one_base_and_know_the_same_arguments():
    assert instructions("FROM") == re.findall(r"^From: (.+)$", APPTAINER, re.MULTILINE)
    assert pairs(instructions("ARG"), "=") == pairs(section("arguments"), "=")


def test_both_are_labelled_and_set_the_same_environment_but_for_the_place_of_caches():
    assert pairs(instructions("LABEL"), "=") == pairs(section("labels"), " ")
    docker = pairs(instructions("ENV"), "=")
    apptainer = pairs([line.removeprefix("export ") for line in section("environment")], "=")
    assert docker.pop(CACHES) == "/var/cache/throng"  # anyone may write there: step `project`
    assert apptainer.pop(CACHES) == "${TMPDIR:-/tmp}/throng-cache-$(id -u)"  # the image itself is read-only
    assert docker == apptainer


def test_caches_are_below_the_one_place_and_jobs_are_offline():
    environment = pairs(instructions("ENV"), "=")
    for cache in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "YOLO_CONFIG_DIR", "HF_HOME"):
        assert environment[cache].startswith(f"${CACHES}/")
    assert "install -d -m 1777 /var/cache/throng" in IMAGE.read_text()
    offline = {name: value for name, value in ENVIRONMENT.items() if "OFFLINE" in name or "TELEMETRY" in name}
    assert offline.items() <= environment.items()


def test_both_run_the_same_steps_in_the_same_order():
    steps = [re.sub(r'"(\$|\{\{ )(\w+)( \}\})?"', r"\2", line) for line in instructions("RUN") if "image.sh" in line]
    assert steps == [re.sub(r'"\{\{ (\w+) \}\}"', r"\1", line) for line in section("post") if "image.sh" in line]
    assert [line.split()[2] for line in steps] == ["system", "packages", "project"]


def test_both_hold_the_same_files_and_all_that_the_workflow_reads():
    docker = {source: place for line in instructions("COPY") for source, place in [line.split()]}
    whole = {source: place for source, place in docker.items() if Path(source).parent != Path("envs")}
    assert whole == copied()
    assert all(place == f"/opt/throng/{source}" for source, place in docker.items())
    assert all((ROOT / source).exists() for source in docker)
    read = {"Snakefile", "config.yaml", "config", "rules", "workflow", "models", "profiles", "envs", "pyproject.toml"}
    assert read <= set(copied())


def test_the_user_of_docker_is_not_root_and_is_made_before_it_is_taken():
    assert instructions("USER") == ["throng"]
    assert DOCKER.index("useradd") < DOCKER.index("\nUSER throng")


def test_packages_come_from_the_lock_alone():
    text = IMAGE.read_text()
    installs = [
        line for line in text.replace("\\\n", " ").splitlines() if re.search(r"\b(pip|uv pip)\S* install", line)
    ]
    assert len(installs) == 3
    assert all('"$LOCK"' in line for line in installs)
    assert "http" not in text + DOCKER + APPTAINER


@pytest.mark.parametrize("variant", ["", "rocm"])
def test_an_unknown_variant_is_refused_before_anything_is_made(tmp_path: Path, variant: str):
    (tmp_path / "envs").mkdir()
    script = tmp_path / "envs" / "image.sh"
    script.write_text(IMAGE.read_text())
    done = subprocess.run(["bash", script, "packages", variant], capture_output=True, text=True)
    assert done.returncode == 2
    assert "the variant is cuda or cpu" in done.stderr
    assert not (tmp_path / ".venv").exists()
