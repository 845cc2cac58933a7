"""The fused kernel's arithmetic, under Triton's interpreter: it stands in for a GPU, not for its speed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_fused_kernel_equals_zero_insertion_forward_and_backward():
    pytest.importorskip("triton")
    # Triton chooses between compiling and interpreting when it is first imported, so this needs a process of its own.
    scripts = Path(sys.modules["throng"].__file__).parents[1]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(scripts)}
    script = Path(__file__).with_name("fused_agreement.py")
    run = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "agreed\n"
