"""The command line: what it prints, and one sentence with exit code 1 or 2 for bad input."""

import subprocess
import sys

import pytest

from tests.rows import prompt_row
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.tables.prompts import TABLE

COMMAND = [sys.executable, "-c", "from throng.cli import main; main()"]


def throng(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "prompts.parquet"
    row = prompt_row(id="ab", text="3 people")
    write_table(path, TABLE, [row], Provenance("prompt", {"prompt": {"repeats": 1}}, "c0de", 0))
    return path


def test_inspect_shows_footer_meaning_and_rows(table):
    shown = throng("inspect", table)
    assert shown.returncode == 0
    for text in ("c0de", "requested number of people", "3 people"):
        assert text in shown.stdout


def test_diff_exits_with_1_where_tables_differ(table, tmp_path):
    other = tmp_path / "other.parquet"
    row = prompt_row(id="ab", count=4, text="4 people")
    write_table(other, TABLE, [row], Provenance("prompt", {"prompt": {"repeats": 2}}, "c0de", 0))
    assert throng("diff", table, table).returncode == 0
    differs = throng("diff", table, other)
    assert differs.returncode == 1
    assert "config.prompt.repeats" in differs.stdout


def test_bad_input_is_one_sentence(table, tmp_path):
    foreign = tmp_path / "notes.txt"
    foreign.write_text("hello")
    for arguments in (
        ("inspect", foreign),
        ("inspect", tmp_path / "gone.parquet"),
        ("diff", table, foreign),
        ("verify", tmp_path),
        ("count", foreign, "--model", tmp_path / "gone.safetensors"),
        ("measure", tmp_path, "--model", tmp_path),
        ("export-counter", "--model", tmp_path, "--to", tmp_path / "counter.onnx"),
    ):
        failed = throng(*arguments)
        assert failed.returncode in (1, 2), arguments
        assert "Traceback" not in failed.stderr, arguments
        assert failed.stderr.strip()
