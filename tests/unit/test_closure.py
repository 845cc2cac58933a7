"""The code digest: what a stage can reach counts, comments and docstrings do not."""

import subprocess
import sys
from pathlib import Path

import pytest

from throng import closure

DETECT = '''"""Doc."""
import numpy
from throng.operations.watch import look

def run():
    """Doc."""
    from throng.deep import helper
    return helper.x
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "detect.py": "from throng.stages import detect\ndetect.run()\n",
        "remove.py": "from throng.stages import remove\n",
        "throng/__init__.py": "__version__ = '1'\n",
        "throng/stages/__init__.py": "",
        "throng/stages/detect.py": DETECT,
        "throng/stages/remove.py": "from throng import shared\n",
        "throng/deep/__init__.py": "",
        "throng/deep/helper.py": "x = 1\n",
        "throng/deep/table.csv": "k\n1\n",
        "throng/backends/table.csv": "k\n1\n",
        "throng/shared.py": "y = 1\n",
        "throng/operations/__init__.py": "",
        "throng/operations/watch.py": "def look():\n    return 1\n",
        "throng/backends/a.py": "import throng.shared\n",
        "throng/backends/b.py": "z = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(project: Path, script: str, *chosen: str) -> str:
    closure._parse.cache_clear()
    return closure.code_digest(project / script, chosen)


def edit(project: Path, name: str, old: str, new: str) -> None:
    path = project / name
    text = path.read_text()
    assert old in text or not old
    path.write_text(text.replace(old, new) if old else new + text)


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("detect.py", "", "# a comment\n", False),
        ("throng/stages/detect.py", "Doc.", "Another text.", False),
        ("throng/stages/detect.py", "    return helper.x", "\n    # why\n    return helper.x", False),
        ("throng/__init__.py", "1", "2", False),
        ("throng/deep/helper.py", "1", "2", True),
        ("throng/deep/__init__.py", "", "import os\n", True),
        ("throng/stages/detect.py", "helper.x", "helper.x + 0", True),
        ("throng/deep/table.csv", "1", "2", True),
        ("throng/backends/table.csv", "1", "2", False),
        ("throng/shared.py", "1", "2", False),
        ("throng/operations/watch.py", "1", "2", False),
        ("throng/stages/remove.py", "", "w = 1\n", False),
    ],
)
def test_digest_of_detect(project, name, old, new, changes):
    before = digest(project, "detect.py")
    edit(project, name, old, new)
    assert (digest(project, "detect.py") != before) == changes


def test_only_the_chosen_backend_counts(project):
    with_a, with_b = (
        digest(project, "detect.py", "throng.backends.a"),
        digest(project, "detect.py", "throng.backends.b"),
    )
    assert with_a != with_b
    edit(project, "throng/shared.py", "1", "2")
    assert digest(project, "detect.py", "throng.backends.a") != with_a
    assert digest(project, "detect.py", "throng.backends.b") == with_b


def test_digest_does_not_depend_on_place_or_time(project, tmp_path_factory):
    import shutil

    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(project, copy)
    assert digest(project, "detect.py") == digest(copy, "detect.py")


def test_every_script_reaches_its_stage():
    scripts = Path(closure.__file__).parents[1]
    for script in sorted(scripts.glob("*.py")):
        assert f"throng.stages.{script.stem}" in closure.reachable_modules(script)
        assert "throng.config" not in closure.reachable_modules(script), (
            "a stage reads its own section, not all of them"
        )
        assert len(script.read_text().splitlines()) <= 40


def test_digest_does_not_depend_on_the_process(project):
    edit(project, "throng/deep/helper.py", "x = 1", "x = 1 in {'a', 'b', 'c', 'd', 'e'}")
    command = "import sys, pathlib, throng.closure as c; print(c.code_digest(pathlib.Path(sys.argv[1])))"
    found = set()
    for seed in ("1", "2", "3"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(closure.__file__).parents[1])}
        arguments = [sys.executable, "-c", command, str(project / "detect.py")]
        found.add(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(found) == 1
