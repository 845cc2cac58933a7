"""A throw-away Slurm on this one machine: a real munged, slurmctld and one slurmd per virtual node.

    python tests/slurm/cluster.py start /tmp/cluster --nodes 2      installs what is missing, starts, waits until idle
    eval "$(python tests/slurm/cluster.py env /tmp/cluster)"        then: sinfo, sbatch, snakemake --profile slurm
    python tests/slurm/cluster.py kill-node /tmp/cluster n2         as a node that loses power
    python tests/slurm/cluster.py purge /tmp/cluster                stops all it started and deletes the folder

Everything written is below that folder; /etc/slurm and /etc/munge are neither read nor changed, and the daemons
listen on 127.0.0.1 alone. There are no cgroups (so it runs in a container): memory is counted when a job is placed
and not enforced while it runs. There is no accounting: jobs are seen with squeue. The last node has one GPU that is
counted but not real.
"""

import argparse
import contextlib
import dataclasses
import getpass
import json
import os
import platform
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PROGRAMS = {"munged": "munge", "slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "sinfo": "slurm-wlm"}
CLIENTS = ("sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sshare")
POLICY = Path("/usr/sbin/policy-rc.d")
MARK = "THRONG_TEST_CLUSTER"
SETTINGS = "cluster.json"
CONF = """\
ClusterName=throng
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={dir}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool-%n
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=5,sched_interval=5,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdTimeout=15
KillWait=2
MinJobAge=1800
ReturnToService=2
GresTypes=gpu
PartitionName=main Nodes=ALL Default=YES MaxTime=24:00:00 DefaultTime=01:00:00 State=UP
"""


class UnavailableError(Exception):
    """Slurm cannot be had on this machine; the message says why."""


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster in a folder of its own; several processes may hold one on the same folder."""

    dir: Path
    nodes: int = 2
    cpus: int = 4
    memory_mb: int = 64_000

    @property
    def names(self) -> list[str]:
        """Names of the nodes."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]

    @property
    def conf(self) -> Path:
        """The configuration that every daemon and client reads."""
        return self.dir / "slurm.conf"

    def env(self) -> dict[str, str]:
        """Return the environment in which Slurm's commands talk to this cluster."""
        path = f"{self.dir / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return os.environ | {"PATH": path, "SLURM_CONF": str(self.conf)}

    def start(self) -> None:
        """Configure and start everything, and return when all nodes are idle."""
        if len(str(self.dir)) > 80:
            raise UnavailableError(f"the path is too long for a unix socket: {self.dir}")
        install()
        (self.dir / "state").mkdir(parents=True, exist_ok=True)
        settings = {"nodes": self.nodes, "cpus": self.cpus, "memory_mb": self.memory_mb}
        (self.dir / SETTINGS).write_text(json.dumps(settings))
        self._write_conf()
        self._write_clients()
        self._launch("munged", "munged", "--foreground", "--force", f"--socket={self.dir}/munge.socket",
                     f"--key-file={self._key()}", f"--pid-file={self.dir}/munged.pid",
                     f"--seed-file={self.dir}/munge.seed", f"--log-file={self.dir}/munged.log")  # fmt: skip
        self._wait("munged", 10, lambda: self._succeeds("munge", "-S", f"{self.dir}/munge.socket", "-n"))
        self._launch("slurmctld", "slurmctld", "-D", "-f", str(self.conf))
        self._wait("slurmctld", 20, lambda: "is UP" in self.run("scontrol", "ping"))
        for node in self.names:
            self.start_node(node)
        self._wait("the nodes", 30, lambda: self.run("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * self.nodes)

    def start_node(self, node: str) -> None:
        """Start one node's daemon."""
        (self.dir / f"spool-{node}").mkdir(exist_ok=True)
        self._launch(node, "slurmd", "-D", "-N", node, "-f", str(self.conf))

    def kill_node(self, node: str) -> None:
        """Kill a node's daemon and its jobs at once, as a power cut does."""
        for pid in list(self._processes(node)):
            for victim in [*descendants(pid), pid]:
                kill(victim)

    def run(self, *command: str) -> str:
        """Return what a Slurm command prints, "" when it fails."""
        return subprocess.run(command, env=self.env(), capture_output=True, text=True, check=False).stdout

    def stop(self) -> None:
        """Cancel the jobs and end every process that was started here."""
        if self._succeeds("scancel", "-u", getpass.getuser()):
            with contextlib.suppress(TimeoutError):
                self._wait("the jobs' end", 15, lambda: not self.run("squeue", "-h", "-t", "running,completing"))
        for role in [*self.names, "slurmctld", "munged"]:
            for pid in list(self._processes(role)):
                for victim in [*descendants(pid), pid]:
                    kill(victim)

    def purge(self) -> None:
        """Stop, and delete the folder."""
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self) -> str:
        """Return the end of every daemon's output."""
        return "\n".join(f"== {log}\n{log.read_text()[-1500:]}" for log in sorted(self.dir.glob("*.log")))

    def _write_conf(self) -> None:
        ports = free_ports(self.nodes + 1)
        host = socket.gethostname().split(".")[0]
        lines = [CONF.format(dir=self.dir, host=host, user=getpass.getuser(), control_port=ports[0])]
        for node, port in zip(self.names, ports[1:], strict=True):
            gpu = " Gres=gpu:1" if node == self.names[-1] else ""
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
                f"RealMemory={self.memory_mb}{gpu} State=UNKNOWN\n"
            )
        self.conf.write_text("".join(lines))
        device = self.dir / "gpu0"
        device.touch()
        gres = f"AutoDetect=off\nNodeName={self.names[-1]} Name=gpu File={device}\n"
        (self.dir / "gres.conf").write_text(gres)

    def _write_clients(self) -> None:
        """Wrap Slurm's commands, because inside a job Snakemake's job step drops SLURM_CONF from the environment."""
        (self.dir / "bin").mkdir(exist_ok=True)
        for client in CLIENTS:
            if program := shutil.which(client):
                wrapper = self.dir / "bin" / client
                wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={shlex.quote(str(self.conf))} exec {program} "$@"\n')
                wrapper.chmod(0o755)

    def _key(self) -> Path:
        key = self.dir / "munge.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_bytes(secrets.token_bytes(1024))
        return key

    def _launch(self, role: str, program: str, *arguments: str) -> None:
        if any(self._processes(role)):
            return
        with (self.dir / f"{role}.log").open("ab") as log:
            subprocess.run(
                ["setsid", "--fork", which(program), *arguments],
                env=os.environ | {MARK: f"{self.dir}:{role}"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
            )  # fmt: skip

    def _processes(self, role: str) -> Iterator[int]:
        """Yield the processes that bear this cluster's mark for a role: the daemon and, for a node, its job steps."""
        mark = f"{MARK}={self.dir}:{role}".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in environ.read_bytes().split(b"\0"):
                    yield int(environ.parent.name)

    def _succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.env(), capture_output=True, check=False).returncode == 0

    def _wait(self, what: str, seconds: float, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within {seconds:g} s\n{self.logs()}")
            time.sleep(0.1)


def install() -> None:
    """Install the missing Debian packages when root, or raise UnavailableError with the reason."""
    if platform.system() != "Linux":
        raise UnavailableError("Slurm runs on Linux only")
    missing = sorted({package for program, package in PROGRAMS.items() if not which(program)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise UnavailableError(f"not installed: {', '.join(missing)} (sudo apt-get install {' '.join(missing)})")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with no_system_daemons():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if missing := [program for program in PROGRAMS if not which(program)]:
        raise UnavailableError(f"apt-get could not install {', '.join(missing)}: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def no_system_daemons() -> Iterator[None]:
    """Keep packages from starting daemons of their own while they are installed."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def which(program: str) -> str | None:
    """Return a program's path; daemons live in sbin, which is not on everybody's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


def free_ports(count: int) -> list[int]:
    """Return TCP ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def descendants(pid: int) -> Iterator[int]:
    """Yield the processes below ``pid``, deepest first."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                yield from descendants(child)
                yield child


def kill(pid: int) -> None:
    """Kill a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Run one of the commands of the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("start", "env", "stop", "purge", "kill-node", "start-node"):
        command = commands.add_parser(name)
        command.add_argument("dir", type=Path)
        if name == "start":
            command.add_argument("--nodes", type=int, default=2)
            command.add_argument("--cpus", type=int, default=4)
        if name.endswith("-node"):
            command.add_argument("node")
    given = parser.parse_args()
    folder = given.dir.resolve()
    if given.command == "start":
        try:
            Cluster(folder, nodes=given.nodes, cpus=given.cpus).start()
        except (UnavailableError, TimeoutError) as error:
            sys.exit(str(error))
        return
    if not (folder / SETTINGS).is_file():
        sys.exit(f"no cluster in {folder}; start one first")
    cluster = Cluster(folder, **json.loads((folder / SETTINGS).read_text()))
    if given.command == "env":
        print(f'export SLURM_CONF={shlex.quote(str(cluster.conf))} PATH={shlex.quote(str(folder / "bin"))}:"$PATH"')
    elif given.command.endswith("-node"):
        getattr(cluster, given.command.replace("-", "_"))(given.node)
    else:
        getattr(cluster, given.command)()


if __name__ == "__main__":
    main()
