"""Real photographs of ShanghaiTech part B: the fast path keeps to the exact one, and the exact one to Pillow."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.unit.conversion.reading import Loaded, by_pillow, psnr
from throng.cli import app

DATA = Path(os.environ.get("THRONG_DATA", ""))
PHOTOGRAPHS = DATA / "shanghaitech" / "part_B" / "test_data" / "images"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.name or not PHOTOGRAPHS.is_dir(), reason=f"THRONG_DATA has no {PHOTOGRAPHS}"),
]


@pytest.mark.parametrize("transform", ["none", "center-crop", "center-crop-wide"])
def test_shanghaitech_b(tmp_path, transform):
    files = sorted(PHOTOGRAPHS.glob("*.jpg"))[:8]
    source = tmp_path / "photographs"
    source.mkdir()
    for file in files:
        shutil.copy(file, source)
    for resolution in (64, 128, 256):
        converted = {}
        for resize in ("lanczos", "scaled"):
            dest = tmp_path / f"{resize}_{resolution}.zip"
            asked = ["--resolution", str(resolution), "--transform", transform, "--resize", resize]
            assert CliRunner().invoke(app, ["convert-dataset", str(source), str(dest), *asked]).exit_code == 0
            converted[resize] = Loaded(dest).images
        for file, exact, fast in zip(files, converted["lanczos"], converted["scaled"], strict=True):
            np.testing.assert_array_equal(exact, by_pillow(file.read_bytes(), resolution, transform))
            assert psnr(fast, exact) >= 35, (file.name, resolution)
