"""One call in processes on several nodes of one Slurm job, started on each of them by accelerate's launcher.

The stage runs on the job's first node. One ``srun`` starts a launcher per node, and its standard input reaches them
all: a line asks them to stop, its end says that the stage is gone. Everything that they share is a folder that all
nodes see: the call, the sentences of processes that failed, and each launcher's exit codes.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from throng.errors import ThrongError, TransientError
from throng.processes import (
    CALL,
    START,
    STOPPED,
    ProcessesStoppedError,
    call_of,
    check_gpus,
    failure,
    kind_of,
    say,
)

PLAN = "plan.json"
ACCELERATE = "accelerate.json"
CODES = "codes"
NODE = "import sys; sys.path.insert(0, sys.argv[1]); from throng.nodes import start_node; start_node(sys.argv[2])"
STOP = "stop\n"
# what a nested step may know of its job; all else that Slurm has set there speaks of the step around it
KEPT = ("SLURM_JOB_ID", "SLURM_JOBID", "SLURM_CONF", "SLURM_CLUSTER_NAME")
# below the ports that systems lend to outgoing connections (32768 on Linux)
FIRST_PORT, PORTS = 10_000, 20_000
# for which the launcher of a failed process waits, so that those of other nodes can say what they saw
GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Plan:
    """How a call is spread over nodes: processes and torch threads are those of one node and of one process."""

    nodes: int
    processes: int
    threads: int
    device: str

    @property
    def world(self) -> int:
        """Processes on all nodes."""
        return self.nodes * self.processes


def launch_on_nodes(function: Callable[..., None], arguments: tuple[Any, ...], plan: Plan, shared: Path) -> None:
    """Call ``function(*arguments)`` in ``plan.processes`` processes of one group on each of several nodes.

    ``shared`` is a folder that all nodes see. The function must be importable by its module's name, the arguments
    picklable. When one process fails or is killed the job step ends, and with this process everything does. Raises
    ThrongError where there is no Slurm job of so many nodes, and with the sentence of the process that failed first;
    TransientError when processes or a node were lost; :class:`ProcessesStoppedError` when a signal asked to stop.
    """
    check_allocation(plan.nodes)
    shared.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="launch-", dir=shared) as name:
        folder = Path(name)
        (folder / CALL).write_bytes(pickle.dumps(call_of(function, arguments)))
        (folder / PLAN).write_text(json.dumps(vars(plan)))
        code, last, asked = _run(_step(plan, folder))
        if code == 0:
            return
        said = _said(folder, plan)
        if asked and not (said and isinstance(said, TransientError)):
            raise ProcessesStoppedError("asked to stop by SIGTERM; run it again to go on from its last checkpoint")
        raise said or TransientError(
            f"the launchers on {plan.nodes} nodes ended with exit code {code} and said nothing (a node that failed?); "
            f"srun's last line: {last or 'none'}; run it again to go on from its last checkpoint"
        )


def check_allocation(nodes: int) -> None:
    """Raise ThrongError unless this process is in a Slurm job of at least so many nodes."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job or not shutil.which("srun"):
        raise ThrongError(
            f"nodes {nodes} need a Slurm job of as many nodes, and this is none: run snakemake with --profile slurm, "
            f"or set nodes to 1"
        )
    found = re.search(r"\bNumNodes=(\d+)", _scontrol("show", "job", job, "--oneliner"))
    if found and int(found[1]) < nodes:
        raise ThrongError(f"nodes {nodes} need a Slurm job of as many nodes; job {job} has {found[1]}: set nodes to it")


def start_node(folder: str) -> None:
    """Start this node's processes of the call in ``folder`` and wait for them: a task of the nested job step."""
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    here = Path(folder)
    plan = Plan(**json.loads((here / PLAN).read_text()))
    rank = int(os.environ["SLURM_NODEID"])
    threading.Thread(target=_obey, daemon=True).start()
    try:
        check_gpus(plan.processes, plan.device)
        launch_command(launch_command_parser().parse_args(_arguments(plan, rank, here)))
    except ChildFailedError as error:
        codes = {failed: found.exitcode for failed, found in error.failures.items()}
        (here / f"{rank}.{CODES}").write_text(json.dumps(codes))
    except SignalException:
        pass  # the processes have been given time to say how far they were
    except Exception as error:
        say(here, rank * plan.processes, *_of_launcher(error))
    else:
        return
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def port_of(job: int) -> int:
    """Return the port on which a job's processes meet: jobs that run at once on one node have numbers close by."""
    return FIRST_PORT + job % PORTS


