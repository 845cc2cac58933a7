"""A throw-away Slurm on this one machine: a real munged, slurmctld and one slurmd per virtual node.

    python tests/slurm/cluster.py start /tmp/cluster --nodes 2      installs what is missing, starts, waits until idle
    eval "$(python tests/slurm/cluster.py env /tmp/cluster)"        then: sinfo, sbatch, snakemake --profile slurm
    python tests/slurm/cluster.py kill-node /tmp/cluster n2         as a power cut; start-node brings it back
    python tests/slurm/cluster.py kill-control /tmp/cluster         as a controller that crashes; start-control
    python tests/slurm/cluster.py purge /tmp/cluster                stops all it started and deletes the folder

Everything written is below that folder; /etc/slurm and /etc/munge are neither read nor changed, and the daemons
listen on 127.0.0.1 alone, but for slurmdbd, which has no setting for it. There are no cgroups (so it runs in a
container): a job's memory is sampled every second, and one that has more than it asked for is killed. The last node
has one GPU that is counted but not real. Partitions: main (default), short (at most 5 minutes), gpu (the last node)
and two whose jobs give way to those of the others after 20 s: spare (requeued) and scavenge (cancelled).
With --accounting there is a database of jobs (sacct), and accounts and QOS are enforced.
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
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

PROGRAMS = {"munged": "munge", "slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "sinfo": "slurm-wlm"}
ACCOUNTING_PROGRAMS = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server", "mariadb": "mariadb-client"}
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
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=UsePss,OverMemoryKill
MpiDefault=none
MailProg=/bin/true
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=5,sched_interval=5,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdTimeout=15
KillWait=10
OverTimeLimit=0
MinJobAge=1800
ReturnToService=2
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=DEFAULT Nodes=ALL MaxTime=24:00:00 DefaultTime=01:00:00 PriorityTier=10 State=UP
PartitionName=main Default=YES
PartitionName=short MaxTime=00:05:00
PartitionName=gpu Nodes=n{nodes}
PartitionName=spare PriorityTier=1 GraceTime=20
PartitionName=scavenge PriorityTier=1 GraceTime=20 PreemptMode=CANCEL
"""
NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none\n"
ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={dir}/munge.socket
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment
AccountingStorageTRES=gres/gpu
"""
DATABASE_CONF = """\
AuthType=auth/munge
AuthInfo=socket={dir}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser={user}
LogFile={dir}/slurmdbd.log
PidFile={dir}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
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
    accounting: bool = False

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
        install(PROGRAMS | (ACCOUNTING_PROGRAMS if self.accounting else {}))
        (self.dir / "state").mkdir(parents=True, exist_ok=True)
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "dir"}
        (self.dir / SETTINGS).write_text(json.dumps(settings))
        if not any(self._processes("slurmctld")):
            self._write_conf()
            self._write_clients()
        self._launch("munged", "munged", "--foreground", "--force", f"--socket={self.dir}/munge.socket",
                     f"--key-file={self._key()}", f"--pid-file={self.dir}/munged.pid",
                     f"--seed-file={self.dir}/munge.seed", f"--log-file={self.dir}/munged.log")  # fmt: skip
        self._wait("munged", 10, lambda: self._succeeds("munge", "-S", f"{self.dir}/munge.socket", "-n"))
        if self.accounting:
            self._start_accounting()
        self.start_control()
        for node in self.names:
            self.start_node(node)
        idle = {f"{node} idle" for node in self.names}
        self._wait("the nodes", 30, lambda: set(self.run("sinfo", "-h", "-N", "-o", "%N %T").splitlines()) == idle)

    def start_control(self) -> None:
        """Start the controller, which takes up the jobs it knew before."""
        self._launch("slurmctld", "slurmctld", "-D", "-f", str(self.conf))
        self._wait("slurmctld", 20, lambda: "is UP" in self.run("scontrol", "ping"))

    def kill_control(self) -> None:
        """Kill the controller at once; jobs run on."""
        self._kill_role("slurmctld")

    def start_node(self, node: str) -> None:
        """Start one node's daemon."""
        (self.dir / f"spool-{node}").mkdir(exist_ok=True)
        self._launch(node, "slurmd", "-D", "-N", node, "-f", str(self.conf))

    def kill_node(self, node: str) -> None:
        """Kill a node's daemon and its jobs at once, as a power cut does."""
        tasks = list(self._tasks(node))
        self._kill_role(node)
        for parent in {parent_of(task) for task in tasks}:
            if command_of(parent).startswith(b"slurmstepd"):
                kill(parent)
        for task in tasks:
            for victim in [*descendants(task), task]:
                kill(victim)

    def run(self, *command: str) -> str:
        """Return what a Slurm command prints, "" when it fails."""
        return subprocess.run(command, env=self.env(), capture_output=True, text=True, check=False).stdout

    def stop(self) -> None:
        """Cancel the jobs and end every process that was started here."""
        if self._succeeds("scancel", "-u", getpass.getuser()):
            with contextlib.suppress(TimeoutError):
                self._wait("the jobs' end", 15, lambda: not self.run("squeue", "-h", "-t", "running,completing"))
        for node in self.names:
            self.kill_node(node)
        for role in ("slurmctld", "slurmdbd", "mariadbd", "munged"):
            self._kill_role(role)

    def purge(self) -> None:
        """Stop, and delete the folder."""
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self) -> str:
        """Return the end of every daemon's output."""
        return "\n".join(f"== {log}\n{log.read_text()[-1500:]}" for log in sorted(self.dir.glob("*.log")))

    def _write_conf(self) -> None:
        ports = free_ports(self.nodes + 3)
        host = socket.gethostname().split(".")[0]
        given = {"dir": self.dir, "host": host, "user": getpass.getuser(), "nodes": self.nodes}
        lines = [CONF.format(**given, control_port=ports[0])]
        lines.append(ACCOUNTING.format(dir=self.dir, port=ports[1]) if self.accounting else NO_ACCOUNTING)
        if self.accounting:
            password = secrets.token_hex()
            database = DATABASE_CONF.format(**given, port=ports[1], database_port=ports[2], password=password)
            self._database_conf.touch(mode=0o600)
            self._database_conf.write_text(database)
        for node, port in zip(self.names, ports[3:], strict=True):
            gpu = " Gres=gpu:1" if node == self.names[-1] else ""
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} "
                f"RealMemory={self.memory_mb}{gpu} State=UNKNOWN\n"
            )
        self.conf.write_text("".join(lines))
        device = self.dir / "gpu0"
        if not device.exists():
            with contextlib.suppress(PermissionError):  # a device, unlike a file, makes Slurm set CUDA_VISIBLE_DEVICES
                os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        if not device.exists():
            device.touch()
        gres = f"AutoDetect=off\nNodeName={self.names[-1]} Name=gpu File={device}\n"
        (self.dir / "gres.conf").write_text(gres)

    @property
    def _database_conf(self) -> Path:
        return self.dir / "slurmdbd.conf"

    def _start_accounting(self) -> None:
        """Start a MariaDB of its own and slurmdbd, with the account `crowd` and the QOS `one` (one job at a time)."""
        data, user = self.dir / "database", getpass.getuser()
        if not data.exists():
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", f"--user={user}",
                 "--auth-root-authentication-method=normal"],
                check=True, capture_output=True,
            )  # fmt: skip
        conf = dict(line.split("=", 1) for line in self._database_conf.read_text().splitlines())
        socket_path = f"{self.dir}/database.socket"
        self._launch("mariadbd", "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket_path}",
                     f"--user={user}", "--bind-address=127.0.0.1", f"--port={conf['StoragePort']}",
                     f"--pid-file={self.dir}/mariadbd.pid", "--innodb-buffer-pool-size=64M",
                     "--innodb-lock-wait-timeout=900")  # fmt: skip
        sql = ["mariadb", "--no-defaults", f"--socket={socket_path}", "-u", "root", "-e"]
        self._wait("mariadbd", 60, lambda: self._succeeds(*sql, "select 1"))
        owner = f"'slurm'@'%' identified by '{conf['StoragePass']}'"
        grant = f"create or replace user {owner}; grant all on slurm_acct_db.* to 'slurm'@'%'"
        subprocess.run([*sql, grant], check=True, capture_output=True)
        self._launch("slurmdbd", "env", f"SLURM_CONF={self._database_conf}", "slurmdbd", "-D")
        self._wait("slurmdbd", 60, lambda: self._succeeds("sacctmgr", "-n", "list", "cluster"))
        for thing in (
            "cluster throng", "account crowd", "qos one MaxJobsPerUser=1",
            f"user {user} account=crowd", f"user {user} account=crowd set qos=normal,one",
        ):  # fmt: skip
            what, *more = thing.split()
            verb = "modify" if "set" in more else "add"
            self.run("sacctmgr", "-i", "-Q", verb, what, *more)

    def _kill_role(self, role: str) -> None:
        for pid in list(self._processes(role)):
            for victim in [*descendants(pid), pid]:
                kill(victim)

    def _write_clients(self) -> None:
        """Wrap Slurm's commands, because inside a job Snakemake's job step drops SLURM_CONF from the environment."""
        (self.dir / "bin").mkdir(exist_ok=True)
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        path = os.pathsep.join(folder for folder in folders if not (Path(folder).parent / SETTINGS).exists())
        for client in CLIENTS:
            if program := shutil.which(client, path=path):
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
                ["setsid", "--fork", program, *arguments],
                env=os.environ | {MARK: f"{self.dir}:{role}", "PATH": daemon_path()},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
            )  # fmt: skip

    def _processes(self, role: str) -> Iterator[int]:
        """Yield the processes that bear this cluster's mark for a role: the daemon."""
        return having(f"{MARK}={self.dir}:{role}")

    def _tasks(self, node: str) -> Iterator[int]:
        """Yield the processes of a node's jobs; their parents, the job steps, are no children of the daemon."""
        return having(f"SLURM_CONF={self.conf}", f"SLURMD_NODENAME={node}")

    def _succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.env(), capture_output=True, check=False).returncode == 0

    def _wait(self, what: str, seconds: float, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come within {seconds:g} s\n{self.logs()}")
            time.sleep(0.1)


def install(programs: Mapping[str, str]) -> None:
    """Install the Debian packages of missing programs when root, or raise UnavailableError with the reason."""
    if platform.system() != "Linux":
        raise UnavailableError("Slurm runs on Linux only")
    missing = sorted({package for program, package in programs.items() if not which(program)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise UnavailableError(f"not installed: {', '.join(missing)} (sudo apt-get install {' '.join(missing)})")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with no_system_daemons():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
    if missing := [program for program in programs if not which(program)]:
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
    """Return where a program is, or None."""
    return shutil.which(program, path=daemon_path())


def daemon_path() -> str:
    """Return PATH with the folders of daemons, which are not on everybody's."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def free_ports(count: int) -> list[int]:
    """Return TCP ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def having(*variables: str) -> Iterator[int]:
    """Yield the processes that began with all these environment variables ("NAME=value")."""
    wanted = {variable.encode() for variable in variables}
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted <= set(environ.read_bytes().split(b"\0")):
                yield int(environ.parent.name)


def parent_of(pid: int) -> int:
    """Return a process's parent, 0 when the process is gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def command_of(pid: int) -> bytes:
    """Return a process's command line, nothing when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


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
    for name in ("start", "env", "stop", "purge", "kill-node", "start-node", "kill-control", "start-control"):
        command = commands.add_parser(name)
        command.add_argument("dir", type=Path)
        if name == "start":
            command.add_argument("--nodes", type=int, default=2)
            command.add_argument("--cpus", type=int, default=4)
            command.add_argument("--accounting", action="store_true")
        if name.endswith("-node"):
            command.add_argument("node")
    given = parser.parse_args()
    folder = given.dir.resolve()
    if given.command == "start":
        try:
            Cluster(folder, nodes=given.nodes, cpus=given.cpus, accounting=given.accounting).start()
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
        getattr(cluster, given.command.replace("-", "_"))()


if __name__ == "__main__":
    main()
