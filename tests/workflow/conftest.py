"""A copy of the real workflow whose jobs write fixed bytes at once, for asking Snakemake what it would run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow import forked

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "config", "rules", "workflow", "profiles", "envs", "models")

INSTANT_MAIN = '''

def main(run, section, snakemake):
    """Write every output at once: a table's bytes depend on the params, as a real table's footer does."""
    for output in map(Path, snakemake.output):
        folder = not output.suffix
        output.mkdir(parents=True, exist_ok=True) if folder else None
        (output / "bytes" if folder else output).write_text(snakemake.params.config + snakemake.params.code)
'''


class Project:
    """A checkout in its own folder, driven from the command line as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("THRONG_DATA", "SNAKEMAKE_PROFILE")}
        cores = () if "--cores" in arguments else ("--cores", "2")
        if "-n" in arguments:
            return forked.snakemake([*arguments, *cores], self.folder, environment, timeout=1200)
        command = [sys.executable, "-m", "snakemake", *arguments, *cores]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1200)

    def run(self, *arguments: str) -> None:
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def would_run(self, *arguments: str) -> set[str]:
        """Return the rules that a dry run lists, without ``all``."""
        done = self.snakemake(*arguments, "-n", "--quiet", "rules")
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        if "Nothing to be done" in text:
            return set()
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", text, re.MULTILINE | re.DOTALL)
        assert table, text
        return {line.split()[0] for line in table[1].splitlines()} - {"all"}

    @contextmanager
    def edited(self, name: str, change) -> Iterator[None]:
        """Change one file for the length of a block."""
        path = self.folder / name
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before
        try:
            yield
        finally:
            path.write_text(before)

    def overlay(self, text: str) -> tuple[str, str]:
        """Return the arguments that lay a YAML text over config.yaml."""
        path = self.folder / f"overlay-{abs(hash(text))}.yaml"
        path.write_text(text)
        return "--configfile", path.name


def checkout(folder: Path) -> Project:
    """Copy the workflow, without results, into a folder."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return Project(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A checkout in which the whole workflow has run, its jobs instant."""
    project = checkout(tmp_path_factory.mktemp("finished"))
    stage = project.folder / "workflow" / "scripts" / "throng" / "stage.py"
    stage.write_text(stage.read_text() + INSTANT_MAIN)
    project.run("--quiet", "all")
    made = (project.folder / "results" / "ingest" / "images.parquet").read_text()
    assert made.startswith('{"ingest":'), "the jobs ran another throng than the one beside their scripts"
    assert project.would_run() == set()
    return project
