"""A small release: an index, checksums, a card and some files."""

import json
from pathlib import Path

from throng.release.index import FORMAT_VERSION, write_sums


def make(folder: Path, version: str = "0.1.0", **files: bytes) -> Path:
    """Write a release of the files named, ``__`` in a name being a slash."""
    contents = files or {f"data__{k}.parquet": bytes([k]) * (1000 + k) for k in range(5)}
    for name, data in contents.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "README.md").write_text(f"---\nlicense: cc0-1.0\n---\n# small {version}\n")
    index = {"format": "throng-release", "format_version": FORMAT_VERSION, "name": "small", "version": version}
    (folder / "index.json").write_text(json.dumps(index | {"products": {}, "files": []}))
    write_sums(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
