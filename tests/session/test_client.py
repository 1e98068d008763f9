"""The real session as a real process: what it answers, who wins, and how it dies."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from tests.waiting import gone, until
from vlmtui.errors import (
    CancelledError,
    ImageError,
    ModelError,
    ProtocolError,
    ReadingGoneError,
    SessionError,
    UsageError,
)
from vlmtui.images.image_file import ImageFile
from vlmtui.session import protocol as m
from vlmtui.session import wire
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import _same_version

WAIT = 120  # seconds; only a failure takes that long


def png(width: int = 120, height: int = 80, seed: int = 0) -> ImageFile:
    rng = np.random.default_rng(seed)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "png", compress_level=1)
    return ImageFile(f"{seed}.png", out.getvalue(), f"{seed:064x}")


def reason_of(future: Future) -> str:
    error = future.exception(WAIT)
    assert isinstance(error, SessionError)
    return str(error)


DEATHS: list[str] = []
DIED = threading.Event()


def died(reason: str) -> None:
    DEATHS.append(reason)
    DIED.set()


@pytest.fixture(scope="module")
def client(siglip_folder):
    """One session with a model for all tests that leave it as it is, and for the last, which kills it."""
    client = SessionClient.start(on_death=died)
    notes: list[str] = []
    loading = client.load(str(siglip_folder), device="cpu", on_progress=lambda note: notes.append(note.doing))
    status = client.status().result(WAIT)
    # answered while torch is still being imported, and the load waits
    assert status.torch is None
    assert status.doing in ("starting", "importing torch")
    assert not loading.done()
    model = loading.result(WAIT)
    assert model.family == "llava"
    assert "reading weights" in notes
    yield client
    client.close()


def test_a_reading_and_its_words(client, siglip_folder):
    image = png()
    reading = client.read(image, prompt="What is it?").result(WAIT)
    assert (reading.image.width, reading.image.height, reading.image.sha256) == (120, 80, image.sha256)
    assert reading.prompt == "What is it?"
    assert reading.seen == "48×48, squashed"
    assert reading.patch_size == (8, 8)
    assert reading.grids[0].box == (0.0, 0.0, 120.0, 80.0)
    assert len(reading.places) == len(reading.norms) == len(reading.percentiles) == 36
    assert reading.grid_norms[0].patches.shape == (5, 36)
    assert reading.grid_norms[0].prefix.shape == (5, 0)
    assert set(reading.timings) >= {"decode", "prepare", "encode", "norms"}
    words = client.words(reading.id, "cosine", 5, tokens=(3, 35)).result(WAIT)
    assert words.tokens.tolist() == [3, 35]
    assert words.ids.shape == words.scores.shape == (2, 5)
    assert words.candidates + words.left_out == reading.model.embeddings[0]
    assert set(words.pieces) == {int(i) for i in words.ids.flat}
    every = client.words(reading.id, "dot", 10_000, all_tokens=True).result(WAIT)
    assert every.ids.shape == (36, 474)
    assert every.left_out == 0
    assert every.pieces[473] is None
    assert 459 in every.special


def test_words_and_percentiles_equal_brute_force(client, siglip_folder):
    from tests.lenses.kernels.test_nearest_neighbours import brute
    from tests.models.test_vlm import whole_model
    from vlmtui.images.decoding import decode

    image = png(60, 90, seed=5)
    model, tokens, _ = whole_model(siglip_folder, decode(image.data, image.source))
    reading = client.read(image).result(WAIT)
    np.testing.assert_allclose(reading.norms, tokens.double().norm(dim=1).numpy(), rtol=1e-6)
    matrix = model.get_input_embeddings().weight.detach()
    words = [i for i in range(461) if i not in (0, 1, 2, 459)]
    norms = matrix.double().norm(dim=1).numpy()[words]
    below = [100 * np.mean(norms < norm) for norm in tokens.double().norm(dim=1).numpy()]
    np.testing.assert_allclose(reading.percentiles, below, rtol=1e-6)
    assert reading.word_norm == pytest.approx(np.median(norms))
    assert reading.length_ratio == pytest.approx(np.median(reading.norms) / np.median(norms))
    for metric in ("l2", "cosine", "dot"):
        found = client.words(reading.id, metric, 8).result(WAIT)
        ids, scores = brute(tokens, matrix, np.array(words), metric, 8)
        assert found.ids.tolist() == ids
        np.testing.assert_allclose(found.scores, np.array(scores), rtol=1e-5, atol=1e-7)


def test_a_session_keeps_its_docstrings(monkeypatch):
    """transformers reads its own when it is imported, and fails without."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    with closing(SessionClient.start()) as optimised:
        assert optimised.load("demo", device="cpu").result().name == "demo"


