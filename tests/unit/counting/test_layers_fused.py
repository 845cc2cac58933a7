"""The fused kernel's arithmetic, under Triton's interpreter: it stands in for a GPU, not for its speed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from throng.counting.layers import GauConv2d
from throng.errors import ThrongError

MODULE = "throng.counting.layers.fused"


def test_the_fused_kernel_equals_the_eager_layer_forward_and_backward():
    pytest.importorskip("triton")
    # Triton chooses between compiling and interpreting when it is first imported, so this needs a process of its own.
    scripts = Path(sys.modules["throng"].__file__).parents[1]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(scripts)}
    script = Path(__file__).with_name("fused_agreement.py")
    run = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "agreed\n"


def test_where_triton_cannot_run_asking_for_it_is_an_error(monkeypatch):
    layer = GauConv2d(2, 2, 1, backend="triton")
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(ThrongError, match="needs the package triton"):
        layer(torch.zeros(1, 2, 4, 4))
    monkeypatch.undo()
    pytest.importorskip("triton")
    with pytest.raises(ThrongError, match="needs its features on a GPU, not on cpu"):
        layer(torch.zeros(1, 2, 4, 4))
