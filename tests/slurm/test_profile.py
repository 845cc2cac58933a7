"""profiles/slurm on a real Slurm, with a workflow that says where and with what its jobs ran."""

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
