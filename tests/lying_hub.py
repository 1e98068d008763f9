"""A hub whose answers are false: a table of lies, each told at every kind of answer, and what must become of them.

What must hold: one sentence or a model, within a time; no file outside the caches; and afterwards the same cache, asked
of an honest hub, gives every byte of the model.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.hub import FETCH, Handler, Hub, serving
from vlmtui.models.loading import safetensors_header

NAME = "org/tiny"
LIMIT_S = 40.0
KINDS = ("api", "small", "weights", "head")
"""Answers: what the hub knows of the model and its files, a small file, a range of weights, the head of a file."""


@dataclass
class Answer:
    """An answer of the hub: its status, its headers by their names in lower case, its body.

    `pause` is the seconds between two bytes of the body; `endless` sends it again and again.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    pause: float = 0.0
    endless: bool = False

    @classmethod
    def parse(cls, raw: bytes) -> Answer:
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return cls(int(first.split()[1]), headers, body)

    def with_body(self, body: bytes) -> Answer:
        self.body = body
        self.headers["content-length"] = str(len(body))
        return self

    def with_json(self, change: Callable[[Any], Any]) -> Answer:
        return self.with_body(json.dumps(change(json.loads(self.body))).encode())


Lie = Callable[[Answer, int], Answer | None]
"""A false answer, from the true one and how many were given before; None where there is none to be made of it."""


@dataclass
class LyingHub(Hub):
    """Tells `lie` at every answer of `kind`."""

    lie: Lie | None = None
    kind: str = ""
    count: int = 0
    told: int = 0


class _Liar(Handler):
    def do_GET(self) -> None:  # noqa: N802
        hub: LyingHub = self.server.hub
        real, self.wfile = self.wfile, io.BytesIO()  # type: ignore[assignment]
        try:
            super().do_GET()
            raw = self.wfile.getvalue()  # type: ignore[attr-defined]
        finally:
            self.wfile = real
        answer, lie = Answer.parse(raw), hub.lie
        if lie is not None and hub.kind == self._kind() and answer.status < 300:
            false = lie(answer, hub.count)
            hub.count += 1
            hub.told += false is not None
            answer = false or answer
        self._write(answer, lambda: hub.lie is not lie)

    do_HEAD = do_GET  # noqa: N815

    def _kind(self) -> str:
        path = self.path.partition("?")[0]
        if path.startswith("/api/"):
            return "api"
        if self.command == "HEAD":
            return "head"
        return "weights" if path.endswith(".safetensors") else "small"

    def _write(self, answer: Answer, is_over: Callable[[], bool]) -> None:
        headers = answer.headers | {"connection": "close"}
        lines = [f"HTTP/1.1 {answer.status} x", *(f"{name}: {value}" for name, value in headers.items())]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
        self.close_connection = True
        step = 1 if answer.pause else max(1, len(answer.body))
        for at in itertools.count(0, step) if self.command == "GET" else ():
            if (at >= len(answer.body) and not answer.endless) or (at and is_over()):
                break
            at %= max(1, len(answer.body))
            self.wfile.write(answer.body[at : at + step])
            if answer.pause:
                self.wfile.flush()
                time.sleep(answer.pause)


def _header(name: str, value: str | None) -> Lie:
    def lie(answer: Answer, before: int) -> Answer | None:
        if name not in answer.headers:
            return None
        if value is None:
            del answer.headers[name]
        else:
            answer.headers[name] = value
        return answer

    return lie


def _added(**headers: str) -> Lie:
    def lie(answer: Answer, before: int) -> Answer:
        answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer

    return lie


def _moved(location: str) -> Lie:
    return lambda answer, before: Answer(302, answer.headers | {"location": location, "content-length": "0"}, b"")


def _refused(status: int, **headers: str) -> Lie:
    return lambda answer, before: Answer(status, {"content-length": "0", **headers}, b"")


def _body(make: Callable[[bytes], bytes], **headers: str) -> Lie:
    def lie(answer: Answer, before: int) -> Answer:
        answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer.with_body(make(answer.body))

    return lie


