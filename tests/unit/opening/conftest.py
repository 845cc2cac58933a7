from pathlib import Path

import pytest

from tests.unit.release.miniature import Run, make_run


@pytest.fixture(scope="session")
def run() -> Run:
    return make_run()


@pytest.fixture(scope="session")
def release(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of a whole run in miniature."""
    return run.write(tmp_path_factory.mktemp("opening")).release()
