import os
from pathlib import Path

import pytest


@pytest.fixture
def real_data() -> Path:
    folder = os.environ.get("THRONG_DATA")
    if not folder or not (Path(folder) / "shanghaitech").is_dir():
        pytest.skip("THRONG_DATA names no folder with the real data sets")
    return Path(folder)
