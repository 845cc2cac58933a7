"""What torch writes with its own format."""

from typing import Any, BinaryIO

import torch


def save(content: Any, file: BinaryIO) -> None:
    """Write ``content`` to an open file as ``torch.save`` does; a disk that fails is an OSError.

    Torch closes its archive even when a write has failed, and what fails then, a RuntimeError, hides why.
    """
    try:
        torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise
