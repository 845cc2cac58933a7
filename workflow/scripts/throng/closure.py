"""The code digest of a stage: its script and every throng module it imports, comments and docstrings left out.

Snakemake never looks into imported modules and takes a script's mtime for its content, so each rule carries this
digest as a parameter instead: editing a module reruns exactly the stages that can reach it. What is hashed is what
Python compiles, without line numbers: parsing the workflow waits for it, and this is several times faster than
spelling syntax trees. A new minor version of Python therefore counts as new code.
"""

import functools
import hashlib
import marshal
import os
import re
from pathlib import Path
from types import CodeType

PACKAGE = "throng"
# tells of jobs and decides nothing of what they make
WATCHING = "throng.operations"
DATA = (".css", ".csv", ".html", ".js")
IMPORT = re.compile(r"^\s*(?:from\s+|import\s+)(throng(?:\.\w+)*)(?:\s+import\s+(\([^)]*\)|[^\n#]*))?", re.MULTILINE)


def code_digest(script: Path, chosen: tuple[str, ...] = ()) -> str:
    """Return the hex sha256 over the script's import closure and the ``chosen`` backends' modules and theirs."""
    modules = reachable_modules(script, chosen)
    lines = [_parse(script)[0], *(f"{name}={modules[name]}" for name in sorted(modules))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def reachable_modules(script: Path, chosen: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the digest of every throng module that a script, or a ``chosen`` backend's module, can reach, by name."""
    found: dict[str, str] = {}
    waiting = [*_parse(script)[1], *chosen]
    while waiting:
        name = waiting.pop()
        path = _locate(script.parent, name)
        if name not in found and path is not None:
            found[name], imports = _parse(path)
            waiting.extend(imports)
    return found


def import_first(scripts: Path) -> None:
    """Make the jobs that this process starts import the throng beside their scripts, the one that is hashed.

    Snakemake puts a script's folder last, behind an installed throng.
    """
    others = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(scripts), others]))


def _locate(root: Path, module: str) -> Path | None:
    if module == PACKAGE:  # holds the version and throng.open alone, and neither is a reason to run anything again
        return None
    if module == WATCHING or module.startswith(f"{WATCHING}."):
        return None
    base = root.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _parse(path: Path) -> tuple[str, set[str]]:
    source = path.read_text()
    code = compile(source, "", "exec", dont_inherit=True, optimize=2)  # 2: without docstrings
    spelled = b"".join([marshal.dumps(_without_positions(code), 2), *_data_beside(path)])
    imports: set[str] = set()
    for module, names in IMPORT.findall(source):
        imports.add(module)
        imports.update(f"{module}.{name.split()[0]}" for name in names.strip("()").split(",") if name.strip())
    parents = {name.rpartition(".")[0] for name in imports}
    return hashlib.sha256(spelled).hexdigest(), imports | (parents - {""})


def _without_positions(code: CodeType) -> CodeType:
    constants = tuple(_without_positions(item) if isinstance(item, CodeType) else item for item in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=b"", co_firstlineno=1)


def _data_beside(path: Path) -> list[bytes]:
    """Spell the data files of a package, which its modules read: a page's template, a table of errata."""
    if path.name != "__init__.py":
        return []
    files = sorted(file for file in path.parent.iterdir() if file.suffix in DATA)
    return [f"{file.name}={hashlib.sha256(file.read_bytes()).hexdigest()}".encode() for file in files]
