"""Any folder or zip of images, without labels."""

from collections.abc import Sequence
from typing import Literal

from throng.sources.listing import File
from throng.sources.samples import Sample


def samples(files: Sequence[File], split: str, scenes: Literal["folder", "file"]) -> list[Sample]:
    """Return every image file as an unlabelled sample of ``split``, its scene the sub-folder it lies in.

    An image directly under the root, and with ``scenes="file"`` every image, is a scene of its own.
    """
    return [
        Sample(file.path, file.path, split, _scene(file, scenes), file.size, file.problem)
        for file in files
        if file.is_image or file.problem
    ]


def _scene(file: File, scenes: str) -> str:
    return "/".join(file.parts[:-1]) if scenes == "folder" and len(file.parts) > 1 else file.path
