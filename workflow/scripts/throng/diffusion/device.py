"""Several GPUs on one machine, shared out among the jobs that run there at the same time."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from throng.errors import ThrongError

_held: dict[str, IO[str]] = {}  # open for as long as the process lives


def claimed(device: str, section: str) -> str:
    """Return the torch device to run on: for ``cuda`` with several GPUs in sight, one that no other job has claimed.

    A claim is a lock on a file that ends with its process. Where all are claimed, jobs are spread by process. Raises
    ThrongError when there is no such GPU.
    """
    if not device.startswith("cuda"):
        return device
    import torch

    seen = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not seen:
        raise ThrongError(f"{section}.device is {device}, but torch sees no GPU here; set it to cpu")
    if device != "cuda":
        if device.removeprefix("cuda:") not in map(str, range(seen)):
            raise ThrongError(f"{section}.device is {device}, but torch sees cuda:0 to cuda:{seen - 1} here")
        return device
    if seen == 1:
        return device
    numbers = [f"cuda:{number}" for number in range(seen)]
    return next(filter(_claim, [*_held, *numbers]), numbers[os.getpid() % seen])


def _claim(device: str) -> bool:
    """Try to lock a GPU for this process; what this process has, it gets again."""
    import torch

    if device in _held:
        return True
    identity = torch.cuda.get_device_properties(torch.device(device)).uuid
    file = (Path(tempfile.gettempdir()) / f"throng-{os.getuid()}-gpu-{identity}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _held[device] = file
    return True
