"""Where this machine keeps things: the one place that turns source names into folders. Never part of an artefact."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError

RESULTS = "results"
DATA_VARIABLE = "THRONG_DATA"
# Snakemake's executors write them into the double quotes of a shell command, its rules into patterns
UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f\"$`\\{}]")


def data_root(config: Mapping[str, Any]) -> Path:
    """Return the folder that relative source roots start from: key ``data_root``, else $THRONG_DATA, else here."""
    return Path(config.get("data_root") or os.environ.get(DATA_VARIABLE) or ".").expanduser()


def source_roots(config: Mapping[str, Any]) -> dict[str, Path]:
    """Map every source's name, and ``results`` for what the workflow made, to its folder on this machine.

    Raises ThrongError when two have one name, or a folder's path cannot be given to a shell.
    """
    base = data_root(config)
    rendered = rendered_folder(config)
    roots = {RESULTS: Path(config.get("results") or "results")}
    for source in config.get("ingest", {}).get("sources", []):
        if source["name"] in roots:
            raise ThrongError(f"ingest.sources: the name {source['name']!r} is taken; choose another")
        root = Path(source["root"]).expanduser()
        roots[source["name"]] = root if root.is_relative_to(rendered) else base / root
    here = {"the working directory": Path.cwd(), "the folder of throng": Path(__file__).resolve()}
    _check_speakable(here | {f"the folder of source {name!r}": root for name, root in roots.items()})
    return roots


def _check_speakable(folders: Mapping[str, Path]) -> None:
    """Raise ThrongError for a folder whose name a shell or Snakemake would take for more than a name."""
    for what, folder in folders.items():
        if found := UNSPEAKABLE.search(str(folder)):
            raise ThrongError(
                f"{what} has {found[0]!r} in its path ({str(folder)!r}): a shell or Snakemake would take it for more "
                f"than a letter; rename the folder, or give it another name by a link"
            )


def rendered_folder(config: Mapping[str, Any]) -> Path:
    """Return the folder that the rule render writes; sources below it never start from ``data_root``."""
    return Path(config.get("render", {}).get("folder") or "resources/rendered")


def results_folder(configured: Path, log: Path) -> Path:
    """Return the results folder of the job with this log, whose files are in it, or in a local copy of it.

    Where results are kept in a storage, Snakemake puts a job's files below a prefix of its own.
    """
    ending = (*configured.parts, "logs")
    return next((folder.parent for folder in log.parents if folder.parts[-len(ending) :] == ending), configured)


def below(folder: Path, roots: Mapping[str, Path]) -> dict[str, str]:
    """Map every source whose root lies in ``folder`` to its place there, with slashes."""
    inside = folder.resolve()
    resolved = {name: root.resolve() for name, root in roots.items()}
    return {name: root.relative_to(inside).as_posix() for name, root in resolved.items() if root.is_relative_to(inside)}
