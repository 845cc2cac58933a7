"""As much of the hub's HTTP interface as publishing a dataset needs, on this machine."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """Repositories: commits of files by path. What was sent as a large file is kept by sha256, committed or not."""

    def __init__(self) -> None:
        self.commits: dict[str, list[dict[str, bytes]]] = {}
        self.private: dict[str, bool] = {}
        self.large: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.fail_after: int | None = None
        self.endpoint = ""

    def files(self, repo: str) -> dict[str, bytes]:
        return self.commits[repo][-1]

    def head(self, repo: str) -> str:
        return f"{len(self.commits[repo]):040x}"

    def put(self, sha256: str, data: bytes) -> bool:
        if self.fail_after is not None and len(self.sent) >= self.fail_after:
            return False
        self.sent.append(sha256)
        self.large[sha256] = data
        return hashlib.sha256(data).hexdigest() == sha256

    def commit(self, repo: str, lines: list[dict[str, Any]]) -> bool:
        header = lines[0]["value"]
        if header.get("parentCommit") not in (None, self.head(repo)):
            return False
        files = dict(self.files(repo))
        for line in lines[1:]:
            value, path = line["value"], line["value"]["path"]
            if line["key"] == "file":
                files[path] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[path] = self.large[value["oid"]]
            else:
                del files[path]
        self.commits[repo].append(files)
        return True

    def tree(self, repo: str) -> list[dict[str, Any]]:
        return [self._listed(path, data) for path, data in sorted(self.files(repo).items())]

    def _listed(self, path: str, data: bytes) -> dict[str, Any]:
        git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        entry = {"type": "file", "path": path, "size": len(data), "oid": git}
        if is_large(path):
            sha256 = hashlib.sha256(data).hexdigest()
            pointer = hashlib.sha1(sha256.encode()).hexdigest()
            entry |= {"oid": pointer, "lfs": {"oid": sha256, "size": len(data), "pointerSize": 130}}
        return entry


def is_large(path: str) -> bool:
    """The hub keeps these by their sha256, whatever their size."""
    return path.endswith((".parquet", ".tar"))


class Handler(BaseHTTPRequestHandler):
    """Answers the client."""

    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, content: Any, status: int = 200, **headers: str) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        repo = "/".join(path.split("/")[3:5])
        if repo not in self.hub.commits:
            self._answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        elif "/tree/" in path:
            self._answer(self.hub.tree(repo))
        else:
            self._answer({"id": repo, "sha": self.hub.head(repo), "private": False, "tags": [], "siblings": []})

    def do_PUT(self) -> None:
        kept = self.hub.put(self.path.rpartition("/")[2], self._body())
        self._answer({}, 200 if kept else 400)

    def do_POST(self) -> None:
        path, body = self.path.partition("?")[0], self._body()
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            self.hub.commits.setdefault(repo, [{".gitattributes": b"*.parquet filter=lfs"}])
            self.hub.private[repo] = asked.get("private") is True or asked.get("visibility") == "private"
            self._answer({"url": f"{self.hub.endpoint}/datasets/{repo}", "name": repo, "id": repo})
        elif path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if is_large(f["path"]) else "regular", "shouldIgnore": False}
                for f in json.loads(body)["files"]
            ]
            self._answer({"files": modes})
        elif path.endswith("/info/lfs/objects/batch"):
            self._answer({"transfer": "basic", "objects": [self._action(each) for each in json.loads(body)["objects"]]})
        elif "/commit/" in path:
            repo = "/".join(path.split("/")[3:5])
            done = self.hub.commit(repo, [json.loads(line) for line in body.splitlines()])
            url = f"{self.hub.endpoint}/datasets/{repo}/commit/{self.hub.head(repo)}"
            if done:
                self._answer({"success": True, "commitOid": self.hub.head(repo), "commitUrl": url})
            else:
                self._answer({"error": "a commit has happened since"}, 412)
        else:
            self._answer({"error": path}, 404)

    def _action(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in self.hub.large:
            found["actions"] = {"upload": {"href": f"{self.hub.endpoint}/upload/{asked['oid']}"}}
        return found


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    """Yield a hub that answers at its ``endpoint``."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
