"""Processes on several nodes: what is refused, how they find each other; a real Slurm is in tests/slurm/test_nodes.py.

Here srun and scontrol are small programs that act for a job of two nodes on this machine.
"""

import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from throng import nodes, processes
from throng.errors import ThrongError, TransientError
from throng.nodes import Plan, launch_on_nodes, port_of
from throng.retrying import may_pass
from throng.stage import Context

SCONTROL = """
import sys
what = sys.argv[2]
node = "NodeName=n1 NodeAddr=127.0.0.1 X=1"
print({"job": "JobId=7 NumNodes=2 NumCPUs=4", "hostnames": "n1\\nn2", "node": node}[what])
"""
SRUN = """
import os, subprocess, sys
command = sys.argv[next(i for i, word in enumerate(sys.argv) if i and not word.startswith("-")):]
step = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "n[1-2]"}
tasks = [subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | step | {"SLURM_NODEID": str(node)})
         for node in range(2)]
import threading
def broadcast():
    for line in sys.stdin.buffer:
        for task in tasks:
            task.stdin.write(line)
            task.stdin.flush()
    for task in tasks:
        task.stdin.close()
threading.Thread(target=broadcast, daemon=True).start()
import time
while all(task.poll() is None for task in tasks):
    time.sleep(0.05)
if any(task.returncode for task in tasks):
    [task.kill() for task in tasks]
codes = [task.wait() for task in tasks]
os._exit(max(map(abs, codes)))
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A folder for calls in what looks like a Slurm job of two nodes."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, code in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(f"#!{sys.executable}\n{code}")
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


def meet(folder, victim):
    """Say who is there; the victim kills itself once all are."""
    from throng.training.accelerator import accelerator_of

    accelerator = accelerator_of("cpu", "fp32")
    me = accelerator.process_index
    (Path(folder) / f"{me}-of-{accelerator.num_processes}").touch()
    accelerator.wait_for_everyone()
    if me == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    if victim >= 0:
        accelerator.wait_for_everyone()


def refuse_in_the_last(folder):
    if os.environ["RANK"] == "3":
        raise ThrongError("sentence of the last")
    time.sleep(60)


def work_until_asked(folder):
    from throng.training.stop import Stop, stopped

    with Stop() as stop:
        (Path(folder) / f"{os.environ['RANK']}.begun").touch()
        while not stop.asked:
            time.sleep(0.05)
        raise stopped("training", 3, 9)


def test_several_nodes_outside_of_slurm_are_refused_in_one_sentence(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ThrongError, match=r"^nodes 2 need a Slurm job .* this is none: run snakemake with --profile"):
        nodes.check_allocation(2)


def test_a_job_of_fewer_nodes_is_refused(job):
    nodes.check_allocation(2)
    with pytest.raises(ThrongError, match="nodes 3 need a Slurm job of as many nodes; job 7 has 2"):
        nodes.check_allocation(3)


def test_a_section_with_nodes_is_spread_over_them(job, monkeypatch):
    asked = []
    monkeypatch.setattr(nodes, "launch_on_nodes", lambda fit, call, plan, folder: asked.append((call[-1], plan)))
    context = Context("train_counter", 7, 4, {}, {"results": job}, {}, "c0de", {})
    processes.share_job(print, None, None, SimpleNamespace(nodes=3, processes=2, device="cpu"), context)
    ((share, plan),) = asked
    assert plan == Plan(nodes=3, processes=2, threads=2, device="cpu")
    assert plan.world == 6
    assert share.threads == 2


def test_jobs_that_run_at_once_meet_on_ports_of_their_own():
    found = {port_of(job) for job in range(1_000_000, 1_010_000)}
    assert len(found) == 10_000
    assert min(found) >= 10_000
    assert max(found) < 32_768


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ThrongError("the loss is not finite"), False),
        (TransientError("asked to stop after step 3 of 9"), True),
        (RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:2"), True),
        (MemoryError(), True),
        (ValueError("bad"), False),
    ],
)
def test_what_another_attempt_may_cure_stays_so_through_the_process_that_tells_it(tmp_path, error, passes):
    processes.say(tmp_path, 1, *processes.kind_of(error))
    said = processes.failure(tmp_path, {1: 1}, 2)
    assert said is not None
    assert str(error) in str(said)
    assert may_pass(said) is passes


def test_an_error_explains_more_than_the_lost_connections_it_leaves_in_others(tmp_path):
    processes.say(tmp_path, 0, *processes.kind_of(RuntimeError("Connection closed by peer")))
    processes.say(tmp_path, 1, *processes.kind_of(ValueError("bad")))
    assert str(processes.failure(tmp_path, {0: 1, 1: 1}, 2)) == "process 2 of 2 failed: ValueError: bad"


@pytest.mark.slow
def test_processes_of_two_nodes_are_one_group_and_a_killed_one_ends_them_all(job):
    shared = job / "shared"
    launch_on_nodes(meet, (str(job), -1), Plan(2, 2, 1, "cpu"), shared)
    assert {path.name for path in job.glob("*-of-*")} == {f"{rank}-of-4" for rank in range(4)}
    with pytest.raises(TransientError, match="process 4 of 4 was killed by SIGKILL"):
        launch_on_nodes(meet, (str(job), 3), Plan(2, 2, 1, "cpu"), shared)
    assert not list(shared.iterdir())


@pytest.mark.slow
def test_a_refusal_on_another_node_is_brought_back(job):
    with pytest.raises(ThrongError, match=r"^sentence of the last$"):
        launch_on_nodes(refuse_in_the_last, (str(job),), Plan(2, 2, 1, "cpu"), job)


@pytest.mark.slow
def test_a_signal_to_the_stage_reaches_the_processes_of_all_nodes(job):
    def ask():
        while len(list(job.glob("*.begun"))) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=ask).start()
    with pytest.raises(TransientError, match="training was asked to stop after step 3 of 9"):
        launch_on_nodes(work_until_asked, (str(job),), Plan(2, 1, 1, "cpu"), job)
    assert signal.getsignal(signal.SIGTERM) is before