def _whole(answer: Answer, before: int) -> Answer | None:
    if answer.status != 206:
        return None
    answer.status = 200
    del answer.headers["content-range"]
    return answer


def _shorter_range(answer: Answer, before: int) -> Answer | None:
    return answer.with_body(answer.body[: len(answer.body) // 2]) if answer.status == 206 else None


def _range(make: Callable[[int, int, int], str]) -> Lie:
    def lie(answer: Answer, before: int) -> Answer | None:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("content-range", ""))
        if found is None:
            return None
        first, last, size = map(int, found.groups())
        answer.headers["content-range"] = make(first, last, size)
        return answer

    return lie


def _json(change: Callable[[Any], Any]) -> Lie:
    return lambda answer, before: answer.with_json(change) if answer.body.lstrip()[:1] in (b"{", b"[") else None


def _listed(name: str) -> Lie:
    """One more file in the hub's lists, which is sent as a file of the model when it is asked for."""

    return _json(lambda v: v | {"siblings": [*v["siblings"], {"rfilename": name}]} if "siblings" in v else v)


def _entries(change: Callable[[dict[str, Any]], Any]) -> Lie:
    """Another header of a safetensors file, where the answer has all of it."""

    def lie(answer: Answer, before: int) -> Answer | None:
        if not answer.headers.get("content-range", "").startswith("bytes 0-"):
            return None
        (count,) = struct.unpack("<Q", answer.body[:8])
        entries = json.loads(answer.body[8 : 8 + count])
        first = next(key for key in entries if key != "__metadata__")
        text = json.dumps(change(entries[first]) or entries).encode()
        if len(text) > count:
            text = text[:count]
        answer.body = answer.body[:8] + text.ljust(count) + answer.body[8 + count :]
        return answer

    return lie


def _length(count: int) -> Lie:
    def lie(answer: Answer, before: int) -> Answer | None:
        if not answer.headers.get("content-range", "").startswith("bytes 0-"):
            return None
        answer.body = struct.pack("<Q", count) + answer.body[8:]
        return answer

    return lie


def _grows(answer: Answer, before: int) -> Answer | None:
    """The file is one byte longer at each question, and what is asked for is sent."""
    return _range(lambda first, last, size: f"bytes {first}-{last}/{size + before}")(answer, before)


def _slow(pause: float, endless: bool) -> Lie:
    def lie(answer: Answer, before: int) -> Answer:
        if endless:
            answer.headers.pop("content-length", None)
        answer.pause, answer.endless, answer.body = pause, endless, answer.body or b" "
        return answer

    return lie


def _endless(answer: Answer, before: int) -> Answer:
    answer.headers.pop("content-length", None)
    answer.endless, answer.body = True, answer.body.ljust(1 << 16)
    return answer


@cache
def _bomb(times: int) -> bytes:
    """Blanks, more than the client takes of any answer, compressed so many times."""
    return gzip.compress(_bomb(times - 1) if times > 1 else b" " * (96 << 20))


_OUTSIDE = ("../../../../evil.json", "../evil.txt", "/{root}/evil.json", "..\\..\\evil.json", "a\x00b.json", "x" * 300)
LIES: dict[str, Lie] = {
    "a length that is too short": _header("content-length", "3"),
    "a length that is too long": _header("content-length", "100000000"),
    "a negative length": _header("content-length", "-5"),
    "a huge length": _header("content-length", str(1 << 70)),
    "a length in words": _header("content-length", "many"),
    "no length": _header("content-length", None),
    "all of a file for a part": _whole,
    "half of a range": _shorter_range,
    "another range": _range(lambda first, last, size: f"bytes {first + 1}-{last + 1}/{size}"),
    "a range of no known size": _range(lambda first, last, size: f"bytes {first}-{last}/*"),
    "a range of a huge file": _range(lambda first, last, size: f"bytes {first}-{last}/{1 << 62}"),
    "a range of a negative file": _range(lambda first, last, size: f"bytes {first}-{last}/-1"),
    "a range in digits of another script": _range(lambda first, last, size: f"bytes {first}-{last}/²"),
    "no range": _header("content-range", None),
    "a file that grows": _grows,
    "a redirect in a circle": lambda answer, before: _moved(f"/api/models/{NAME}/{before}")(answer, before),
    "a redirect to a file": _moved("file:///etc/passwd"),
    "a redirect to another scheme": _moved("gopher://127.0.0.1/x"),
    "a redirect to nowhere": _moved(""),
    "a redirect to no address": _moved("http://[::1"),
    "a redirect to a closed port": _moved("http://127.0.0.1:1/x"),
    "no etag": _header("etag", None),
    "an etag that names a folder": _header("etag", '"../../../evil"'),
    "another etag each time": lambda answer, before: _header("etag", f'"{before}"')(answer, before),
    "another commit": _header("x-repo-commit", "f" * 40),
    "a commit that names a folder": _header("x-repo-commit", "../../evil"),
    "a linked size that is negative": _header("x-linked-size", "-1"),
    "a linked size in words": _header("x-linked-size", "many"),
    "a linked size that is huge": _header("x-linked-size", str(1 << 70)),
    "a web page": _body(lambda body: b"<html>Welcome to the hotel</html>", content_type="text/html; charset=utf-8"),
    "a web page that says it is none": _body(lambda body: b"<html>Welcome</html>"),
    "half of the body": _body(lambda body: body[: len(body) // 2]),
    "an empty body": _body(lambda body: b""),
    "null": _body(lambda body: b"null"),
    "a list": _body(lambda body: b"[1, 2]"),
    "a number": _body(lambda body: b"7"),
    "an object of other keys": _body(lambda body: b'{"a": {"b": 1}}'),
    "a deep list": _body(lambda body: b"[" * 100_000),
    "bytes that are no UTF-8": _body(lambda body: b'{"\xff": 1}'),
    "a compressed body that is none": _body(lambda body: b"no gzip", content_encoding="gzip"),
    "a compressed body of gigabytes": _body(lambda body: _bomb(1), content_encoding="gzip"),
    "a body compressed twice": _body(lambda body: _bomb(2), content_encoding="gzip, gzip"),
    "a body compressed in another way": _body(lambda body: zlib.compress(_bomb(1)), content_encoding="deflate"),
    "files that have no name": _json(lambda v: v | {"siblings": [{}]} if "siblings" in v else v),
    "files named by numbers": _json(lambda v: v | {"siblings": [{"rfilename": 7}]} if "siblings" in v else v),
    "files that are a word": _json(lambda v: v | {"siblings": "many"} if "siblings" in v else v),
    "a commit of the model that names a folder": _json(lambda v: v | {"sha": "../../../evil"} if "sha" in v else v),
    "a commit of the model that is a number": _json(lambda v: v | {"sha": 7} if "sha" in v else v),
    "no commit of the model": _json(lambda v: v | {"sha": None} if "sha" in v else v),
    **{f"a file named {name!r:.30}": _listed(name) for name in _OUTSIDE},
    "a tensor that begins behind the end": _entries(lambda one: one.update(data_offsets=[1 << 40, (1 << 40) + 4])),
    "a tensor that ends before it begins": _entries(lambda one: one.update(data_offsets=[8, 0])),
    "a tensor at a negative place": _entries(lambda one: one.update(data_offsets=[-8, 8])),
    "a tensor at half a byte": _entries(lambda one: one.update(data_offsets=[0.5, 8.5])),
    "a tensor of two places": _entries(lambda one: one.update(data_offsets=[0, 8, 16])),
    "a tensor of another shape": _entries(lambda one: one.update(shape=[3])),
    "a tensor of a negative shape": _entries(lambda one: one.update(shape=[-1])),
    "a tensor of a huge shape": _entries(lambda one: one.update(shape=[1 << 62, 1 << 62])),
    "a tensor of another dtype": _entries(lambda one: one.update(dtype="F64")),
    "a tensor of an unknown dtype": _entries(lambda one: one.update(dtype=["x"])),
    "a header that is a list": _entries(lambda one: [one]),
    "a header of no bytes": _length(0),
    "a header longer than the file": _length(1 << 26),
    "a header of no end": _length((1 << 64) - 1),
    "a byte a while": _slow(0.5, False),
    "a byte a while, without end": _slow(0.5, True),
    "bytes without end": _endless,
    "status 429": _refused(429),
    "status 429, with a long wait": _refused(429, **{"Retry-After": "100000"}),
    "status 503": _refused(503),
    "status 500": _refused(500),
    "status 418": _refused(418),
    "status 204": _refused(204),
    "status 416": _refused(416),
    "a header of many lines": _added(**{f"x-{i}": "y" * 60_000 for i in range(8)}),
    "a retry in words": _added(retry_after="soon"),
}


class LyingHubTrial:
    """Lies told about the model in `folder`. `fetch` fetches it into the cache `own` below a folder."""

    def __init__(self, folder: Path, home: Path, hub: LyingHub, fetch: Callable[[Path], dict[str, Any]]) -> None:
        self._folder, self._home, self._hub, self._fetch = folder, home, hub, fetch
        self._number = 0

    def outcome(self, lie: Lie, kind: str) -> str | None:
        """Why a lie was not held, or "" where it was; None where it could not be told."""
        hub, self._number = self._hub, self._number + 1
        root = self._home / str(self._number)
        home = root / "a" / "b"
        cache = home / "own"
        cache.mkdir(parents=True)
        hub.lie, hub.kind, hub.count, hub.told = lie, kind, 0, 0
        begun = time.monotonic()
        found = self._fetch(home)
        took = time.monotonic() - begun
        hub.lie = None
        if not hub.told:
            return None
        if "lost" in found:
            return found["lost"].strip().splitlines()[-1][:200]
        if took > LIMIT_S:
            return f"it took {took:.0f} s"
        if (error := found.get("error", ".")) and ("\n" in error or "Traceback" in error or not error.strip()):
            return f"no sentence: {error[:200]!r}"
        if outside := [path for path in root.rglob("*") if path.is_file() and cache not in path.parents]:
            return f"{outside[0]} lies outside the cache"
        again = self._fetch(home)
        if "folder" not in again:
            return f"afterwards, of an honest hub: {(again.get('error') or again['lost'])[-200:]}"
        return self._difference(Path(again["folder"]))

    def _difference(self, folder: Path) -> str:
        """What of the model in a cache is not as it is on the hub, or ""."""
        for file in self._folder.iterdir():
            if file.suffix == ".safetensors" or file.name == "model.safetensors.index.json":
                continue  # another one in the cache
            if not (folder / file.name).is_file() or (folder / file.name).read_bytes() != file.read_bytes():
                return f"{file.name} is not that of the hub"
        true = _tensors(self._folder)
        for key, data in _tensors(folder).items():
            if true.get(key) != data:
                return f"{key} is not that of the hub"
        return ""


def _tensors(folder: Path) -> dict[str, bytes]:
    found = {}
    for file in folder.glob("*.safetensors"):
        data = file.read_bytes()
        found |= {tensor.key: data[tensor.start : tensor.end] for tensor in safetensors_header.read(file)}
    return found


def lying_hub(models: dict[str, Path]) -> AbstractContextManager[LyingHub]:
    """Serve folders as models, and lie when it is told to."""
    return serving(models, LyingHub, _Liar)


@contextmanager
def lying(folder: Path, home: Path) -> Iterator[LyingHubTrial]:
    """A hub that can lie about the model in `folder`, and a process that asks it."""
    kept = {key: value for key, value in os.environ.items() if not key.lower().startswith(("hf_", "http", "all_proxy"))}
    home.mkdir(exist_ok=True)
    with lying_hub({NAME: folder}) as hub:
        env = kept | {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, "-c", FETCH], env=env, text=True, **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said, heard = process.stdin, process.stdout

            def fetch(own: Path) -> dict[str, Any]:
                request = {"env": {"VLMTUI_CACHE": str(own / "own")}, "asked": [(NAME, None, 0)]}
                said.write(json.dumps(request) + "\n")
                said.flush()
                answer: dict[str, Any] = json.loads(heard.readline() or '[{"lost": "the process has ended"}]')[0]
                return answer

            yield LyingHubTrial(folder, home, hub, fetch)
            process.kill()
