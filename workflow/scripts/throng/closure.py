"""The code digest of a stage: its script and every throng module it imports, comments and docstrings left out.

Snakemake never looks into imported modules and takes a script's mtime for its content, so each rule carries this
digest as a parameter instead: editing a module reruns exactly the stages that can reach it.
"""

import ast
import functools
import hashlib
from pathlib import Path
from typing import cast

PACKAGE = "throng"
DATA = (".css", ".csv", ".html")
UNSPELLED = ("ctx", "kind", "type_comment")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(script: Path, chosen: tuple[str, ...] = ()) -> str:
    """Return the hex sha256 over the script's import closure and the ``chosen`` backends' modules and theirs."""
    root = script.parent
    _, found = _parse(script)
    seen: dict[str, str] = {}
    waiting = sorted(found | set(chosen))
    while waiting:
        name = waiting.pop()
        path = _locate(root, name)
        if name in seen or path is None:
            continue
        seen[name], imports = _parse(path)
        waiting.extend(imports - seen.keys())
    lines = [_parse(script)[0], *(f"{name}={seen[name]}" for name in sorted(seen))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def module_names(script: Path, chosen: tuple[str, ...] = ()) -> set[str]:
    """Return the names of the throng modules that a script can reach (those the digest covers)."""
    seen: set[str] = set()
    waiting = list(_parse(script)[1] | set(chosen))
    while waiting:
        name = waiting.pop()
        path = _locate(script.parent, name)
        if name not in seen and path is not None:
            seen.add(name)
            waiting.extend(_parse(path)[1])
    return seen


def _locate(root: Path, module: str) -> Path | None:
    if module == PACKAGE:  # holds the version alone, and a new version is no reason to run anything again
        return None
    base = root.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _parse(path: Path) -> tuple[str, set[str]]:
    tree = ast.parse(path.read_bytes(), filename=str(path))
    imports: set[str] = set()
    spelled: list[str] = []
    _spell(tree, spelled, imports)
    parents = {name.rpartition(".")[0] for name in imports}
    text = "".join([*spelled, *_data_beside(path)])
    return hashlib.sha256(text.encode()).hexdigest(), imports | (parents - {""})


def _data_beside(path: Path) -> list[str]:
    """Spell the data files of a package, which its modules read: a page's template, a table of errata."""
    if path.name != "__init__.py":
        return []
    files = sorted(file for file in path.parent.iterdir() if file.suffix in DATA)
    return [f"{file.name}={hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]


def _spell(node: object, spelled: list[str], imports: set[str]) -> None:
    """Append a syntax tree without positions, docstrings and empty fields, the same on every Python version.

    The throng modules that it imports go to ``imports``. One pass, because parsing the workflow waits for it.
    """
    if isinstance(node, ast.AST):
        kind = type(node)
        if kind is ast.Import or kind is ast.ImportFrom:
            _note_imports(node, imports)
        spelled.append(f"\n{kind.__name__}(")
        for name in node._fields:
            if name in UNSPELLED:
                continue
            value = getattr(node, name, None)
            if value is None or value == []:
                continue
            spelled.append(f"{name}=")
            _spell(value[1:] if name == "body" and _has_docstring(kind, value) else value, spelled, imports)
        spelled.append(")")
    elif isinstance(node, list):
        spelled.append("[")
        for item in cast("list[object]", node):
            _spell(item, spelled, imports)
        spelled.append("]")
    else:
        spelled.append(repr(node) + ",")


def _note_imports(node: ast.AST, imports: set[str]) -> None:
    if isinstance(node, ast.Import):
        imports.update(alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
    elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
        imports.add(node.module)
        imports.update(f"{node.module}.{alias.name}" for alias in node.names)


def _has_docstring(kind: type[ast.AST], body: list[ast.stmt]) -> bool:
    first = body[0] if kind in DOCUMENTED else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
