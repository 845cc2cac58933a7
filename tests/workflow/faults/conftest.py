"""One undisturbed run for all faults, a hub for the model that it fetches, and the record of what was seen."""

import dataclasses
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from tests.unit.stages.test_fetch_models import GOOD, REVISION, Hub
from tests.workflow.faults.drill import Drill, Undisturbed, differences
from tests.workflow.faults.report import Fault

PINNED = f"""
fetch_models: {{models: {{pinned: {{repo: team/model, file: sub/model.onnx, revision: {REVISION}, sha256: {GOOD}}}}}}}
"""
Record = Callable[[Fault], None]


@pytest.fixture(scope="session")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, worker_id: str, hub: str) -> Undisturbed:
    """The workflow run once for all faults; ``FAULTS_FOLDER`` keeps it, for the next drill of the same code."""
    own = tmp_path_factory.getbasetemp()
    folder = Path(os.environ.get("FAULTS_FOLDER") or (own if worker_id == "master" else own.parent)) / "undisturbed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return Undisturbed(folder, hub, PINNED)


@pytest.fixture
def drill(undisturbed: Undisturbed, tmp_path: Path) -> Iterator[Drill]:
    """A copy of the finished run to do harm to, which has to be as before in the end."""
    copy = undisturbed.copy(tmp_path / "drill")
    yield copy
    shutil.rmtree(copy.folder)


@pytest.fixture
def unharmed(undisturbed: Undisturbed) -> Callable[[Drill], None]:
    """Check that a run has ended with every byte of the undisturbed one and nothing beside it."""

    def check(drill: Drill) -> None:
        assert differences(undisturbed.files, drill.files()) == []

    return check


@pytest.fixture
def record(undisturbed: Undisturbed, request: pytest.FixtureRequest) -> Iterator[Record]:
    """Put a fault on record, in its case's file in ``FAULTS_RECORD``, or that the case failed; without one nothing."""
    kept: list[Fault] = []
    yield kept.append
    if folder := os.environ.get("FAULTS_RECORD"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        case = request.node.name
        seen = [dataclasses.asdict(fault) | undisturbed.code for fault in kept] or [{"failed": case}]
        (Path(folder) / f"{case.replace('/', '-')}.json").write_text(json.dumps(seen))
