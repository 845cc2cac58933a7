"""The lock, the conda environments and pyproject.toml agree, and the lock names no registry."""

import importlib.util
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
ENGINE = {"snakemake", "snakemake-executor-plugin-slurm"}


def load_pin():
    spec = importlib.util.spec_from_file_location("pin", ROOT / "envs" / "pin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def locked():
    return load_pin().locked()


def wheels(environment):
    entries = yaml.safe_load(environment.read_text())["dependencies"]
    (listed,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in listed}


def test_every_dependency_is_locked_at_a_version_it_allows(project, locked):
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but the lock has {version}"


def test_the_lock_has_pins_alone_and_no_address():
    text = (ROOT / "envs" / "requirements.lock").read_text()
    assert "://" not in text and "--" not in text and "@" not in text
    pins = [line for line in text.splitlines() if line[0] not in " #"]
    assert len(pins) > 100
    assert all("==" in line for line in pins)


def test_constraints_are_kept(locked):
    lines = (ROOT / "envs" / "constraints.txt").read_text().splitlines()
    for requirement in [Requirement(line.split("#")[0]) for line in lines if not line.startswith("#")]:
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_conda_environments_have_the_versions_of_the_lock(environment, locked):
    for name, requirement in wheels(environment).items():
        assert str(requirement.specifier) == f"=={locked[name]}", f"{name}: run `make lock`"


def test_conda_environments_cover_the_dependencies(project):
    needed = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]} - ENGINE
    core, gpu = (wheels(ROOT / "envs" / f"{name}.yaml").keys() for name in ("core", "gpu"))
    assert gpu == needed
    assert core < gpu
    assert not core & {"torch", "torchvision", "diffusers", "transformers", "ultralytics-opencv-headless"}


def test_rules_name_environments_that_exist():
    named = {
        ROOT / "rules" / line.strip().strip('",')
        for rules in (ROOT / "rules").glob("*.smk")
        for line in rules.read_text().splitlines()
        if line.strip().startswith('"') and ".yaml" in line and "envs/" in line
    }
    assert named, "no rule names an environment"
    assert all(path.is_file() for path in named)


def test_pinning_rewrites_an_old_version_and_nothing_else():
    before = "# numpy==1\ndependencies:\n  - python =3.11\n  - pip:\n      - numpy==1.0\n      - Huggingface_Hub==2\n"
    after = load_pin().pinned(before, {"numpy": "9.1", "huggingface-hub": "3"})
    assert after == before.replace("numpy==1.0", "numpy==9.1").replace("Hub==2", "Hub==3")
