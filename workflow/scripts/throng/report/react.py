"""React, which the explorer is built with: taken from the installed Snakemake, which brings it for its own reports."""

from importlib.util import find_spec
from pathlib import Path

from throng.errors import ThrongError

FILES = {
    "react/react.production.min.js": "react.js",
    "react/react-dom.production.min.js": "react-dom.js",
    "react/LICENSE": "react.LICENSE.txt",
}


def react_files() -> dict[str, Path]:
    """Return React's two scripts and their licence (MIT), by the name that each has beside the page.

    A rule's script finds Snakemake on its path in any environment, because Snakemake puts it there; nothing of it is
    imported. Raises ThrongError when it, or its copy of React, is missing.
    """
    found = find_spec("snakemake")
    folders = list(found.submodule_search_locations or []) if found else []
    if not folders:
        raise ThrongError("report: the page needs React, which comes with the package snakemake; install it here")
    assets = Path(folders[0]) / "assets" / "data"
    files = {name: assets / path for path, name in FILES.items()}
    for path in files.values():
        if not path.is_file():
            raise ThrongError(
                f"report: the installed Snakemake lacks {path.relative_to(assets.parent)}, which the page is built "
                f"with; install Snakemake from its wheel (pip install 'snakemake>=9.27,<10')"
            )
    return files
