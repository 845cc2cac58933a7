"""A user's profile over profiles/slurm, on a cluster that keeps accounts: account, QOS, several partitions."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, UnavailableError

from conftest import QUICK, ROOT, Checkout

pytestmark = pytest.mark.slurm

MINE = """
default-resources:
  slurm_account: crowd
  qos: one
  mem_mb: min(attempt, 3) * 1000
  runtime: 5
"""
# as generate-slurm-partition-config writes it, without the partitions whose jobs give way, and with GPUs where they are
PARTITIONS = """
partitions:
  gpu: {max_gpu: 1, max_runtime: 1-00:00:00, max_threads: 4}
  main: {max_runtime: 1-00:00:00, max_threads: 4}
  short: {max_runtime: "00:05:00", max_threads: 4}
"""
TOY = """
localrules: all

rule all:
    input: expand("quick-{i}", i=range(2)), "trained", "rendered"

rule quick:
    output: "quick-{i}"
    shell: "sleep 2; touch {output}"

rule render:
    output: "rendered"
    shell: "touch {output}"

rule train_counter:
    output: "trained"
    resources: gpu=1
    shell: "touch {output}"
"""


@pytest.fixture(scope="module")
def accounts() -> Iterator[Cluster]:
    """A cluster with a database of jobs, the account `crowd` and the QOS `one`: one running job for each user."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="throng-slurm-")), accounting=True)
    try:
        cluster.start()
        yield cluster
    except UnavailableError as reason:
        pytest.skip(f"Slurm with accounting cannot be had: {reason}")
    finally:
        cluster.purge()


def test_account_qos_and_partitions_come_from_the_users_profile_and_the_rest_from_ours(accounts, tmp_path):
    run = Checkout(tmp_path / "toy", accounts)
    (run.path / "mine").mkdir(parents=True)
    (run.path / "Snakefile").write_text(TOY)
    partitions = run.path / "partitions.yaml"
    partitions.write_text(PARTITIONS)
    (run.path / "mine/config.yaml").write_text(f"{MINE}slurm-partition-config: {partitions}\n")

    ours = str(ROOT / "profiles" / "slurm")
    run.snakemake("--profile", ours, "--profile", "mine", *QUICK)

    fields = "Comment,Partition,Account,QOS,ReqMem,TimelimitRaw,Start,End"
    listed = accounts.run("sacct", "-X", "--parsable2", "--noheader", f"--format={fields}").splitlines()
    jobs = sorted(line.split("|") for line in listed)
    assert [job[:6] for job in jobs] == [
        ["rule_quick_wildcards_0", "short", "crowd", "one", "1000M", "5"],
        ["rule_quick_wildcards_1", "short", "crowd", "one", "1000M", "5"],
        ["rule_render", "main", "crowd", "one", "4000M", "60"],
        ["rule_train_counter", "gpu", "crowd", "one", "16000M", "480"],
    ]
    times = sorted((start, end) for *_, start, end in jobs)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times)), "one job at a time"
