"""Where the generators' code comes from is written down, module by module, and none of it is anybody else's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOM = ROOT / "workflow/scripts/throng/gan"
MODULES = sorted(ROOM.rglob("*.py"))


def test_every_module_is_in_the_log() -> None:
    log = (ROOT / "docs/gan.md").read_text().split("## Where every module comes from")[1]
    rows = [row.split("|")[1] for row in log.splitlines() if row.startswith("| `")]
    logged = {name for row in rows for name in re.findall(r"`([a-z0-9_/]+)`", row)}
    here = {path.stem for path in ROOM.iterdir() if path.suffix in ("", ".py") and not path.name.startswith("_")}
    here |= {f"stylegan3/{path.stem}" for path in ROOM.glob("stylegan3/[a-z]*.py")}
    assert here - {"stylegan3"} - logged == set(), "docs/gan.md does not say where these come from"
    assert logged - here == set(), "docs/gan.md tells of modules that are gone"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOM)))
def test_a_module_says_what_it_is_and_carries_nobodys_header(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert not re.search(r"nvidia corporation|copyright \(c\)|all rights reserved", text, re.IGNORECASE)
