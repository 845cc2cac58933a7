"""Profiles: what each may hold, that every rule has resources, and that they are found by name once installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in (ROOT / "profiles").glob("*/config.yaml")}
LOCAL_RULES = {"all", "fetch_models"}


def rules():
    """Return the names of the workflow's rules."""
    text = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    return set(re.findall(r"^rule (\w+):", text, flags=re.MULTILINE))


def evaluate(expression, attempt):
    return eval(str(expression), {"attempt": attempt})


def test_the_default_profile_decides_reruns_and_locks_and_nothing_else():
    # Snakemake loads it beside every other profile and it wins key by key: resources here would replace a cluster's.
    assert PROFILES["default"].keys() == {"rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "nolock"}
    assert "code" not in PROFILES["default"]["rerun-triggers"]


def test_every_rule_has_resources_on_the_cluster():
    assert PROFILES["slurm"]["set-resources"].keys() == rules() - LOCAL_RULES
    assert PROFILES["slurm"]["set-threads"].keys() <= rules()


def test_resources_grow_by_attempt_and_the_last_attempt_fits_a_day():
    last = PROFILES["slurm"]["retries"] + 1
    for rule, resources in PROFILES["slurm"]["set-resources"].items():
        assert evaluate(resources["mem_mb"], 1) >= 500, rule
        assert evaluate(resources["mem_mb"], last) == last * evaluate(resources["mem_mb"], 1), rule
        assert evaluate(resources["runtime"], 1) < evaluate(resources["runtime"], last) <= 24 * 60, rule
        # more retries, where jobs are preempted, must not grow out of every node
        assert evaluate(resources["mem_mb"], 11) == evaluate(resources["mem_mb"], last), rule
        assert evaluate(resources["runtime"], 11) == evaluate(resources["runtime"], last), rule


def test_jobs_are_not_sent_as_arrays():
    # version 0.6 of the job step fails every member of an array that ends before the first (docs/cluster.md)
    assert "slurm-array-jobs" not in PROFILES["slurm"]


def test_every_job_knows_which_attempt_it_is():
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^(?=rule \w+:)", path.read_text(), flags=re.MULTILINE)[1:]:
            assert "        attempt=which_attempt,\n" in rule, rule.partition("\n")[0]


def test_the_cluster_profile_names_nothing_that_exists_on_one_cluster_only():
    text = "\n".join(line.split("#")[0] for line in (ROOT / "profiles/slurm/config.yaml").read_text().splitlines())
    assert not re.search(r"account|partition|qos|constraint|reservation|nodelist", text)


@pytest.fixture
def home(tmp_path):
    """A user's empty home, and a function that runs Python in it."""

    def run(*arguments):
        environment = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )  # fmt: skip

    (tmp_path / "Snakefile").write_text('rule report:\n    output: "x"\n    shell: "touch {output}"\n')
    return tmp_path, run


def test_a_profile_is_found_by_name_once_installed_and_installing_twice_is_fine(home):
    folder, run = home
    dry_run = ("-m", "snakemake", "--profile", "slurm", "--dry-run")
    refused = run(*dry_run)
    assert refused.returncode != 0 and "no profile.yaml" in refused.stderr

    for _ in range(2):
        assert run(str(ROOT / "profiles" / "install.py")).returncode == 0
    assert sorted(path.name for path in (folder / "config" / "snakemake").iterdir()) == ["local", "slurm"]
    found = run(*dry_run)
    assert found.returncode == 0, found.stderr
    assert "Using profile slurm" in found.stderr
    assert "mem_mb=4000" in found.stdout + found.stderr


def test_a_profile_of_the_users_own_is_never_overwritten(home):
    folder, run = home
    own = folder / "config" / "snakemake" / "slurm" / "config.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("jobs: 7\n")
    refused = run(str(ROOT / "profiles" / "install.py"))
    assert refused.returncode == 1
    assert "a profile of yours has this name" in refused.stderr
    assert own.read_text() == "jobs: 7\n"
    assert not (own.parents[1] / "local").exists(), "nothing is installed by half"


def test_a_link_to_a_checkout_that_is_gone_is_replaced(home):
    folder, run = home
    link = folder / "config" / "snakemake" / "slurm"
    link.parent.mkdir(parents=True)
    link.symlink_to(folder / "deleted-checkout" / "profiles" / "slurm")
    assert run(str(ROOT / "profiles" / "install.py")).returncode == 0
    assert link.resolve() == ROOT / "profiles" / "slurm"


@pytest.mark.parametrize(
    ("said", "status", "told"), [("7|PREEMPTED\n8|RUNNING\n", 0, "7|CANCELLED\n8|RUNNING\n"), ("", 1, "")]
)
def test_the_squeue_for_preemption_tells_jobs_preempted_for_good_as_cancelled(tmp_path, said, status, told):
    cluster = tmp_path / "squeue"
    cluster.write_text(f"#!/bin/sh\n[ \"$1 $2\" = '--name a|b' ] || exit 9\nprintf '{said}'\nexit {status}\n")
    cluster.chmod(0o755)
    path = os.pathsep.join([str(ROOT / "profiles" / "preemption"), str(tmp_path), os.environ["PATH"]])
    done = subprocess.run(
        ["squeue", "--name", "a|b"], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (status, told)
