"""profiles/slurm on a real Slurm, with a workflow that says where and with what its jobs ran."""

import re

import pytest

from conftest import QUICK, ROOT, Checkout, wait_for

pytestmark = pytest.mark.slurm

TOY = """
localrules: all

rule all:
    input: expand("detect-{i}.txt", i=range(2)), "trained.txt"

rule detect:
    output: "detect-{i}.txt"
    threads: 3
    shell: "echo $SLURMD_NODENAME > {output}; sleep 3"

rule train_counter:
    input: expand("detect-{i}.txt", i=range(2))
    output: "trained.txt"
    resources: gpu=1
    shell: "touch {output}; [ {resources.mem_mb} -gt 16000 ]"
"""

# 900 MB beside the two Snakemakes of every job
HUNGRY = """
rule all:
    output: "fed.txt"
    shell: "python -c 'import time; held = bytearray(900 << 20); time.sleep(5)'; echo {resources.mem_mb} > {output}"
"""
REFUSED = """
localrules: all

rule all:
    input: "partition", "memory", "fine"

rule refused:
    output: "partition"
    resources: slurm_partition="nowhere"
    shell: "touch {output}"

rule too_large:
    output: "memory"
    resources: mem_mb=10**8
    shell: "touch {output}"

rule fine:
    output: "fine"
    shell: "touch {output}"
"""


@pytest.fixture
def toy(slurm_cluster, tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "Snakefile").write_text(TOY)
    return Checkout(folder, slurm_cluster)


def jobs(cluster):
    """Return (id, rule, state, nodes, CPUs, memory, time limit) of the jobs that Slurm remembers."""
    lines = cluster.run("squeue", "-h", "-t", "all", "-o", "%i|%k|%T|%N|%C|%m|%l").splitlines()
    return [tuple(line.replace("rule_", "").split("|")) for line in lines]


def states(run):
    """Return the states of the jobs sent from ``run``'s folder, in the order in which they were sent."""
    lines = run.cluster.run("squeue", "-h", "-t", "all", "-S", "i", "-o", "%T|%Z").splitlines()
    return [line.split("|")[0] for line in lines if line.endswith(f"|{run.path}")]


def profile(run, *options):
    """Start a run with the profile of the cluster."""
    return run.start("--profile", str(ROOT / "profiles" / "slurm"), *QUICK, *options)


def test_jobs_spread_over_the_nodes_with_the_resources_of_the_profile_and_grow_when_they_fail(toy):
    before = set(jobs(toy.cluster))
    output = toy.snakemake("--profile", str(ROOT / "profiles" / "slurm"), *QUICK)
    assert "Trying to restart job" in output
    assert {job[1:] for job in set(jobs(toy.cluster)) - before} == {
        ("detect_wildcards_0", "COMPLETED", (toy.path / "detect-0.txt").read_text().strip(), "3", "8000M", "4:00:00"),
        ("detect_wildcards_1", "COMPLETED", (toy.path / "detect-1.txt").read_text().strip(), "3", "8000M", "4:00:00"),
        ("train_counter", "FAILED", "n2", "1", "16000M", "8:00:00"),
        ("train_counter", "COMPLETED", "n2", "1", "32000M", "16:00:00"),
    }
    assert {(toy.path / f"detect-{i}.txt").read_text().strip() for i in range(2)} == {"n1", "n2"}


def test_a_job_survives_its_node(toy):
    (toy.path / "Snakefile").write_text(
        'rule all:\n    output: "all.txt"\n'
        '    shell: "echo $SLURMD_NODENAME >> nodes.txt; [ {resources.mem_mb} -gt 2000 ] || sleep 60; touch {output}"\n'
    )
    process = toy.start("--profile", str(ROOT / "profiles" / "slurm"), *QUICK)
    trace = toy.path / "nodes.txt"
    wait_for(lambda: trace.is_file() and trace.read_text().strip(), process)
    victim = trace.read_text().split()[0]
    toy.cluster.kill_node(victim)
    try:
        output = toy.finish(process)
    finally:
        toy.cluster.start_node(victim)
    assert "NODE_FAIL" in output
    assert len(trace.read_text().split()) == 2


def test_a_job_that_runs_out_of_memory_is_sent_again_with_more_and_passes(toy):
    (toy.path / "Snakefile").write_text(HUNGRY)
    output = toy.finish(profile(toy, "--default-resources", "mem_mb=attempt * 700", "runtime=5"))
    # OUT_OF_MEMORY where cgroups kill
    assert states(toy) == ["FAILED", "COMPLETED"]
    assert "Exceeded job memory limit" in output
    assert (toy.path / "fed.txt").read_text() == "1400\n"


def test_what_slurm_refuses_is_told_in_its_own_words_and_the_rest_goes_on(toy):
    (toy.path / "Snakefile").write_text(REFUSED)
    process = profile(toy, "--retries", "0")
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "invalid partition specified: nowhere" in output
    assert "Memory specification can not be satisfied" in output
    assert "COMPLETED" in states(toy)


def test_a_mistake_in_code_costs_no_second_attempt_more_than_its_start(checkout):
    run = checkout()
    stage = run.path / "workflow/scripts/throng/stages/render.py"
    stage.write_text(
        re.sub(r"(\ndef run\(.*?\) -> None:\n)", r'\1    raise KeyError("people")\n', stage.read_text(), flags=re.S)
    )
    process = profile(run, "--until", "render", "--configfile", "config/tiny.yaml")
    process.communicate(timeout=900)
    assert process.returncode != 0
    assert states(run) == ["FAILED"] * 3
    told = "".join(path.read_text() for path in (run.path / ".snakemake/slurm_logs/rule_render").glob("*.log"))
    assert "KeyError: 'people' (not tried again: attempt 3 would end as the first did)" in told
    assert "unexpected failure in stage render" in (run.path / "results/tiny/logs/render.log.attempt-1").read_text()
