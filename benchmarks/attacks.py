"""Attacks on what takes input of strangers: `python -m benchmarks.attacks [--tries N] [NAME]...`, all without a name.

Each prints how many inputs were tried, how many were held (answered, or refused in a sentence, and all else went on),
and how many were lost, the first of them by name. The status is 1 where any was lost. Processes are limited to 4 GB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vlmtui.errors import ModelError, SessionError

MEMORY = 4 << 30
WAIT_S = 30.0
Outcome = tuple[str, str]
"""What was tried, and why it was lost, or "" where it was held."""


def frames(rng: random.Random, tries: int) -> Iterator[Outcome]:
    """Spoilt frames of the session's protocol: the session answers others afterwards."""
    from vlmtui.session import protocol as m
    from vlmtui.session import typed_lenses, wire
    from vlmtui.session.connection import Connection
    from vlmtui.session.server import SessionServer

    server = SessionServer("log", private=False, end=lambda status: None)
    good = [
        wire.frame(m.Request(1, m.Hello())),
        wire.frame(m.Request(2, m.Read("a.png", b"\x89PNG", "00" * 32, 100))),
        wire.frame(m.Request(3, typed_lenses.words("reading-1", "l2", 8, (1, 2)).body)),
        wire.frame(m.Request(4, m.AskStatus())),
    ]

    def connected() -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(WAIT_S)
        threading.Thread(target=server.serve, args=(Connection.over_socket(theirs),), daemon=True).start()
        return ours

    for number in range(tries):
        spoilt = bytearray(wire.PREAMBLE + rng.choice(good))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(spoilt))
            spoilt[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 4))
        with contextlib.redirect_stderr(open(os.devnull, "w")), connected() as bad, connected() as other:
            with contextlib.suppress(OSError):
                bad.sendall(spoilt)
                bad.shutdown(socket.SHUT_WR)
            try:
                other.sendall(wire.PREAMBLE + good[3])
                read = other.makefile("rb").read
                wire.read_preamble(read)
                held = isinstance(m.decode_reply(wire.read_frame(read) or b"").body, m.Status)
                yield f"frame {number}", "" if held else "another answer"
            except Exception as error:
                yield f"frame {number} {bytes(spoilt)!r}", repr(error)


def checkpoints(rng: random.Random, tries: int) -> Iterator[Outcome]:
    """Values of a `config.json` replaced: the model's shapes, or one sentence."""
    from vlmtui.models.loading.checkpoint import Checkpoint, read_config
    from vlmtui.models.loading.loader import empty_model

    demo = Path(__file__).parents[1] / "vlmtui" / "demo" / "weights" / "demo"
    wrong: list[Any] = [None, True, -1, 0, 1, 3, 1 << 20, 1 << 40, 1e400, 0.5, "", "x", [], {}, [1], {"a": 1}]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "it")
        shutil.copytree(demo, folder)
        whole = json.loads((folder / "config.json").read_text())
        for _ in range(tries):
            config = json.loads(json.dumps(whole))
            part = rng.choice([config, *(value for value in config.values() if isinstance(value, dict))])
            key, value = rng.choice(list(part)), rng.choice(wrong)
            part[key] = value
            (folder / "config.json").write_text(json.dumps(config))
            what = f"{key} = {value!r}"
            try:
                empty_model(Checkpoint("it", folder, None, read_config(folder, "it")))
                yield what, ""
            except ModelError:
                yield what, ""
            except BaseException as error:
                yield what, f"{type(error).__name__}: {str(error)[:100]}"


