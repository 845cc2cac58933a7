"""Setting up takes a Python that will do, when there are several, and refuses all others in one sentence."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "dirname", "rm", "id", "grep")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project folder of the script alone, and a path with the tools that it calls before it has a Python."""
    (tmp_path / "envs").mkdir()
    shutil.copy(ROOT / "envs" / "setup.sh", tmp_path / "envs")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def python(place: Path, name: str, version: str, *, suits: bool) -> None:
    """Put a Python on the path that knows its version, whether it suits, and cannot make an environment."""
    script = place / "bin" / name
    lines = [
        f'[ "$1" = --version ] && echo "Python {version}" && exit',
        f'[ "$1" = -c ] && exit {int(not suits)}',
        "exit 9",
    ]
    script.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
    script.chmod(0o755)


def set_up(place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(place / "bin"), **variables}
    command = [place / "bin" / "bash", "envs/setup.sh"]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)


def test_a_python_that_suits_is_taken_before_an_older_one_that_comes_first(place: Path):
    python(place, "python3", "3.9.2", suits=False)
    python(place, "python3.12", "3.12.1", suits=True)
    assert "making .venv with Python 3.12.1" in set_up(place).stdout


def test_the_environment_of_another_checkout_is_left_alone(place: Path):
    python(place, "python3", "3.11.2", suits=True)
    (place / "other").mkdir()
    (place / ".venv").symlink_to("other")
    done = set_up(place)
    assert done.returncode == 1
    assert done.stderr.startswith("setup: .venv is a link: what is installed through it would be another checkout's")
    assert not any((place / "other").iterdir())


def test_python3_is_taken_where_it_suits(place: Path):
    python(place, "python3", "3.11.2", suits=True)
    python(place, "python3.13", "3.13.0", suits=True)
    assert "making .venv with Python 3.11.2" in set_up(place).stdout


def test_an_older_python_alone_is_refused_in_one_sentence(place: Path):
    python(place, "python3", "3.9.2", suits=False)
    done = set_up(place)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "setup: python3 is Python 3.9.2, but throng needs Python 3.11, 3.12 or 3.13; install one, or name it: "
        "make setup PYTHON=/path/to/python3.12"
    ]


def test_the_python_that_is_named_is_taken_or_refused_and_no_other(place: Path):
    python(place, "python3", "3.11.2", suits=True)
    python(place, "older", "3.10.13", suits=False)
    python(place, "chosen", "3.13.0", suits=True)
    assert "making .venv with Python 3.13.0" in set_up(place, PYTHON="chosen").stdout
    done = set_up(place, PYTHON="older")
    assert done.returncode == 1
    assert "setup: older is Python 3.10.13, but throng needs" in done.stderr
    assert "is no Python that runs" in set_up(place, PYTHON=os.fspath(place / "missing")).stderr
