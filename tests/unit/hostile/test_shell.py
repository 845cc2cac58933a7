"""Names that a shell would take for more than names: none is executed, and what cannot pass is refused in a sentence.

Snakemake's Slurm executor writes a job's command, its arguments quoted, between double quotes into a line for a shell.
"""

import shlex
import string
import subprocess
from pathlib import Path

import pytest

from throng.errors import ThrongError
from throng.roots import source_roots

SPOKEN = " '();&|<>*?[]!#~%^=+,-@:ü\u00e9\u3042"
REFUSED = '$`"\\{}\n\t\r\x1b'


def folders(root: str) -> dict[str, object]:
    return {"ingest": {"sources": [{"name": "mine", "root": root}]}}


def submitted(argument: str) -> str:
    """Return what a program sees of an argument that goes through both shells, the login node's and the job's."""
    command = f"printf %s {shlex.quote(argument)}".replace('"', '\\"')
    wrapped = subprocess.run(["sh", "-c", f'printf %s "{command}"'], capture_output=True, text=True, check=True).stdout
    return subprocess.run(["sh", "-c", wrapped], capture_output=True, text=True, check=True).stdout


def test_every_letter_that_is_not_refused_goes_through_both_shells_unchanged() -> None:
    letters = "".join(sorted({*string.printable, *SPOKEN} - {*REFUSED, "\x0b", "\x0c"}))
    path = f"/data/-rf {letters}"
    assert source_roots(folders(path))["mine"] == Path(path)
    assert submitted(path) == path


@pytest.mark.parametrize("letter", [*REFUSED, "\x00", "\x7f"])
def test_a_folder_that_a_shell_would_execute_is_refused_in_a_sentence(letter: str) -> None:
    with pytest.raises(ThrongError, match="rename the folder") as caught:
        source_roots(folders(f"/data/a{letter}(touch pwned)b"))
    assert "the folder of source 'mine'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["results", "data_root"])
def test_results_and_data_are_looked_at_too(key: str) -> None:
    with pytest.raises(ThrongError, match="rename the folder"):
        source_roots(folders("relative") | {key: "/scratch/$(id)"})


def test_the_working_directory_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a`id`").mkdir()
    monkeypatch.chdir(tmp_path / "a`id`")
    with pytest.raises(ThrongError, match="the working directory has '`' in its path"):
        source_roots({})