def requests(rng: random.Random, tries: int) -> Iterator[Outcome]:
    """Spoilt requests and idle connections to `vlmtui serve`: it answers another client, and never with 500."""
    from tests.web.server import ready

    good = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n\r\n",
        b"POST /process-image/?similarity=l2&num_words=3 HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 60\r\n\r\n"
        b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n",
        b"GET /queue/0123456789 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: vlmtui=\xff\r\n\r\n",
    )
    with ready() as server, contextlib.ExitStack() as idle:
        at = urlsplit(server.address)
        place = (at.hostname or "", at.port or 0)
        for _ in range(600):
            with contextlib.suppress(OSError):
                idle.enter_context(socket.create_connection(place, 5, ("127.0.0.2", 0)))
        for number in range(tries):
            spoilt = bytearray(rng.choice(good))
            for _ in range(rng.randint(0, 4)):
                where = rng.randrange(len(spoilt))
                spoilt[where : where + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 4))
            answer = b""
            with contextlib.suppress(OSError), socket.create_connection(place, 5) as bad:
                bad.settimeout(0.3)
                bad.sendall(spoilt)
                answer = bad.recv(64)
            try:
                with socket.create_connection(place, WAIT_S) as other:
                    other.sendall(b"GET /readiness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    alive = other.recv(64).startswith(b"HTTP/1.1 200")
            except OSError:
                alive = False
            lost = "the server does not answer" if not alive else "status 500" if b" 500 " in answer[:20] else ""
            yield f"request {number} {bytes(spoilt)!r}", lost


def kills(rng: random.Random, tries: int) -> Iterator[Outcome]:
    """A session killed at a random moment: whoever waits is told within seconds."""
    from vlmtui.session.client import SessionClient

    for number in range(tries):
        client = SessionClient.start()
        waiting = client.load("demo", device="cpu")
        time.sleep(rng.uniform(0.0, 4.0))
        with contextlib.suppress(OSError):
            os.kill(client.pid or 0, signal.SIGKILL) if client.pid else None
        try:
            waiting.result(WAIT_S)
            client.status().result(WAIT_S)
            yield f"kill {number}", "the session lives"
        except SessionError:
            yield f"kill {number}", ""
        except BaseException as error:
            yield f"kill {number}", repr(error)
        client.close()


def hubs(rng: random.Random, tries: int) -> Iterator[Outcome]:
    """False answers of a hub: one sentence or the model, nothing outside the cache, and the whole model afterwards."""
    from tests.lying_hub import KINDS, LIES, lying
    from tests.tiny_checkpoints import build_llava

    with tempfile.TemporaryDirectory() as home:
        for name, size in (("one file", "1GB"), ("shards", "100KB")):
            with lying(build_llava(Path(home, name), "clip", max_shard_size=size), Path(home, size)) as trial:
                told = [(lie, kind) for lie in LIES for kind in KINDS]
                for lie, kind in rng.sample(told, min(len(told), tries // 2)):
                    why = trial.outcome(LIES[lie], kind)
                    if why is not None:
                        yield f"{lie}, {kind}, {name}", why


ATTACKS: dict[str, tuple[Callable[[random.Random, int], Iterator[Outcome]], int]] = {
    "frames": (frames, 2_000),
    "checkpoints": (checkpoints, 300),
    "requests": (requests, 200),
    "kills": (kills, 10),
    "hubs": (hubs, 1_000),
}


def main(argv: list[str]) -> int:
    """Run the named attacks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attacks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ATTACKS))
    parser.add_argument("--tries", type=int, help="inputs of each attack")
    asked = parser.parse_args(argv)
    if unknown := [name for name in asked.names if name not in ATTACKS]:
        parser.error(f"no attack {unknown[0]}: choose {', '.join(ATTACKS)}")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    print("| attack | tried | held | lost | the first lost |\n| --- | --- | --- | --- | --- |")
    status = 0
    for name in asked.names or ATTACKS:
        attack, usual = ATTACKS[name]
        found = list(attack(random.Random(0), asked.tries or usual))
        lost = [f"{what}: {why}" for what, why in found if why]
        first = lost[0].replace("|", "\\|") if lost else ""
        print(f"| {name} | {len(found)} | {len(found) - len(lost)} | {len(lost)} | {first} |", flush=True)
        status = status or int(bool(lost))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
