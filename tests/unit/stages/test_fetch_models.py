"""Fetching pinned files from a hub of our own on this machine."""

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from throng.sections.fetch_models import FetchModels

CONTENT = b"weights" * 1000
REVISION = "a" * 40
GOOD = hashlib.sha256(CONTENT).hexdigest()
JOB = """
import sys
from pathlib import Path
from throng.errors import ThrongError
from throng.sections.fetch_models import FetchModels
from throng.stage import Context, Files
from throng.stages import fetch_models
sha256, revision, kind, output = sys.argv[1:]
pin = {"repo": "team/model", "revision": revision}
if kind == "model":
    file, pin = "model.onnx", pin | {"file": "sub/model.onnx", "sha256": sha256}
else:
    file, pin = "sub/model.onnx", pin | {"files": {"model_index.json": "0" * 64, "sub/model.onnx": sha256}}
context = Context("fetch_models", 0, 1, {"name": "mine", "file": file}, {}, {}, "", {})
config = FetchModels.model_validate({f"{kind}s": {"mine": pin}})
try:
    fetch_models.run(Files({}), Files({"model": [output]}), config, context)
except ThrongError as error:
    sys.exit(f"refused: {error}")
"""


class Hub(BaseHTTPRequestHandler):
    """Answers like a hub for one file of one commit."""

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(CONTENT)

    def _answer(self, body: bytes) -> None:
        known = self.path == f"/team/model/resolve/{REVISION}/sub/model.onnx"
        self.send_response(200 if known else 404)
        if known:
            self.send_header("ETag", f'"{GOOD}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("Content-Length", str(len(CONTENT)))
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.write(body if known else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(
    endpoint: str, sha256: str, folder, revision: str = REVISION, kind: str = "model"
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_OFFLINE": "1",  # as in every job
        "HF_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    output = folder / "mine" / ("model.onnx" if kind == "model" else "sub/model.onnx")
    command = [sys.executable, "-c", JOB, sha256, revision, kind, str(output)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_the_pinned_file_arrives_and_nothing_is_left_beside_it(hub, tmp_path):
    done = fetch(hub, GOOD, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "model.onnx").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["model.onnx"]


def test_a_pinned_folders_file_arrives_at_its_own_path(hub, tmp_path):
    done = fetch(hub, GOOD, tmp_path, kind="folder")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "sub" / "model.onnx").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "mine" / "sub").iterdir()] == ["model.onnx"]
    assert "pinned is" in fetch(hub, "0" * 64, tmp_path, kind="folder").stderr


@pytest.mark.parametrize("path", ["../x", "/x", "a/../x", ".git/x", "a//x", "a/", ""])
def test_a_folders_files_lie_inside_it(path):
    pin = {"repo": "team/model", "revision": REVISION, "files": {path: GOOD}}
    with pytest.raises(ValidationError):
        FetchModels.model_validate({"folders": {"mine": pin}})


def test_a_name_is_a_file_or_a_folder():
    pin = {"repo": "team/model", "revision": REVISION}
    file, folder = pin | {"file": "x", "sha256": GOOD}, pin | {"files": {"x": GOOD}}
    with pytest.raises(ValidationError, match="both have mine"):
        FetchModels.model_validate({"models": {"mine": file}, "folders": {"mine": folder}})


def test_a_file_of_another_hash_is_refused(hub, tmp_path):
    done = fetch(hub, "0" * 64, tmp_path)
    assert done.returncode == 1
    assert f"has sha256 {GOOD}, pinned is {'0' * 64}" in done.stderr
    assert list((tmp_path / "mine").iterdir()) == []


def test_what_the_hub_does_not_have_is_one_sentence(hub, tmp_path):
    done = fetch(hub, GOOD, tmp_path, revision="b" * 40)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("refused: fetch_models: sub/model.onnx of team/model")
    assert "Traceback" not in done.stderr
