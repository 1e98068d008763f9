"""Checkpoints from a hub: a small local one that speaks the real one's protocol, to the real client."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"

FETCH = """
import json, sys
from vlmtui.catalogue import Source
from vlmtui.errors import ModelError
from vlmtui.models.weights import find
name, revision = sys.argv[1], sys.argv[2] or None
notes = []
try:
    found = find(Source(name, None, name), revision, lambda *note: notes.append(note))
    print(json.dumps({"folder": str(found.folder), "revision": found.revision, "notes": notes}))
except ModelError as error:
    print(json.dumps({"error": str(error)}))
"""


class Hub(BaseHTTPRequestHandler):
    """`org/tiny` is a folder; `org/gated` wants a licence accepted; else 404."""

    folder: Path

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/models/org/"):
            return self.answer_api(path.removeprefix("/api/models/org/"))
        name, _, file = path.removeprefix("/org/").partition("/resolve/")
        file = file.partition("/")[2]
        if name == "gated":
            return self.refuse(403, "GatedRepo")
        target = self.folder / file
        if name != "tiny" or not target.is_file():
            return self.refuse(404, "EntryNotFound")
        data = target.read_bytes()
        tag = hashlib.sha256(data).hexdigest()
        self.send_response(200)
        for key, value in (("ETag", f'"{tag}"'), ("X-Repo-Commit", COMMIT), ("Content-Length", str(len(data)))):
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815

    def answer_api(self, rest: str):
        name, _, more = rest.partition("/")
        if name not in ("tiny", "gated"):
            return self.refuse(404, "RepoNotFound")
        if "revision/none" in more or more.startswith("tree/none"):
            return self.refuse(404, "RevisionNotFound")
        files = sorted(p.name for p in self.folder.iterdir())
        if more.startswith("tree"):
            return self.json([{"type": "file", "path": f, "size": 1, "oid": "0" * 40} for f in files])
        return self.json({"id": f"org/{name}", "sha": COMMIT, "siblings": [{"rfilename": f} for f in files]})

    def json(self, value: object):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, code: str):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def hub(siglip_folder) -> Iterator[str]:
    Hub.folder = siglip_folder
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def fetch(home: Path, endpoint: str, name: str, revision: str = "", **more: str) -> dict:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("HF_", "http", "HTTP"))},
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-c", FETCH, name, revision], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_download_then_cache(hub, tmp_path, siglip_folder):
    found = fetch(tmp_path, hub, "org/tiny")
    assert found["revision"] == COMMIT
    weights = Path(found["folder"]) / "model.safetensors"
    assert weights.read_bytes() == (siglip_folder / "model.safetensors").read_bytes()
    assert found["notes"][0] == ["downloading org/tiny", 0, 0]
    size = sum(file.stat().st_size for file in siglip_folder.iterdir())
    assert found["notes"][-1] == ["downloading org/tiny", size, size]
    again = fetch(tmp_path, "http://127.0.0.1:9", "org/tiny")  # nobody there: the cache answers
    assert again["folder"] == found["folder"]
    assert again["notes"] == []


def test_what_the_hub_refuses(hub, tmp_path):
    assert "accept its licence" in fetch(tmp_path, hub, "org/gated")["error"]
    assert "there is no model org/none" in fetch(tmp_path, hub, "org/none")["error"]
    assert "has no revision none" in fetch(tmp_path, hub, "org/tiny", "none")["error"]


def test_a_hub_that_cannot_be_reached(tmp_path):
    assert "cannot be reached" in fetch(tmp_path, "http://127.0.0.1:9", "org/tiny")["error"]
    assert "HF_HUB_OFFLINE" in fetch(tmp_path, "http://127.0.0.1:9", "org/tiny", HF_HUB_OFFLINE="1")["error"]
