"""What another attempt may cure and what it cannot: a job that is sent again for nothing ends at once.

Snakemake sends every failed job again, with more memory and time. A file that is missing, bad input or an error in
code fails alike each time, so its first attempt leaves a note beside the log, and those that follow only repeat it.
"""

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from throng.errors import ThrongError, TransientError
from throng.files import write_text

# an OSError of these kinds says what is there, not what happened
SETTLED = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
# how torch's errors tell that a device, its driver or memory failed, and not the program
TORCH = ("CUDA error", "CUDA driver error", "NCCL error", "cuDNN error", "DefaultCPUAllocator: can't allocate memory")
# how OpenCV's one error tells that it had no memory
OPENCV = "Insufficient memory"


def may_pass(error: BaseException) -> bool:
    """Return whether the same job may end well another time: memory, time, a disk, a node or a device failed it."""
    link: BaseException | None = error
    while link is not None:
        if _passing(link):
            return True
        link = link.__cause__
    return False


def _passing(error: BaseException) -> bool:
    if isinstance(error, (TransientError, MemoryError, BrokenProcessPool)) or not isinstance(error, Exception):
        return True
    if isinstance(error, OSError):  # libraries raise some of their own for bad files, without a number
        return error.errno is not None and not isinstance(error, SETTLED)
    if type(error).__module__ == "cv2":  # told by its name: not every job imports OpenCV
        return OPENCV in str(error)
    return isinstance(error, RuntimeError) and any(part in str(error) for part in TORCH)


def note_of(log: Path) -> Path:
    """Return where the first attempt of the job with this log says that another would fail as well."""
    return log.with_name(log.name + ".incurable")


def begin(log: Path, attempt: int) -> None:
    """Forget what an earlier run noted when this is the first attempt; raise it again, as ThrongError, when it is not.

    ``attempt`` counts from 1, in one run of Snakemake.
    """
    note = note_of(log)
    if attempt == 1:
        note.unlink(missing_ok=True)
    elif note.is_file():
        raise ThrongError(f"{note.read_text().strip()} (not tried again: attempt {attempt} would end as the first did)")


def end(log: Path, error: BaseException, sentence: str) -> None:
    """Note, for the attempts that may follow, a failure that none of them would cure."""
    if not may_pass(error):
        write_text(note_of(log), sentence + "\n")
