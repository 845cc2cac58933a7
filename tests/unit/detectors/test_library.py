"""The detector's library is imported without what it does not need, and nothing that is needed later is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
IMPORTED = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from throng.detectors.library import import_yolo

import_yolo(Path(sys.argv[2]))
assert not [name for name in sys.modules if name.startswith("torch._dynamo")], "the compiler came along"
import torch
import torchvision

boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 3.9], [5.0, 5.0, 8.0, 8.0]])
assert torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]
supported = torchvision.ops.roi_align.__globals__["is_compile_supported"]
from torch._dynamo.utils import is_compile_supported

assert supported is not is_compile_supported and supported("cpu") == is_compile_supported("cpu")
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2.0
"""


@pytest.mark.slow
def test_a_detector_is_loaded_without_the_compiler_which_can_still_be_had(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, str(SCRIPTS), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
