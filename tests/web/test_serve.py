"""`vlmtui serve` as a client meets it: a real server with the demo model."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.waiting import children, gone, until
from tests.web.server import Serving, picture, ready, serving
from vlmtui.web.connections import CONNECTIONS

ROOT = Path(__file__).parents[2]
TOKEN = "a-long-enough-token"


@pytest.fixture(scope="module")
def no_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with nothing in it."""
    return str(tmp_path_factory.mktemp("no-model"))


@pytest.fixture(scope="module")
def server(no_model: str) -> Iterator[Serving]:
    limits = ("--rate", "10000", "--max-bytes", "200000", "--max-pixels", "250000")
    with ready("-m", "demo", "-m", no_model, *limits) as server:
        yield server


def test_a_picture_comes_back_as_its_page(server: Serving) -> None:
    answer = server.post(picture(), "/process-image/?similarity=ompp&num_words=3")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-queue-place"] == "0"
    assert "<b>&.png" not in answer.text
    assert '"metric":"omp-positive"' in answer.text
    assert '"k":3' in answer.text


def test_the_report_is_the_contract_s(server: Serving) -> None:
    found = json.loads(server.post(picture(), "/report/").text)
    assert found["schema"] == "vlmtui/report/1"
    assert (found["query"]["metric"], found["query"]["k"]) == ("omp", 10)
    assert found["image"]["width"] == 32
    assert len(found["tokens"][0]["words"]) == 10


@pytest.mark.parametrize(
    ("data", "path", "status", "said"),
    [
        (b"no picture", "/process-image/", 400, "choose one such as PNG, JPEG or WebP"),
        (b"", "/process-image/", 400, "is empty"),
        (picture()[:60], "/process-image/", 400, "damaged or truncated"),
        (picture(600), "/process-image/", 400, "more than the limit of 250,000: make it smaller\n"),
        (picture(600), "/report/", 400, "more than the limit of 250,000: make it smaller\n"),
        (b"x" * 300_000, "/process-image/", 413, "make it smaller"),
        (picture(), "/process-image/?similarity=best", 400, "similarity is not one of omp, ompp, l2, cosine, dot\n"),
        (picture(), "/process-image/?num_words=0", 400, "num_words must be a number from 1 to 20\n"),
        (picture(), "/process-image/?num_words=21", 400, "num_words must be a number"),
        (picture(), "/process-image/?num_words=ten", 400, "num_words must be a number"),
        (
            picture(),
            "/report/?lens=pca",
            400,
            "no field lens: choose from file, address, model, similarity, ",
        ),
        (picture(), "/process-image/?model=../secret", 400, "model is not one of the models served here: demo, "),
    ],
)
def test_what_is_off_is_told_in_one_sentence(server: Serving, data: bytes, path: str, status: int, said: str) -> None:
    answer = server.post(data, path)
    assert answer.status_code == status, answer.text
    assert answer.text.count("\n") == 1
    assert said in answer.text
    assert "Traceback" not in answer.text


def test_no_form_and_no_file(server: Serving) -> None:
    assert server.post(None).status_code == 400
    boundary = {"content-type": "multipart/form-data; boundary=x"}
    broken = httpx.post(f"{server.address}/report/", content=b"broken", headers=boundary)
    assert broken.status_code == 400
    assert ": send it as curl -F file=@photo.jpg does" in broken.text
    text = {"file": (None, "photo.jpg")}  # as curl -F file=photo.jpg sends it
    assert "is a text, not a file" in httpx.post(f"{server.address}/report/", files=text).text
    both = httpx.post(f"{server.address}/report/", files={"file": picture()}, data={"address": "http://a.example/"})
    assert (both.status_code, both.text) == (400, "there are both a file and an address: send one of them\n")


def test_a_browser_gets_the_form_and_a_page_for_an_error(server: Serving) -> None:
    form = httpx.get(f"{server.address}/")
    assert form.status_code == 200
    assert 'enctype="multipart/form-data"' in form.text
    assert "unsafe" not in form.headers["content-security-policy"]
    refused = server.post(b"no picture", headers={"accept": "text/html"})
    assert refused.status_code == 400
    assert "&lt;b&gt;&amp;.png" in refused.text
    assert "<b>&" not in refused.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9", "localhost:9", "169.254.169.254", "[::1]:9", "0x7f.1", "[::ffff:7f00:1]"]
)
def test_addresses_that_are_not_public_are_refused(server: Serving, host: str) -> None:
    answer = httpx.post(f"{server.address}/report/", files={"address": (None, f"http://{host}/x.png")}, timeout=60)
    assert answer.status_code == 400
    assert "not a public host" in answer.text


