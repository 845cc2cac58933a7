"""A failed attempt is followed by others only where they may end differently."""

import errno

import cv2
import pytest

from throng import retrying
from throng.errors import ThrongError, TransientError


def wrapped(cause):
    error = ThrongError("counter small: it failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ThrongError("row 3: no such class"), False),
        (KeyError("id"), False),
        (FileNotFoundError(errno.ENOENT, "gone"), False),
        (PermissionError(errno.EACCES, "forbidden"), False),
        (OSError("cannot identify image file"), False),
        (OSError(errno.EIO, "input/output error"), True),
        (OSError(errno.ENOSPC, "no space left"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an uncorrectable ECC error was encountered"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shapes do not match"), False),
        (cv2.error("(-4:Insufficient memory) Failed to allocate 36000000 bytes"), True),
        (cv2.error("(-215:Assertion failed) !ssize.empty()"), False),
        (TransientError("asked to stop"), True),
        (wrapped(TransientError("asked to stop")), True),
        (wrapped(KeyError("id")), False),
    ],
    ids=repr,
)
def test_only_what_stopped_a_job_from_outside_may_pass(error, passes):
    assert retrying.may_pass(error) is passes


def test_a_second_attempt_repeats_the_first_one_s_sentence_and_a_new_run_forgets_it(tmp_path):
    log = tmp_path / "detect" / "part-000-of-002.log"
    retrying.begin(log, 1)
    retrying.end(log, ThrongError("a.jpg: no image"), "a.jpg: no image")
    for attempt in (2, 3):
        with pytest.raises(ThrongError, match=rf"^a.jpg: no image \(not tried again: attempt {attempt} "):
            retrying.begin(log, attempt)
    retrying.begin(log, 1)
    retrying.begin(log, 2)


def test_a_failure_that_may_pass_leaves_nothing(tmp_path):
    log = tmp_path / "detect.log"
    retrying.end(log, MemoryError(), "MemoryError")
    retrying.begin(log, 2)
