"""How what runs here differs from what made a release: said beside pixels that come out otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import throng
from throng.closure import code_digest
from throng.provenance import libraries

SCRIPTS = Path(throng.__file__).parents[1]


def differences(footer: Mapping[str, Any], modules: tuple[str, ...]) -> str:
    """Return in words which libraries are of other versions than when a table was made, and whether the code is.

    ``modules`` are the backends' that the stage loaded by name.
    """
    then: Mapping[str, str] = footer.get("libraries", {})
    here = libraries()
    said = [f"{name} {then[name]} then, {here.get(name, 'none')} here" for name in then if here.get(name) != then[name]]
    script = SCRIPTS / f"{footer['stage']}.py"
    if script.is_file() and code_digest(script, modules) != footer["code"]:
        said.append(f"stage {footer['stage']!r} is of another version of throng's code")
    if not then:
        said.append("the release does not say which libraries made it")
    return "; ".join(said) or "code and libraries are the same, so the processor or the device differs"