def test_readings_have_ids_of_their_own(client):
    first, second = client.read(png()).result(WAIT), client.read(png()).result(WAIT)
    assert first.id != second.id
    assert client.words(first.id, "l2", 1, (0,)).result(WAIT).ids.shape == (1, 1)


def test_what_cannot_be_done_is_one_sentence(client):
    reading = client.read(png()).result(WAIT)
    cases = [
        (lambda: client.read(ImageFile("x.png", b"no picture", "")), ImageError),
        (lambda: client.read(png(), max_pixels=100), ImageError),
        (lambda: client.words("reading-0", "l2", 3), ReadingGoneError),
        (lambda: client.words(reading.id, "l2", 3, (36,)), UsageError),
        (lambda: client.words(reading.id, "l2", 0), UsageError),
        (lambda: client.words(reading.id, "l3", 1), UsageError),
        (lambda: client.words(reading.id, "l2", 1 << 70), UsageError),
        (lambda: client.answer(reading.id, "\udcff"), UsageError),
    ]
    for ask, kind in cases:
        error = ask().exception(WAIT)
        assert type(error) is kind
        assert "\n" not in str(error)
        assert "codec" not in str(error)
    # another model that does not exist leaves the one held in place
    assert isinstance(client.load("/no/such/folder").exception(WAIT), ModelError)
    assert client.status().result(WAIT).model is not None


def test_latest_reading_wins(client):
    images = [png(1500, 1500, seed=i) for i in range(5)]
    futures = [client.read(image) for image in images]
    done = [future.exception(WAIT) for future in futures]
    assert done[-1] is None
    assert all(isinstance(error, CancelledError) for error in done[:-1])


def test_words_of_one_and_of_all_are_different_questions(client):
    reading = client.read(png()).result(WAIT)
    busy = client.read(png(3000, 3000))  # the worker is at this while the questions come in
    whole_old, one_old = client.words(reading.id, "l2", 3), client.words(reading.id, "l2", 3, (1,))
    whole, one = client.words(reading.id, "dot", 3), client.words(reading.id, "dot", 3, (2,))
    assert isinstance(whole_old.exception(WAIT), CancelledError)
    assert isinstance(one_old.exception(WAIT), CancelledError)
    assert busy.result(WAIT).image.width == 3000
    assert whole.result(WAIT).ids.shape == (36, 3)
    assert one.result(WAIT).tokens.tolist() == [2]


def test_cancel(client):
    reading = client.read(png()).result(WAIT)
    busy = client.read(png(3000, 3000))
    words = client.words(reading.id, "l2", 3)
    client.cancel(words)
    client.cancel(busy)
    assert isinstance(words.exception(0), CancelledError)
    assert isinstance(busy.exception(0), CancelledError)
    client.cancel(words)  # once more does nothing
    assert client.words(reading.id, "l2", 3).result(WAIT).k == 3


def test_status(client):
    status = client.status().result(WAIT)
    assert status.pid == client.pid
    assert status.process_memory > 50 << 20
    assert status.devices[-1] == "cpu"
    assert status.torch
    assert status.transformers
    assert client.log.exists()


def test_a_mistake_in_a_callback_goes_to_its_caller(client):
    def broken(note):
        raise KeyError("mine")

    assert isinstance(client.read(png(), on_progress=broken).exception(WAIT), KeyError)
    assert client.status().result(WAIT).pid == client.pid


def test_killed_while_it_answers(siglip_folder):
    image = png(4000, 3000)
    client = SessionClient.start()
    client.load(str(siglip_folder), device="cpu").result(WAIT)
    pending = client.read(image)
    os.kill(client.pid, signal.SIGKILL)
    assert "killed (signal 9), by somebody or by the system, as when memory runs out" in reason_of(pending)
    client.close()


