"""The lock, the conda environments and pyproject.toml agree, and the lock names no registry."""

import ast
import functools
import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from throng.closure import reachable_modules

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
        ROOT / "rules" / path
        for rules in (ROOT / "rules").glob("*.smk")
        for path in re.findall(r'"(\.\./envs/[^"]+)"', rules.read_text())
    }
    assert named, "no rule names an environment"
    assert all(path.is_file() for path in named)


def test_pinning_rewrites_an_old_version_and_nothing_else():
    before = "# numpy==1\ndependencies:\n  - python =3.11\n  - pip:\n      - numpy==1.0\n      - Huggingface_Hub==2\n"
    after = load_pin().pinned(before, {"numpy": "9.1", "huggingface-hub": "3"})
    assert after == before.replace("numpy==1.0", "numpy==9.1").replace("Hub==2", "Hub==3")


def section_of(text, pattern):
    return re.findall(pattern, text, re.MULTILINE)


def test_one_python_is_meant_everywhere():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = settings["project"]["requires-python"].removeprefix(">=")
    environments = [yaml.safe_load(path.read_text())["dependencies"] for path in ENVIRONMENTS]
    assert {entry for entries in environments for entry in entries if "python" in entry} == {f"python ={oldest}"}
    assert load_pin().PLATFORM["python_version"] == oldest
    assert settings["tool"]["pyright"]["pythonVersion"] == oldest
    assert settings["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text()
    assert f"({oldest.replace('.', ', ')}) <= sys.version_info" in (ROOT / "envs" / "setup.sh").read_text()


def test_conda_channels_are_the_same_and_take_nothing_from_elsewhere():
    channels = [yaml.safe_load(path.read_text())["channels"] for path in ENVIRONMENTS]
    assert channels == [["conda-forge", "nodefaults"]] * len(ENVIRONMENTS)


def test_what_an_extra_needs_is_locked_unless_nobody_here_runs_it(project, locked):
    unlocked = {
        extra
        for extra, lines in project["optional-dependencies"].items()
        for requirement in map(Requirement, lines)
        if canonicalize_name(requirement.name) not in locked
    }
    assert unlocked == {"c2pa"}, "its tests put a stand-in in its place"


# what is imported under a name that is not the distribution's
DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "ultralytics": "ultralytics-opencv-headless",
}
# asked for on a GPU alone: the one comes with PyTorch's builds for CUDA, without the other no GPU is watched
WITH_CUDA = {"triton", "pynvml"}


@functools.cache
def third_party(path):
    """Return the distributions that a file imports, within functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"throng"} - WITH_CUDA
    return frozenset(canonicalize_name(DISTRIBUTIONS.get(top, top)) for top in tops)


def test_every_rule_finds_what_its_script_imports_in_its_environment():
    environments = {path.stem: set(wheels(path)) for path in ENVIRONMENTS}
    scripts = ROOT / "workflow" / "scripts"
    # what every job loads, and the code digest leaves out
    watching = list((scripts / "throng" / "operations").glob("*.py"))
    rules = section_of(
        "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))), r"^rule ([\s\S]*?)(?=^rule |\Z)"
    )
    assert len(rules) > 20
    for rule in rules:
        named = section_of(rule, r"envs/(\w+)\.yaml")
        (script,) = section_of(rule, r"scripts/(\w+\.py)")
        files = [scripts / script, *watching]
        for module in reachable_modules(scripts / script):
            base = scripts.joinpath(*module.split("."))
            files.append(base.with_suffix(".py") if base.with_suffix(".py").is_file() else base / "__init__.py")
        missing = {path.name: third_party(path) - environments[named[-1]] for path in files}
        assert not any(missing.values()), (script, {name: what for name, what in missing.items() if what})


def test_a_backend_that_a_section_may_choose_finds_what_it_imports(project):
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    optional = {"c2pa"}
    for path in (ROOT / "workflow" / "scripts").rglob("*.py"):
        assert third_party(path) <= declared | optional, f"{path.name} imports what no dependency names"
