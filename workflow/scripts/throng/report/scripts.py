"""The folder of scripts beside the page: ours, and React's with its licence."""

from pathlib import Path

from throng.report.app import EARLY, FOLDER, SCRIPTS
from throng.report.react import react_files
from throng.report.writing import whole_folder

LOADED = ("react.js", "react-dom.js", *SCRIPTS)


def write_scripts(target: Path) -> None:
    """Write the folder; raises ThrongError when React is not there to be copied."""
    files = react_files() | {name: FOLDER / name for name in (EARLY, *SCRIPTS)}
    with whole_folder(target) as folder:
        for name, path in files.items():
            (folder / name).write_bytes(path.read_bytes())
