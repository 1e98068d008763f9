"""A small hub on this machine that speaks the real one's protocol, to the real client.

Models are folders. It answers byte ranges, sends large files from a second address as the real one does, can want a
licence, refuse, die halfway, cut lines short, and counts what it sent.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
_BLOCK = 1 << 16


# a process of its own: the hub's client reads most of its environment when it is imported
FETCH = """
import gc
gc.disable()  # as a session does while it imports torch
import json, os, sys, time, traceback
from vlmtui.catalogue import ModelSource
from vlmtui.errors import ModelError
from vlmtui.models.loading import hub_answers, range_requests
from vlmtui.models.loading.model_folder import find_checkpoint
range_requests.WAITS_S = (0.0,)
hub_answers.PATIENCE_S = 2.0
hub_answers.MOST_OF_A_FILE = 32 << 20
time.sleep = lambda seconds: None  # the hub's client waits before it tries again
range_requests.CHUNK = range_requests.JOURNAL_EVERY = 1 << 18
def progress(*note):
    notes.append(note)
    print(json.dumps(note), file=sys.stderr, flush=True)
for line in sys.argv[1:] or sys.stdin:
    request = json.loads(line)
    os.environ.update(request["env"])
    answers = []
    for name, revision, layers in request["asked"]:
        notes = []
        try:
            found = find_checkpoint(ModelSource(name, None, name), revision, progress, decoder_layers=layers)
            answers.append({"folder": str(found.folder), "revision": found.revision, "notes": notes})
            if found.adapter is not None:
                answers[-1]["adapter"] = str(found.adapter)
        except ModelError as error:
            answers.append({"error": str(error)})
        except Exception:
            answers.append({"lost": traceback.format_exc()})
    print(json.dumps(answers), flush=True)
"""
"""What it finds, one after another: folder, revision and notes, or the error."""


@dataclass
class Hub:
    """What the server serves, how it misbehaves, and what it saw."""

    models: dict[str, Path]
    gated: frozenset[str] = frozenset()
    """Names whose files want a licence accepted; what is known of them is public, as on the real hub."""
    status: int = 0
    """Answer every file with this status, without an error code."""
    ranges: bool = True
    dies_after: int | None = None
    """Bytes of weights after which no request is answered and every line is cut."""
    cut_every: int | None = None
    """Each answer with weights ends after so many bytes."""
    storage: str = ""
    """Weights are sent from this address: set to the server's own under another name."""
    endpoint: str = ""
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes by file name."""
    spans: list[tuple[str, int, int]] = field(default_factory=list)
    """(file, first, end) of every range of weights that was sent, headers included."""
    tokens_at_storage: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def weights(self) -> int:
        """Bytes of weights that were sent."""
        return sum(size for file, size in self.sent.items() if file.endswith(".safetensors"))

    @property
    def dead(self) -> bool:
        return self.dies_after is not None and self.weights >= self.dies_after


class Handler(BaseHTTPRequestHandler):
    """Answers as the real hub does, but for how `Hub` says that it misbehaves."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        hub: Hub = self.server.hub
        path = unquote(urlsplit(self.path).path)
        if hub.dead:
            self.close_connection = True
            return
        if path.startswith("/api/models/"):
            self._api(hub, path.removeprefix("/api/models/"))
        elif path.startswith("/storage/"):
            if token := self.headers.get("Authorization"):
                hub.tokens_at_storage.append(token)
            self._file(hub, Path(path.removeprefix("/storage")))
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(hub, *found.groups())
        else:
            self._refuse(404, "EntryNotFound")

    do_HEAD = do_GET  # noqa: N815

    def _api(self, hub: Hub, rest: str) -> None:
        name, more = "/".join(rest.split("/")[:2]), "/".join(rest.split("/")[2:])
        if name not in hub.models:
            return self._refuse(404, "RepoNotFound")
        if more.startswith(("revision/none", "tree/none")):
            return self._refuse(404, "RevisionNotFound")
        files = sorted(path for path in hub.models[name].rglob("*") if path.is_file())
        paths = [path.relative_to(hub.models[name]).as_posix() for path in files]
        if more.startswith("tree"):
            of = zip(paths, (path.stat().st_size for path in files), strict=True)
            return self._json([{"type": "file", "path": path, "size": size, "oid": "0" * 40} for path, size in of])
        return self._json({"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in paths]})

    def _resolve(self, hub: Hub, name: str, revision: str, file: str) -> None:
        if name not in hub.models:
            return self._refuse(404, "RepoNotFound")
        if revision == "none":
            return self._refuse(404, "RevisionNotFound")
        if name in hub.gated:
            return self._refuse(403 if "Authorization" in self.headers else 401, "GatedRepo")
        if hub.status:
            return self._refuse(hub.status, None)
        target = hub.models[name] / file
        if not target.is_file():
            return self._refuse(404, "EntryNotFound")
        if hub.storage and file.endswith(".safetensors"):
            self.send_response(302)
            self._describe(target)
            self.send_header("Location", f"{hub.storage}/storage{target}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return self._file(hub, target)

    def _describe(self, target: Path) -> None:
        tag = hashlib.sha256(str(target).encode()).hexdigest()
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Size", str(target.stat().st_size))
        self.send_header("X-Linked-ETag", f'"{tag}"')
        self.send_header("ETag", f'"{tag}"')

    def _file(self, hub: Hub, target: Path) -> None:
        size = target.stat().st_size
        first, end = 0, size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = asked is not None and hub.ranges
        if asked is not None and part:
            first, end = int(asked[1]), min(int(asked[2]) + 1, size)
            if first >= size:
                return self._refuse(416, None)
        self.send_response(206 if part else 200)
        self._describe(target)
        self.send_header("Accept-Ranges", "bytes")
        if part:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - first))
        self.end_headers()
        if self.command == "GET":
            self._send(hub, target, first, end)
        return None

    def _send(self, hub: Hub, target: Path, first: int, end: int) -> None:
        weights = target.suffix == ".safetensors"
        at = first
        with target.open("rb") as file:
            file.seek(first)
            while at < end:
                count = min(_BLOCK, end - at)
                if weights and hub.cut_every:
                    count = min(count, hub.cut_every - (at - first))
                with hub.lock:
                    if weights and hub.dies_after is not None:
                        count = min(count, hub.dies_after - hub.weights)
                    count = max(0, count)
                    hub.sent[target.name] += count
                if not count:
                    self.close_connection = True
                    break
                self.wfile.write(file.read(count))
                at += count
        if weights and at > first:
            hub.spans.append((target.name, first, at))

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, code: str | None) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error."""


H = TypeVar("H", bound=Hub)


@contextmanager
def serving(models: dict[str, Path], kind: type[H] = Hub, handler: type[Handler] = Handler, **how: Any) -> Iterator[H]:
    """Serve folders as models for as long as the block lasts; `hub.endpoint` is what HF_ENDPOINT must be."""
    with _Server(("127.0.0.1", 0), handler) as server:
        hub = kind(models, **how)
        hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        # another name of the same machine: another host, as far as tokens are concerned
        hub.storage = f"http://localhost:{server.server_address[1]}"
        server.hub = hub
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
