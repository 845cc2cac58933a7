"""What made an artefact: the canonical config slice, the code digest and the parents, carried in every footer."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

FOOTER_KEY = b"throng"
# those that decide pixels: another version may round, decode or encode otherwise
LIBRARIES = (
    "diffusers",
    "numba",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "scipy",
    "torch",
    "transformers",
)


def canonical_json(value: Any) -> str:
    """Return the one JSON spelling of a value: sorted keys, no spaces, so equal settings give equal strings."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(*parts: str) -> str:
    """Return the hex sha256 of the given strings, kept apart by a separator."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that decide pixels, as far as they are installed."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Everything that decides an artefact's bytes; no clock, host name or absolute path."""

    stage: str
    config: Mapping[str, Any]
    code: str
    seed: int
    parents: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    backend: str | None = None
    model: Mapping[str, str] | None = None
    libraries: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])

    def footer(self, schema: str, version: int) -> dict[str, Any]:
        """Return the footer's content for a table of the given schema name and version."""
        return {"schema": schema, "version": version} | dataclasses.asdict(self)