def test_file_addresses_are_refused(server: Serving) -> None:
    answer = httpx.post(f"{server.address}/report/", files={"address": (None, "file:///etc/passwd")}, timeout=60)
    assert answer.status_code == 400
    assert "only http and https" in answer.text


def test_another_site_and_another_name_are_refused(server: Serving) -> None:
    assert httpx.get(f"{server.address}/", headers={"host": "evil.example"}).status_code == 403
    assert server.post(picture(), headers={"origin": "http://evil.example"}).status_code == 403
    assert server.post(picture(), headers={"origin": "null"}).status_code == 403
    assert server.post(picture(), headers={"origin": server.address}).status_code == 200


@pytest.mark.skipif(sys.platform == "darwin", reason="has no second address of its own")
def test_idle_connections_shut_nobody_else_out(server: Serving) -> None:
    port = int(server.address.rpartition(":")[2])
    with contextlib.ExitStack() as idle:
        for _ in range(CONNECTIONS):
            idle.enter_context(socket.create_connection(("127.0.0.1", port)))
        # of another client
        transport = httpx.HTTPTransport(local_address="127.0.0.2")
        other = idle.enter_context(httpx.Client(transport=transport, timeout=20))
        assert other.get(f"{server.address}/").status_code == 200


def test_twenty_at_once(server: Serving) -> None:
    sent = [picture(32 + i) for i in range(8)] + [b"bad" * i for i in range(1, 7)] + [os.urandom(600_000)] * 6
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda data: server.post(data, "/report/?similarity=l2"), sent))
    assert [answer.status_code for answer in answers] == [200] * 8 + [400] * 6 + [413] * 6
    assert [json.loads(answer.text)["image"]["width"] for answer in answers[:8]] == [32 + i for i in range(8)]
    (session,) = children(server.process.pid)
    assert _peak(server.process.pid) < 1 << 29
    assert _peak(session) < 1 << 30


def test_a_model_that_cannot_be_loaded_is_not_to_be_tried_again(server: Serving, no_model: str) -> None:
    answer = server.post(picture(), f"/report/?model={no_model}")
    assert answer.status_code == 500
    assert "cannot be loaded here" in answer.text
    assert "retry-after" not in answer.headers
    assert server.post(picture(), "/report/?model=demo").status_code == 200, "the others still can"


def test_the_documented_requests_work(server: Serving, tmp_path: Path) -> None:
    lines = [line for line in (ROOT / "docs" / "server.md").read_text().splitlines() if line.startswith("curl ")]
    assert len(lines) == 2
    (tmp_path / "photo.jpg").write_bytes(picture())
    for line, begin in zip(lines, ("<!doctype html>", '{"schema":"vlmtui/report/1"'), strict=True):
        command = line.replace("localhost:8000", server.address)
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
        file = tmp_path / "photo.html"
        assert (file.read_text() if "-o photo.html" in line else done.stdout).startswith(begin), done.stdout


