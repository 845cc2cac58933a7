from pathlib import Path

import pytest

from tests.unit.release.miniature import Run, make_run

UNSURE = 3


@pytest.fixture(scope="session")
def run() -> Run:
    """A whole run in miniature; of its synthetic image ``UNSURE`` nobody knows the heads, and the count vaguely."""
    run = make_run()
    run.change("synthetic", UNSURE, points=None, boxes=None, masks=None)
    run.change("calibrated_counts", UNSURE, count=7.5, std=2.0, exact=False, weight=0.5)
    return run


@pytest.fixture(scope="session")
def release(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of that run."""
    return run.write(tmp_path_factory.mktemp("opening")).release()
