"""The dataset on disk: numbered PNGs in folders of a thousand and dataset.json, in a folder or in a stored zip."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from throng.folders import whole_folder
from throng.images import pack_zip

Container = Literal["zip", "folder"]
Members = Mapping[str, bytes | Callable[[], bytes]]

LABELS = "dataset.json"


def name_of(index: int) -> str:
    """Return the name of an image, e.g. ``00012/img00012345.png``: a thousand in a folder."""
    number = f"{index:08d}"
    return f"{number[:5]}/img{number}.png"


def write_dataset(target: Path, container: Container, members: Members) -> None:
    """Write the dataset whole or not at all; an older one of the same name is replaced."""
    if container == "zip":
        pack_zip(target, members)
        return
    with whole_folder(target) as folder:
        for name in sorted(members):
            content = members[name]
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content())