def test_an_address_of_the_hub_that_nothing_can_be_imported_with(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub:x")
    with pytest.raises(SessionError, match=r"HF_ENDPOINT http://hub:x is no address \(Port .*\): correct or unset it"):
        SessionClient.start()


def test_a_limit_of_processor_time_is_named():
    """The sentence about signal 9 claims no reason that is not known; signal 24 has only one."""
    client = SessionClient.start()
    pid = client.status().result(WAIT).pid
    resource.prlimit(pid, resource.RLIMIT_CPU, (1, 60))
    assert "ended at the limit of processor time (signal 24): raise it, ulimit -t" in reason_of(client.load("demo"))
    client.close()


def test_killed_while_it_loads(siglip_folder):
    client = SessionClient.start()
    loading = client.load(str(siglip_folder))
    client.status().result(WAIT)
    os.kill(client.pid, signal.SIGKILL)
    assert "signal 9" in reason_of(loading)
    client.close()


def test_close_is_at_once_and_silent(siglip_folder):
    heard: list[str] = []
    client = SessionClient.start(on_death=heard.append)
    loading = client.load(str(siglip_folder))
    client.close()
    client.close()
    assert isinstance(loading.exception(1), CancelledError)
    until(lambda: gone(client.pid))
    client._reader.join(WAIT)
    assert heard == []
    late = client.status().exception(0)
    assert isinstance(late, SessionError)
    assert "it was closed; open another" in str(late)


@pytest.mark.parametrize("busy", [False, True])
def test_when_the_front_end_is_killed_the_session_goes(busy, siglip_folder):
    work = f"c.load({str(siglip_folder)!r}).result()" if busy else "c.status().result()"
    code = f"""
from vlmtui.session.client import SessionClient
c = SessionClient.start()
{work}
print(c.pid, flush=True)
import time; time.sleep(600)
"""
    front = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(front.stdout.readline())
    assert not gone(pid)
    front.kill()
    front.wait()
    until(lambda: gone(pid))
    front.stdout.close()


def test_a_front_end_that_ends_in_order_leaves_nothing(tmp_path):
    code = "from vlmtui.session.client import SessionClient; c = SessionClient.start(); print(c.pid)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=WAIT)
    assert done.stderr == ""
    until(lambda: gone(int(done.stdout)))


def test_what_is_printed_in_the_session_goes_to_the_log(tmp_path):
    """Also what C code prints on descriptor 1, and what is no protocol is refused."""
    log = tmp_path / "log"
    session = subprocess.run(
        [sys.executable, "-m", "vlmtui.session", "--log", str(log)],
        input=wire.PREAMBLE + b"\x00\x00\x00\x02hi",
        capture_output=True,
        timeout=WAIT,
    )
    assert session.stdout == wire.PREAMBLE
    assert session.stderr == b""
    assert session.returncode == 2
    assert "something other than the protocol" in log.read_text()


def test_versions_are_compared():
    with pytest.raises(ProtocolError, match="update this vlmtui"):
        _same_version(m.Welcome(wire.VERSION + 1, "9", 1, ""))
    with pytest.raises(ProtocolError, match="update the session"):
        _same_version(m.Welcome(wire.VERSION - 1, "0", 1, ""))


def test_the_client_brings_nothing_heavy():
    code = """
import sys
import vlmtui.session.client
assert not {"torch", "transformers", "huggingface_hub", "textual"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_logs(tmp_path, monkeypatch):
    from vlmtui.session import logs

    monkeypatch.setattr(logs, "user_log_dir", lambda *_, **__: str(tmp_path / "logs"))
    ended = subprocess.Popen(["true"])
    ended.wait()
    mine = logs.new_log()
    for i in range(14):
        log = mine.with_name(f"session-20260101-0000{i:02}-{ended.pid}.log")
        log.touch()
        os.utime(log, (i, i))
    newest = logs.new_log()
    kept = {path.name for path in (tmp_path / "logs").iterdir()}
    assert {mine.name, newest.name} <= kept  # this process still runs
    assert {name for name in kept if str(ended.pid) in name} == {
        f"session-20260101-0000{i:02}-{ended.pid}.log" for i in range(14 - logs.KEPT + 1, 14)
    }
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(logs, "user_log_dir", lambda *_, **__: str(tmp_path / "file" / "logs"))
    monkeypatch.setattr(logs.tempfile, "gettempdir", lambda: str(tmp_path))
    assert logs.log_folder().parent == tmp_path


def test_killed_while_idle(client):
    assert client.alive
    os.kill(client.pid, signal.SIGKILL)
    assert DIED.wait(WAIT)
    assert "killed (signal 9), by somebody or by the system, as when memory runs out" in DEATHS[0]
    assert str(client.log) in DEATHS[0]
    assert not client.alive
    assert "signal 9" in reason_of(client.status())
    client.close()
    assert len(DEATHS) == 1
