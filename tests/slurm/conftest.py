"""A Slurm cluster for the session, copies of the checkout, and Snakemake as a user types it."""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster import Cluster, UnavailableError

ROOT = Path(__file__).parents[2]
QUICK = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    """Two nodes of four CPUs, stopped and deleted at the end whatever happens."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="throng-slurm-")))
    try:
        cluster.start()
        yield cluster
    except UnavailableError as reason:
        pytest.skip(f"Slurm cannot be had: {reason}")
    finally:
        cluster.purge()


@dataclasses.dataclass(frozen=True)
class Checkout:
    """A copy of the project in a folder and a home of its own, as after ``git clone``."""

    path: Path
    cluster: Cluster

    @property
    def env(self) -> dict[str, str]:
        """The environment of a user who has activated .venv on the login node."""
        home = self.path.with_name(self.path.name + "-home")
        base = self.cluster.env()
        path = f"{Path(sys.executable).parent}{os.pathsep}{base['PATH']}"
        return base | {
            "PATH": path,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *arguments: str, path: str | None = None) -> subprocess.Popen[str]:
        """Start ``snakemake ARGUMENTS``, with a PATH of its own where one is given."""
        environment = self.env | ({"PATH": path} if path else {})
        return subprocess.Popen(
            ["snakemake", *arguments], cwd=self.path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def snakemake(self, *arguments: str) -> str:
        """Run ``snakemake ARGUMENTS`` to its end and return what it printed; the test fails if it failed."""
        return self.finish(self.start(*arguments))

    def finish(self, process: subprocess.Popen[str], seconds: float = 600) -> str:
        """Wait for ``snakemake`` and return what it printed; the test fails if it failed or did not end."""
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            queue = self.cluster.run("squeue", "-o", "%i %k %T %r")
            pytest.fail(f"not done within {seconds:g} s; queue:\n{queue}\n{process.communicate()[0][-6000:]}")
        finally:
            process.kill()
        assert process.returncode == 0, output[-6000:]
        return output


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Wait until ``condition()`` holds while ``process`` runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"nothing happened within {seconds} s"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def copy_checkout(slurm_cluster: Cluster) -> Callable[[Path], Checkout]:
    """Return a function that copies the project's files to a new folder."""

    def copy(folder: Path) -> Checkout:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        for file in filter(None, listed.split("\0")):
            if (ROOT / file).is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, folder / file)
        return Checkout(folder, slurm_cluster)

    return copy


@pytest.fixture
def checkout(copy_checkout: Callable[[Path], Checkout], tmp_path: Path) -> Callable[..., Checkout]:
    """Return a function that copies the project's files to a folder of that name."""
    return lambda name="checkout": copy_checkout(tmp_path / name)
