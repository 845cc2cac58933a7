"""Copy the lock's versions into the conda environments (called by `make lock`)."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
PLATFORM = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux", "os_name": "posix"}


def locked() -> dict[str, str]:
    """Return the lock's versions by normalised name, for the Python and platform of the conda environments."""
    versions = {}
    for line in (HERE / "requirements.lock").read_text().splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(PLATFORM):
                versions[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return versions


def pinned(text: str, versions: dict[str, str]) -> str:
    """Return an environment file with every ``name==version`` set to the version of the lock."""
    return re.sub(
        r"^( +- )([\w.-]+)==.*$",
        lambda line: f"{line[1]}{line[2]}=={versions[canonicalize_name(line[2])]}",
        text,
        flags=re.MULTILINE,
    )


def main() -> None:
    """Rewrite envs/*.yaml."""
    versions = locked()
    for file in sorted(HERE.glob("*.yaml")):
        file.write_text(pinned(file.read_text(), versions))


if __name__ == "__main__":
    main()