def address_of(node: str) -> str:
    """Return the address by which Slurm itself reaches a node; its name where Slurm tells none."""
    found = re.search(r"\bNodeAddr=(\S+)", _scontrol("show", "node", node, "--oneliner"))
    return found[1] if found else node


def first_of(nodes: str) -> str:
    """Return the first name of a list as Slurm writes it, ``gpu[03-04,17]``; raises ThrongError for none."""
    names = _scontrol("show", "hostnames", nodes).split()
    if not names:
        raise ThrongError(f"scontrol show hostnames {nodes!r} names no node")
    return names[0]


def _arguments(plan: Plan, rank: int, folder: Path) -> list[str]:
    """Return what is asked of ``accelerate launch`` on the node of that rank."""
    library, threads = str(Path(__file__).parents[1]), str(plan.threads)
    config = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU",  # the only kind that starts several processes; each finds its own device
        "mixed_precision": "no",
        "use_cpu": False,
        "debug": False,
        "num_machines": plan.nodes,
        "num_processes": plan.world,
    }
    own = folder / f"{rank}.{ACCELERATE}"
    own.write_text(json.dumps(config))  # or a file in the user's home would be read
    main = address_of(first_of(os.environ["SLURM_STEP_NODELIST"]))
    return [
        "--config_file", str(own), "--multi_gpu",
        "--num_machines", str(plan.nodes), "--num_processes", str(plan.world), "--machine_rank", str(rank),
        "--main_process_ip", main, "--main_process_port", str(port_of(int(os.environ["SLURM_JOB_ID"]))),
        "--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", threads,
        "--no_python", sys.executable, "-c", START, library, str(folder), str(os.getpid()), threads,
    ]  # fmt: skip


def _obey() -> None:
    for line in sys.stdin:
        if line == STOP:
            os.kill(os.getpid(), signal.SIGTERM)
    os._exit(1)  # the stage is gone; the processes see that this one is, too


def _of_launcher(error: Exception) -> tuple[str, str]:
    """Return kind and sentence of a launcher's own error."""
    where = f"the launcher on {socket.gethostname()}"
    kind, sentence = kind_of(error)
    # a port that a job of the same number modulo PORTS has, or a first node that does not answer
    return (STOPPED if isinstance(error, ConnectionError) else kind), f"{where}: {sentence}"


def _step(plan: Plan, folder: Path) -> list[str]:
    """Return the command that starts one launcher per node, inside the job that this process is a part of."""
    return [
        "srun", "--overlap", f"--nodes={plan.nodes}", f"--ntasks={plan.nodes}", "--ntasks-per-node=1",
        f"--cpus-per-task={plan.processes * plan.threads}", "--kill-on-bad-exit=1", "--mpi=none", "--label",
        sys.executable, "-c", NODE, str(Path(__file__).parents[1]), str(folder),
    ]  # fmt: skip


def _run(command: list[str]) -> tuple[int, str, bool]:
    """Return the exit code of the step, the last line of its errors, and whether this process was asked to stop."""
    environment = {name: value for name, value in os.environ.items() if name in KEPT or not _of_step(name)}
    asked = threading.Event()
    last = ""
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        orders, errors = process.stdin, process.stderr
        assert orders is not None
        assert errors is not None

        def stop(*_: object) -> None:
            asked.set()
            with contextlib.suppress(OSError, ValueError):
                print(STOP, end="", file=orders, flush=True)

        with _on_signals(stop):
            for line in errors:
                sys.stderr.write(line)
                if line.startswith("srun: error"):
                    last = line.strip()
            code = process.wait()
    return code, last, asked.is_set()


def _of_step(name: str) -> bool:
    return name.startswith(("SLURM_", "SRUN_", "SBATCH_"))


@contextlib.contextmanager
def _on_signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle SIGTERM and SIGINT so meanwhile, where signals can be had (the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)


def _said(folder: Path, plan: Plan) -> ThrongError | None:
    """Return what went wrong first on any node; None where nobody has said anything."""
    codes: dict[int, int] = {}
    for path in folder.glob(f"*.{CODES}"):
        codes |= {int(rank): code for rank, code in json.loads(path.read_text()).items()}
    return failure(folder, codes, plan.world)


def _scontrol(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], capture_output=True, text=True, check=False).stdout