def test_a_client_that_hangs_up_does_not_hold_the_queue(server: Serving) -> None:
    for _ in range(40):  # more than there are places
        with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as line:
            line.sendall(
                b"POST /report/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            )
    until(lambda: server.post(picture(), "/report/").status_code == 200)


def test_who_waits_and_hangs_up_leaves_the_queue(server: Serving) -> None:
    with ThreadPoolExecutor(1) as pool, asked_and_stopped(server, pool) as first:
        form = httpx.Request("POST", server.address, files={"file": ("a.png", picture(), "image/png")})
        head = f"POST /report/?ticket={'x' * 16} HTTP/1.1\r\nHost: localhost\r\n"
        fields = "".join(f"{name}: {form.headers[name]}\r\n" for name in ("content-type", "content-length"))
        with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as line:
            line.sendall(f"{head}{fields}\r\n".encode() + form.read())
            place = f"{server.address}/queue/{'x' * 16}"
            until(lambda: httpx.get(place).is_success)
            assert httpx.get(place).json() == {"before": 1}
        until(lambda: httpx.get(place).status_code == 404)
    assert first.result().status_code == 200


def test_a_session_that_is_killed_is_started_again(server: Serving) -> None:
    (session,) = children(server.process.pid)
    with ThreadPoolExecutor(4) as pool, asked_and_stopped(server, pool) as first:
        others = [pool.submit(server.post, picture(), "/report/?similarity=l2") for _ in range(3)]
        os.kill(session, signal.SIGKILL)
        assert first.result().status_code == 503, "it was in flight"
        assert "retry-after" in first.result().headers
        assert {other.result().status_code for other in others} <= {200, 503}
    until(lambda: server.post(picture(), "/report/").status_code == 200, 120)


def test_other_paths_and_methods_are_refused_as_everything_is(server: Serving) -> None:
    post = "POST an image here, as the multipart field `file`\n"
    for method, path, status, said in (
        ("GET", "/no", 404, "there is nothing to GET here"),
        ("GET", "/process-image/", 405, post),
        ("GET", "/report/", 405, post),
        ("POST", "/report", 404, "there is nothing to POST here"),
    ):
        answer = httpx.request(method, f"{server.address}{path}")
        assert answer.status_code == status
        assert answer.text.startswith(said)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_more_than_the_rate_is_told_to_wait() -> None:
    with serving("--rate", "2") as server:
        answers = [server.post(b"", "/report/?num_words=0") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 30


def test_initializing_until_loaded_then_ctrl_c_ends_all() -> None:
    with serving() as server:
        first = httpx.get(f"{server.address}/readiness")
        assert (first.status_code, first.json()) == (503, {"status": "initializing"})
        until(server.ready, 120)
        (session,) = children(server.process.pid)
        answer = threading.Thread(target=lambda: _tried(server))
        answer.start()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5) == 130
        until(lambda: gone(session))
        answer.join()


def test_late_is_told() -> None:
    with ready("--seconds", "0.1") as server:
        answer = server.post(Path("sample_images/china.jpg").read_bytes(), "/process-image/")
        assert answer.status_code == 504
        assert "0.1 s" in answer.text


def test_a_token_is_needed_where_one_was_given() -> None:
    with serving("--token", TOKEN) as server:
        assert httpx.get(f"{server.address}/").status_code == 401
        assert server.post(picture()).status_code == 401
        assert httpx.get(f"{server.address}/readiness").status_code in (200, 503)
        assert httpx.get(f"{server.address}/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert httpx.get(f"{server.address}/", headers={"authorization": "Bearer wrong"}).status_code == 401
        with httpx.Client(base_url=server.address, follow_redirects=True) as client:
            assert "token" in client.get("/", headers={"accept": "text/html"}).text
            assert client.post("/token", files={"token": (None, "wrong")}).status_code == 401
            assert client.post("/token", files={"token": (None, "x" * 100_000)}).status_code == 413
            assert client.post("/token", content=b"no form").status_code == 401
            typed = client.post("/token", files={"token": (None, TOKEN)})
            assert typed.status_code == 200
            assert "form" in typed.text
            cookie = typed.history[0].headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert TOKEN not in cookie


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--token"),
        (["--host", "0.0.0.0", "--token", "short"], 2, "at least 16"),
        (["--host", ""], 2, "--host is empty: give a name or an address alone"),
        (["--host", "http://localhost"], 2, "--host http://localhost: give a name or an address alone"),
        (["-m", "no/folder/here"], 1, "no/folder/here"),
    ],
)
def test_what_does_not_start(options: list[str], status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vlmtui", "serve", "--port", "0", *options], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def asked_and_stopped(server: Serving, pool: ThreadPoolExecutor) -> Iterator[Future[httpx.Response]]:
    """A request that has reached the session, which does not answer before the end of the block."""
    until(server.ready, 120)
    (session,) = children(server.process.pid)
    os.kill(session, signal.SIGSTOP)
    try:
        asked = pool.submit(server.post, picture(), "/report/?similarity=l2")
        until(lambda: _unread(session))
        yield asked
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, signal.SIGCONT)


def _unread(pid: int) -> int:
    """Bytes that were sent to a process through pipes, and that it has not read."""
    unread = 0
    for end in Path(f"/proc/{pid}/fd").iterdir():
        flags = int(Path(f"/proc/{pid}/fdinfo/{end.name}").read_text().split("flags:")[1].split()[0], 8)
        if end.readlink().name.startswith("pipe:") and flags & os.O_ACCMODE == os.O_RDONLY:
            with end.open("rb", buffering=0) as pipe:
                unread += int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
    return unread


def _tried(server: Serving) -> None:
    with contextlib.suppress(httpx.HTTPError):
        server.post(picture())


def _peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) << 10
